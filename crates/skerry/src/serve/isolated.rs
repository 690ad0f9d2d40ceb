//! `skerry serve --isolate-accounts`: a process for each account, and one before them that has the listeners and runs no tenant's code.
//!
//! The front starts the binary again for each account (`--account`), with what it has to know on its standard input, and passes requests
//! on over Unix sockets in the account's own data directory.

mod accounts;
mod api;
mod child;
mod figures;
mod front;
mod inside;
mod link;
mod orders;
mod reload;
mod status;
mod supervisor;

pub use child::Child;
pub use front::run;

use std::path::{Path, PathBuf};

/// The sockets of an account's process, in its data directory.
const WORKERS: &str = "http.sock";
const API: &str = "api.sock";
const S3: &str = "s3.sock";
const METRICS: &str = "metrics.sock";
/// The front's, for requests of Workers to other accounts' hosts, in the server's data directory.
const FRONT: &str = "front.sock";

/// The longest name of a socket that the system takes.
const LONGEST: usize = 107;

/// A socket that its owner alone may connect to. One that an ended process has left is replaced.
fn bind(path: &Path) -> Result<tokio::net::UnixListener, String> {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    let failed = |error: std::io::Error| format!("can't listen on {}: {error}", path.display());
    if path.as_os_str().as_bytes().len() > LONGEST {
        return Err(format!(
            "{} is too long for the name of a socket ({LONGEST} bytes): choose a shorter `data` path",
            path.display()
        ));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = tokio::net::UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

/// Where the configuration lies: paths in it are below its folder.
fn configuration(path: Option<&Path>) -> PathBuf {
    path.map_or_else(|| PathBuf::from("./skerry.toml"), Path::to_owned)
}
