//! The files of one object: its database, its log, and what the history needs. A new object's database is a copy of one
//! that SQLite made before, so that to make it takes no transaction and no sync of its own; see `seal.rs` for how it goes on.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use store::rusqlite::{self, Connection};

use crate::storage::SCHEMA;

/// The application ids of databases that were copied from the template: "SKDN", and "SKDO" when they are sealed.
const UNSEALED: u32 = 0x534b_444e;
pub(crate) const SEALED: u32 = 0x534b_444f;
/// A database's header, and where it has the size in pages and the application id.
pub(crate) const HEADER: usize = 100;
pub(crate) const PAGES_AT: usize = 28;
pub(crate) const APPLICATION_AT: usize = 68;

/// A namespace's folder. It is made, durably, when the first object stores something.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    made: Mutex<bool>,
}

/// Where one object's files are.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) folder: Arc<Folder>,
    pub(crate) database: PathBuf,
}

/// What is found of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    /// Its database, with everything in it.
    Database,
    /// Its database and a log that an end of the process left.
    DatabaseAndLog,
}

// === impl Folder ===

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, made: Mutex::new(false) }
    }

    /// Makes the folder where it is missing, and sees to it that it and those above it outlive a loss of power.
    fn make(&self) -> io::Result<()> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if *made {
            return Ok(());
        }
        fs::create_dir_all(&self.path)?;
        // Whoever made one of these may have been stopped before it synced it: where state is, four above are ours.
        for above in self.path.ancestors().skip(1).take(4).filter(|path| !path.as_os_str().is_empty()) {
            File::open(above)?.sync_all()?;
        }
        *made = true;
        Ok(())
    }
}

// === impl Files ===

impl Files {
    pub(crate) fn new(folder: Arc<Folder>, name: &str) -> Self {
        let database = folder.path.join(format!("{name}.sqlite"));
        Self { folder, database }
    }

    /// The write-ahead log, as SQLite calls it.
    pub(crate) fn log(&self) -> PathBuf {
        let mut path: OsString = self.database.as_os_str().to_owned();
        path.push("-wal");
        path.into()
    }

    pub(crate) fn history(&self) -> PathBuf {
        self.database.with_extension("history")
    }

    /// Says that the next instance is to find an earlier state.
    pub(crate) fn restore(&self) -> PathBuf {
        self.database.with_extension("restore")
    }

    /// What there is. What is left of an object that had never acknowledged anything is removed.
    pub(crate) fn find(&self) -> io::Result<Found> {
        let database = match File::open(&self.database) {
            Ok(database) => database,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        if is_unsealed(&database)? {
            fs::remove_file(&self.database)?;
            return Ok(Found::Nothing);
        }
        let log = match fs::metadata(self.log()) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(if log > 0 { Found::DatabaseAndLog } else { Found::Database })
    }

    /// Makes the database of an object that has none. Nothing is synced.
    pub(crate) fn create(&self) -> io::Result<File> {
        self.folder.make()?;
        let template = template(&self.folder.path)?;
        let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(&self.database)?;
        file.write_all(&template)?;
        Ok(file)
    }
}

static TEMPLATE: Mutex<Option<Arc<[u8]>>> = Mutex::new(None);

/// The bytes of an object's database before anything is stored. `folder`: where it may be made.
fn template(folder: &Path) -> io::Result<Arc<[u8]>> {
    let mut made = TEMPLATE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(template) = &*made {
        return Ok(template.clone());
    }
    let path = folder.join(format!("new-{}", std::process::id()));
    let built = build(&path);
    for rest in ["", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(rest);
        let _ = fs::remove_file(name);
    }
    Ok(made.insert(built?.into()).clone())
}

fn build(path: &Path) -> io::Result<Vec<u8>> {
    let make = || -> rusqlite::Result<()> {
        let connection = Connection::open(path)?;
        // Pages that nothing needs can be given back, when somebody asks for it.
        connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA auto_vacuum = INCREMENTAL")?;
        connection.pragma_update(None, "application_id", UNSEALED as i32)?;
        connection.execute_batch(&SCHEMA.concat())?;
        connection.pragma_update(None, "user_version", SCHEMA.len() as i64)?;
        connection.close().map_err(|(_, error)| error)
    };
    make().map_err(io::Error::other)?;
    fs::read(path)
}

/// Whether a database was never sealed, or not even made when the process ended or the power went.
fn is_unsealed(database: &File) -> io::Result<bool> {
    let mut header = [0; HEADER];
    match database.read_exact_at(&mut header, 0) {
        Ok(()) => Ok(int(&header, APPLICATION_AT) == UNSEALED || header.iter().all(|byte| *byte == 0)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(true),
        Err(error) => Err(error),
    }
}

/// A big-endian number, as SQLite's files have them.
pub(crate) fn int(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// The size of a page, by a database's first 100 bytes.
pub(crate) fn page_size(header: &[u8; 100]) -> u64 {
    match u64::from(header[16]) << 8 | u64::from(header[17]) {
        1 => 65_536,
        size => size.max(512),
    }
}

#[cfg(test)]
mod tests;
