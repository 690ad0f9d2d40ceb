//! `skerry top`: what a running server's Workers do at the moment, refreshed until somebody has seen enough.

mod frame;
mod screen;

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::signals::stop_on_signal;
use crate::status::Status;
use crate::status::ask::{self, Server, ServerArguments};
use frame::Frame;
use screen::{Key, Screen};

#[derive(Args)]
#[command(after_help = "\
Examples:
  skerry top                    of the server whose data is in ./skerry-data; q or Ctrl-C ends it
  skerry top --sort requests    the Worker with most requests first
  skerry top --count 5 | cat    five times in plain text")]
pub struct TopArguments {
    #[command(flatten)]
    pub server: ServerArguments,
    /// Which Worker comes first; c and r change it
    #[arg(long, value_enum, default_value_t = Sort::Cpu)]
    pub sort: Sort,
    /// Seconds from one look to the next
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub interval: u64,
    /// End after so many looks [default: when q is pressed]
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    Cpu,
    Requests,
}

pub async fn run(arguments: TopArguments) -> Result<(), String> {
    let server = Server::find(&arguments.server)?;
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    // A server that does not answer is told of before the screen changes.
    let first = ask::status(server.ask().await?)?;
    let is_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    let screen = if is_terminal { Some(Screen::open()?) } else { None };
    let mut top = Top { sort: arguments.sort, now: first, before: None, screen, failed: None };
    let mut due = Instant::now();
    let mut looks = 0;
    loop {
        top.draw()?;
        looks += 1;
        if arguments.count.is_some_and(|count| looks >= count) {
            return Ok(());
        }
        due += Duration::from_secs(arguments.interval);
        if !top.wait(due, &stop).await? {
            return Ok(());
        }
        top.look(&server).await?;
    }
}

struct Top {
    sort: Sort,
    now: Status,
    before: Option<Status>,
    /// `None`: nobody watches, and each look is printed below the one before.
    screen: Option<Screen>,
    /// Why the server did not answer the last time.
    failed: Option<String>,
}

// === impl Top ===

impl Top {
    fn draw(&mut self) -> Result<(), String> {
        let frame = Frame::new(&self.now, self.before.as_ref(), self.sort, self.failed.as_deref());
        let drawn = match &mut self.screen {
            Some(screen) => screen.draw(&frame),
            None => print(&frame.lines()),
        };
        match drawn {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
            drawn => drawn.map_err(|error| format!("nothing can be printed: {error}")),
        }
    }

    /// Waits for the next look. Whether there is to be one.
    async fn wait(&mut self, due: Instant, stop: &CancellationToken) -> Result<bool, String> {
        loop {
            let key = async {
                match &mut self.screen {
                    Some(screen) => screen.key().await,
                    None => std::future::pending().await,
                }
            };
            let key = tokio::select! {
                () = stop.cancelled() => return Ok(false),
                () = tokio::time::sleep_until(due) => return Ok(true),
                key = key => key,
            };
            match key {
                Key::Quit => return Ok(false),
                Key::Sort(sort) => self.sort = sort,
                Key::Other => continue,
            }
            self.draw()?;
        }
    }

    async fn look(&mut self, server: &Server) -> Result<(), String> {
        match server.ask().await.and_then(ask::status) {
            Ok(status) => {
                self.before = Some(std::mem::replace(&mut self.now, status));
                self.failed = None;
                Ok(())
            }
            // It may be about to start again.
            Err(reason) if self.screen.is_some() => {
                self.failed = Some(reason);
                Ok(())
            }
            Err(reason) => Err(reason),
        }
    }
}

fn print(lines: &[String]) -> std::io::Result<()> {
    let mut out = anstream::StripStream::new(std::io::stdout().lock());
    for line in lines {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    out.flush()
}
