//! Puts an object back to an earlier state when it is opened. A note beside its database says that it is to be; it stays
//! until all is done, and each step can be done again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};

use crate::bookmark::Point;
use crate::database::now;
use crate::files::Files;
use crate::history::{History, MAX_BYTES};
use crate::{Bookmark, Error, ObjectId, Storage};

/// Notes that the state at `bookmark` is to be restored, as the beginning of the epoch `next`.
pub(crate) fn request(files: &Files, bookmark: &str, next: Point) -> io::Result<()> {
    let path = files.restore();
    let new = path.with_extension("restore-new");
    let mut file = File::create(&new)?;
    writeln!(file, "{bookmark} {}", next.epoch)?;
    file.sync_all()?;
    fs::rename(new, path)?;
    File::open(&files.folder.path)?.sync_all()
}

/// Restores what was asked for. Whether it could be: a history that does not reach back any more changes nothing.
pub(crate) fn carry_out(files: &Files, id: &ObjectId) -> Result<bool, Error> {
    let text = fs::read_to_string(files.restore())?;
    let damaged = || Error::Damaged(files.restore());
    let (bookmark, epoch) = text.trim_end().split_once(' ').ok_or_else(damaged)?;
    let target = Bookmark::read(id, bookmark)?;
    let next = Point { epoch: epoch.parse().map_err(|_| damaged())?, number: 0 };

    let mut history = History::new(files.history(), MAX_BYTES);
    if history.last()?.is_none_or(|last| last.point < next) {
        // What is in the log is the present state's, which is to be kept too.
        let mut storage = Storage::open_as_is(files.clone(), Some(*id))?;
        if !storage.checkpoint()? {
            return Err(Error::InUse);
        }
        drop(storage);
        let plan = match history.plan(target, None) {
            Ok(plan) => plan,
            Err(error) => {
                tracing::error!(%error, "{id} stays as it is");
                done(files)?;
                return Ok(false);
            }
        };
        history = History::new(files.history(), MAX_BYTES);
        history.turn(&File::open(&files.database)?, &plan, now())?;
    }
    let plan = history.plan(target, Some(next))?;
    plan.carry_out(&OpenOptions::new().read(true).write(true).open(&files.database)?)?;
    done(files)?;
    Ok(true)
}

fn done(files: &Files) -> io::Result<()> {
    fs::remove_file(files.restore())?;
    File::open(&files.folder.path)?.sync_all()
}
