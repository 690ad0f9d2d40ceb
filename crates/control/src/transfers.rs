//! Files of SQL on their way to and from D1 databases, each behind a link that nobody can guess, and the imports and exports
//! that are under way. All of it ends with the process: what was not finished is asked for again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::envelope::ApiError;

/// How long a link leads somewhere.
const LIFETIME: Duration = Duration::from_secs(3600);
/// Links of one account at a time.
const MAX_LINKS: usize = 16;
/// How long a request waits for a job that it began or asks for.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Transfers {
    folder: PathBuf,
    links: Mutex<HashMap<String, Link>>,
    pub(crate) imports: Jobs<Result<Imported, String>>,
    /// Each gives the link to its file.
    pub(crate) exports: Jobs<Result<String, String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Imported {
    pub(crate) done: d1::Imported,
    pub(crate) bookmark: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) account: String,
    pub(crate) database: String,
    pub(crate) file: PathBuf,
    pub(crate) what: What,
    expires: Instant,
}

/// What a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A file whose MD5 is said to be this (hexadecimal).
    Upload {
        etag: String,
        state: Upload,
    },
    Download,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upload {
    Awaited,
    UnderWay,
    Whole,
}

/// The last job of each database.
pub(crate) struct Jobs<T>(Mutex<HashMap<String, watch::Receiver<Option<T>>>>);

// === impl Transfers ===

impl Transfers {
    /// Files of links that another process gave are removed.
    pub(crate) fn new(folder: PathBuf) -> Self {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, folder = %folder.display(), "files of earlier imports and exports can't be removed");
            }
            _ => {}
        }
        Self { folder, links: Mutex::default(), imports: Jobs::default(), exports: Jobs::default() }
    }

    /// A new link, and its file, which is not there yet.
    pub(crate) fn link(&self, account: &str, database: &str, what: What) -> Result<(String, PathBuf), ApiError> {
        std::fs::create_dir_all(&self.folder).map_err(|error| ApiError::internal(&error))?;
        let mut links = self.links();
        links.retain(|_, link| {
            let holds = link.expires > Instant::now();
            if !holds {
                remove(&link.file);
            }
            holds
        });
        if links.values().filter(|link| link.account == account).count() >= MAX_LINKS {
            let message = "Too many imports and exports within the last hour. Try again later.";
            return Err(ApiError::new(http::StatusCode::TOO_MANY_REQUESTS, 7429, message));
        }
        // Whose it is stands first, for a process that has only the URL to go by.
        let secret = format!("{account}{}{}", registry::new_hex_id(), registry::new_hex_id());
        let file = self.folder.join(format!("{secret}.sql"));
        let (account, database) = (account.to_owned(), database.to_owned());
        let link = Link { account, database, file: file.clone(), what, expires: Instant::now() + LIFETIME };
        links.insert(secret.clone(), link);
        Ok((secret, file))
    }

    /// What a link leads to.
    pub(crate) fn find(&self, secret: &str) -> Option<Link> {
        self.links().get(secret).filter(|link| link.expires > Instant::now()).cloned()
    }

    /// Moves an upload on; `None` where the link is not for one that is at `from`.
    pub(crate) fn advance(&self, secret: &str, from: Upload, to: Upload) -> Option<Link> {
        let mut links = self.links();
        let link = links.get_mut(secret).filter(|link| link.expires > Instant::now())?;
        match &mut link.what {
            What::Upload { state, .. } if *state == from => *state = to,
            _ => return None,
        }
        Some(link.clone())
    }

    /// The file that was uploaded for a database, which is the caller's now.
    pub(crate) fn take(&self, database: &str, wanted: &str) -> Option<PathBuf> {
        let mut links = self.links();
        let is_it = |link: &Link| {
            let whole = matches!(&link.what, What::Upload { etag, state: Upload::Whole } if etag == wanted);
            whole && link.database == database && link.expires > Instant::now()
        };
        let secret = links.iter().find(|(_, link)| is_it(link)).map(|(secret, _)| secret.clone())?;
        links.remove(&secret).map(|link| link.file)
    }

    /// Ends a link before its time.
    pub(crate) fn forget(&self, secret: &str) {
        if let Some(link) = self.links().remove(secret) {
            remove(&link.file);
        }
    }

    fn links(&self) -> MutexGuard<'_, HashMap<String, Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a file that may never have been made.
pub(crate) fn remove(file: &Path) {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, file = %file.display(), "a file of an import or export can't be removed");
        }
        _ => {}
    }
}

// === impl Jobs ===

impl<T> Default for Jobs<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone + Send + Sync + 'static> Jobs<T> {
    /// Begins a job, which goes on whoever leaves. `false`: the one before still runs.
    pub(crate) fn begin(&self, database: &str, work: impl Future<Output = T> + Send + 'static) -> bool {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = |job: &watch::Receiver<Option<T>>| job.borrow().is_none() && job.has_changed().is_ok();
        if jobs.get(database).is_some_and(runs) {
            return false;
        }
        let (done, job) = watch::channel(None);
        jobs.insert(database.to_owned(), job);
        tokio::spawn(async move { done.send_replace(Some(work.await)) });
        true
    }

    /// Waits a while for the job of a database. `None`: there is none; `Some(None)`: it goes on.
    pub(crate) async fn wait(&self, database: &str) -> Option<Option<T>> {
        let mut job = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(database)?.clone();
        let waiting = job.wait_for(Option::is_some);
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(done)) => Some(done.clone()),
            // It broke off without a result.
            Ok(Err(_)) => None,
            Err(_) => Some(None),
        }
    }
}
