//! Open files: as many as the system lets the process have, of which connections leave enough to databases and stores.

/// How many connections the listeners may have.
#[derive(Debug, PartialEq, Eq)]
pub struct Room {
    /// Each listener of Workers.
    pub workers: usize,
    pub api: usize,
}

/// Below so many it is said that there are few.
const FEW: u64 = 8192;

/// Asks the system for all that the process may have.
pub fn room() -> Room {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(%error, "the limit of open files can't be raised");
        1024
    });
    if files < FEW {
        tracing::warn!(files, "few files may be open at once: connections are held to a part of them");
    }
    share(usize::try_from(files).unwrap_or(usize::MAX))
}

fn share(files: usize) -> Room {
    Room { workers: (files / 4).min(edge::Bounds::default().max_connections), api: (files / 8).min(1024) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_take_all_files() {
        assert_eq!(share(1 << 20), Room { workers: 16_384, api: 1024 });
        // HTTP, HTTPS, the API and the metrics' listener, which has as much.
        for files in [256, 1024, 4096, 65_536] {
            let Room { workers, api } = share(files);
            assert!(2 * workers + 2 * api <= files * 3 / 4, "{files}");
        }
    }
}
