//! Cron triggers: when a Worker's scheduled handler runs. When one was last due is remembered, so that none runs twice.

use crate::{Error, Registry, Stamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The tag of its script.
    pub script: String,
    pub cron: String,
    pub created: Stamp,
    /// The last minute for which it ran.
    pub ran: Stamp,
}

// === impl Registry ===

impl Registry {
    /// The script's schedules are these, and no others.
    pub async fn set_schedules(&self, script: &str, crons: Vec<String>) -> Result<Vec<Schedule>, Error> {
        let tag = script.to_owned();
        self.write(move |connection| {
            let known = serde_json::to_string(&crons)?;
            let sql = "DELETE FROM schedule WHERE script = ?1 AND cron NOT IN (SELECT value FROM json_each(?2))";
            connection.execute(sql, (&tag, known))?;
            let now = Stamp::now().0;
            for cron in &crons {
                connection.execute("INSERT OR IGNORE INTO schedule VALUES (?1, ?2, ?3, ?3)", (&tag, cron, now))?;
            }
            Ok(())
        })
        .await?;
        self.schedules(Some(script))
    }

    /// The schedules of one script or of all.
    pub fn schedules(&self, script: Option<&str>) -> Result<Vec<Schedule>, Error> {
        self.read(|connection| {
            let sql = "SELECT * FROM schedule WHERE script = ?1 OR ?1 IS NULL ORDER BY script, cron";
            let mut statement = connection.prepare_cached(sql)?;
            let schedules = statement.query_map([script], |row| {
                Ok(Schedule {
                    script: row.get(0)?,
                    cron: row.get(1)?,
                    created: Stamp(row.get(2)?),
                    ran: Stamp(row.get(3)?),
                })
            })?;
            Ok(schedules.collect::<Result<_, _>>()?)
        })
    }

    /// Notes that a schedule was due at `due`. Whether it was the first to say so.
    pub async fn schedule_ran(&self, schedule: &Schedule, due: Stamp) -> Result<bool, Error> {
        let Schedule { script, cron, .. } = schedule.clone();
        self.write(move |connection| {
            let sql = "UPDATE schedule SET ran = ?3 WHERE script = ?1 AND cron = ?2 AND ran < ?3";
            Ok(connection.execute(sql, (script, cron, due.0))? > 0)
        })
        .await
    }
}
