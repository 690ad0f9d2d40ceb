//! What a server does beside answering requests, each under a name that an error can tell.

use std::fmt::Display;

use tokio::task::JoinHandle;

#[derive(Default)]
pub struct Tasks(Vec<(&'static str, JoinHandle<Result<(), String>>)>);

// === impl Tasks ===

impl Tasks {
    pub fn add(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let task = async {
            task.await;
            Ok(())
        };
        self.0.push((name, tokio::spawn(task)));
    }

    pub fn add_fallible<E: Display>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let task = async { task.await.map_err(|error| error.to_string()) };
        self.0.push((name, tokio::spawn(task)));
    }

    /// Waits for all of them.
    pub async fn ended(self) -> Result<(), String> {
        for (name, task) in self.0 {
            let ended = task.await.map_err(|error| error.to_string()).flatten();
            ended.map_err(|error| format!("{name} broke off: {error}"))?;
        }
        Ok(())
    }
}
