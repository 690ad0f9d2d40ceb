//! Cron triggers: each runs its Worker's scheduled handler once in every minute that its expression names, in UTC. What fell due
//! while the server was down is not made up for, as on the platform; a run that lasts does not hold up the next.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use registry::{Schedule, Stamp};
use saffron::Cron;
use tokio_util::sync::CancellationToken;
use workers::Scheduled;

use crate::Platform;

/// An expression in the platform's own syntax; an error says what is wrong with it.
pub fn parse(expression: &str) -> Result<Cron, String> {
    let cron = Cron::from_str(expression).map_err(|error| format!("the cron {expression:?} can't be read: {error}"))?;
    match cron.any() {
        true => Ok(cron),
        false => Err(format!("the cron {expression:?} names no time that ever comes")),
    }
}

// === impl Platform ===

impl Platform {
    /// Runs what is due, minute by minute, until `stop` fires.
    pub async fn run_crons(self, stop: CancellationToken) {
        loop {
            let next = minute(Utc::now()) + TimeDelta::minutes(1);
            let wait = (next - Utc::now()).to_std().unwrap_or(Duration::ZERO);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            self.run_due(next).await;
        }
    }

    /// Begins everything that is due in this minute.
    async fn run_due(&self, due: DateTime<Utc>) {
        let schedules = match self.registry().schedules(None) {
            Ok(schedules) => schedules,
            Err(error) => return tracing::error!(%error, "cron triggers can't be read"),
        };
        for schedule in schedules {
            let stamp = Stamp(due.timestamp_millis());
            if !parse(&schedule.cron).is_ok_and(|cron| cron.contains(due)) || schedule.created > stamp {
                continue;
            }
            // Noted before it runs: after a crash, a run is missed rather than made twice.
            match self.registry().schedule_ran(&schedule, stamp).await {
                Ok(true) => drop(tokio::spawn(self.clone().run_scheduled(schedule, stamp))),
                Ok(false) => {}
                Err(error) => tracing::error!(%error, cron = schedule.cron, "a cron trigger can't be noted"),
            }
        }
    }

    async fn run_scheduled(self, schedule: Schedule, due: Stamp) {
        let deployed = match self.deployed(&schedule.script).await {
            Ok(deployed) => deployed,
            Err(error) => return tracing::warn!(%error, cron = schedule.cron, "a cron trigger found no Worker"),
        };
        let Some(live) = deployed.choose(None, None) else { return };
        let watched = self
            .is_watched(&live.script)
            .then(|| self.begin_watch(live, serde_json::json!({ "cron": schedule.cron, "scheduledTime": due.0 })));
        let followed = self.follow_schedule(live, &schedule.cron);
        let usage = crate::traces::usage(watched.as_ref(), followed.as_ref());
        let invocations = followed.as_ref().map_or_else(Default::default, |followed| followed.invocations());
        let event =
            Scheduled { cron: schedule.cron, scheduled_time: due.0 as f64, colo: self.0.colo.clone(), invocations };
        let outcome = live.program.scheduled(event, usage.clone()).await;
        live.meter.ran(outcome.as_ref().err(), usage.cpu());
        if let Some(watched) = watched {
            watched.answered(None, outcome.as_ref().err());
        }
        if let Some(followed) = followed {
            followed.answered(None, outcome.as_ref().err());
        }
        if let Err(cause) = outcome {
            tracing::warn!(?cause, worker = deployed.script.name, "a scheduled run failed");
        }
    }
}

fn minute(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::minutes(1)).unwrap_or(time)
}
