//! What the terminal shows: requests, console lines, exceptions; nothing below the chosen level.

use std::fmt::Write;

use http::StatusCode;
use workers::{Level, LogLine};

use super::trace::{Sources, Thrown};
use crate::cli::{self, LogLevel};

/// Prints for one Worker; its name goes before every line when there are several.
#[derive(Clone)]
pub struct Printer {
    prefix: String,
    level: LogLevel,
}

/// A request that was answered.
pub struct Answered<'a> {
    pub method: &'a http::Method,
    pub path: &'a str,
    pub status: StatusCode,
    pub wall: std::time::Duration,
    pub cpu: std::time::Duration,
}

// === impl Printer ===

impl Printer {
    pub fn new(name: Option<String>, level: LogLevel) -> Self {
        let prefix = name.map_or_else(String::new, |name| format!("{}[{name}]{} ", cli::DIM, cli::PLAIN));
        Self { prefix, level }
    }

    pub fn prints(&self, level: LogLevel) -> bool {
        self.level >= level
    }

    pub fn request(&self, answered: &Answered<'_>) {
        if !self.prints(LogLevel::Info) {
            return;
        }
        let Answered { method, path, status, wall, cpu } = answered;
        let colour = match status.as_u16() {
            500.. => cli::RED,
            400.. => cli::YELLOW,
            _ => cli::GREEN,
        };
        let (wall, cpu) = (wall.as_secs_f64() * 1000.0, cpu.as_secs_f64() * 1000.0);
        let plain = cli::PLAIN;
        anstream::println!(
            "{}{method} {} {colour}{}{plain} {}{wall:.1} ms (CPU {cpu:.1} ms){plain}",
            self.prefix,
            visible(path),
            status.as_u16(),
            cli::DIM
        );
    }

    pub fn log(&self, line: &LogLine, sources: &Sources) {
        let (level, colour) = match line.level {
            Level::Debug => (LogLevel::Debug, cli::DIM),
            Level::Log => (LogLevel::Log, ""),
            Level::Warn => (LogLevel::Warn, cli::YELLOW),
            Level::Error => (LogLevel::Error, cli::RED),
        };
        if !self.prints(level) {
            return;
        }
        let at = line.at.as_ref().map(|frame| sources.place(frame)).unwrap_or_default();
        let said = sources.text(&line.text);
        let text = format!("{}{colour}{}{} {}{at}{}", self.prefix, visible(&said), cli::PLAIN, cli::DIM, cli::PLAIN);
        match line.level {
            Level::Debug | Level::Log => anstream::println!("{text}"),
            Level::Warn | Level::Error => anstream::eprintln!("{text}"),
        }
    }

    pub fn thrown(&self, thrown: &Thrown) {
        if !self.prints(LogLevel::Error) {
            return;
        }
        let mut text = format!("{}{}{}{}", self.prefix, cli::RED, visible(&thrown.title()), cli::PLAIN);
        for line in thrown.stack() {
            let _ = write!(text, "\n{}    {}{}", cli::DIM, visible(&line), cli::PLAIN);
        }
        anstream::eprintln!("{text}");
    }

    pub fn error(&self, message: &str) {
        if self.prints(LogLevel::Error) {
            anstream::eprintln!("{}{}error:{} {message}", self.prefix, cli::RED, cli::PLAIN);
        }
    }

    pub fn warning(&self, message: &str) {
        if self.prints(LogLevel::Warn) {
            anstream::eprintln!("{}{}warning:{} {message}", self.prefix, cli::YELLOW, cli::PLAIN);
        }
    }

    pub fn info(&self, message: &str) {
        if self.prints(LogLevel::Info) {
            anstream::println!("{}{message}", self.prefix);
        }
    }
}

/// Text of others for the terminal: control characters, which could move the cursor or hide lines, are shown as escapes.
/// Colours (SGR) pass, as Workers may log them.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\n' && c != '\t') {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(end) = colour_end(rest) {
            shown.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let mut characters = rest.chars();
        if let Some(control) = characters.next() {
            let _ = write!(shown, "{}", control.escape_default());
        }
        rest = characters.as_str();
    }
    shown.push_str(rest);
    shown
}

/// The length of the colour sequence that `text` begins with: ESC [ digits and semicolons, m.
fn colour_end(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    parameters[end..].starts_with('m').then_some(2 + end + 1)
}
