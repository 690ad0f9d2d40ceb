//! What a server does beside answering requests, each under a name that an error can tell.

use tokio::task::JoinHandle;

#[derive(Default)]
pub struct Tasks(Vec<(&'static str, JoinHandle<()>)>);

// === impl Tasks ===

impl Tasks {
    pub fn add(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.0.push((name, tokio::spawn(task)));
    }

    /// Waits for all of them.
    pub async fn ended(self) -> Result<(), String> {
        for (name, task) in self.0 {
            task.await.map_err(|error| format!("{name} broke off: {error}"))?;
        }
        Ok(())
    }
}
