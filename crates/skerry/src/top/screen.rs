//! A terminal that is drawn anew at each look: what was there before comes back when this ends.

use std::io::{Read, Stdout, Write, stdin, stdout};

use anstream::ColorChoice;
use termion::raw::{IntoRawMode, RawTerminal};
use tokio::sync::mpsc;

use super::Sort;
use super::frame::Frame;

/// The other screen, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const END_OF_LINE: &str = "\x1b[K\r\n";
const BELOW: &str = "\x1b[J";

pub struct Screen {
    /// Each key comes as it is pressed.
    terminal: RawTerminal<Stdout>,
    keys: mpsc::Receiver<u8>,
    colours: bool,
}

pub enum Key {
    Quit,
    Sort(Sort),
    Other,
}

// === impl Screen ===

impl Screen {
    pub fn open() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("the terminal can't be drawn on: {error}");
        let mut terminal = stdout().into_raw_mode().map_err(failed)?;
        terminal.write_all(ENTER.as_bytes()).and_then(|()| terminal.flush()).map_err(failed)?;
        let (pressed, keys) = mpsc::channel(16);
        // It waits for a key until the process ends.
        std::thread::spawn(move || {
            for byte in stdin().lock().bytes() {
                let Ok(byte) = byte else { return };
                if pressed.blocking_send(byte).is_err() {
                    return;
                }
            }
        });
        let colours = anstream::AutoStream::choice(&stdout()) != ColorChoice::Never;
        Ok(Self { terminal, keys, colours })
    }

    /// As many lines as there is room for, each as long as there is room for.
    pub fn draw(&mut self, frame: &Frame<'_>) -> std::io::Result<()> {
        // Some terminals do not know how large they are.
        let size = termion::terminal_size().ok().filter(|(width, height)| *width > 0 && *height > 0);
        let (width, height) = size.unwrap_or((80, 24));
        let (width, height) = (usize::from(width), usize::from(height));
        let mut text = String::from(HOME);
        for line in frame.lines().iter().take(height.saturating_sub(2)) {
            text.push_str(&fitted(line, width, self.colours));
            text.push_str(END_OF_LINE);
        }
        text.push_str(END_OF_LINE);
        text.push_str(&fitted(&Frame::footer(frame.sort()), width, self.colours));
        text.push_str(BELOW);
        self.terminal.write_all(text.as_bytes())?;
        self.terminal.flush()
    }

    /// The next key. One that can't be read any more ends it.
    pub async fn key(&mut self) -> Key {
        match self.keys.recv().await {
            // In raw mode Ctrl-C is a key too, and Ctrl-D.
            None | Some(b'q' | b'Q' | 3 | 4) => Key::Quit,
            Some(b'c') => Key::Sort(Sort::Cpu),
            Some(b'r') => Key::Sort(Sort::Requests),
            Some(_) => Key::Other,
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.terminal.write_all(LEAVE.as_bytes());
        let _ = self.terminal.flush();
    }
}

/// The part of a line that fits `width` columns, with its colours or without.
fn fitted(line: &str, width: usize, colours: bool) -> String {
    let mut text = String::new();
    let (mut columns, mut in_escape) = (0, false);
    for c in line.chars() {
        match c {
            '\x1b' => in_escape = true,
            _ if in_escape => {}
            _ if columns == width => continue,
            _ => columns += 1,
        }
        if !in_escape || colours {
            text.push(c);
        }
        if in_escape && c.is_ascii_alphabetic() {
            in_escape = false;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_without_their_colours_being_cut() {
        let line = "\x1b[1mabc\x1b[0mdef";
        assert_eq!(fitted(line, 4, true), "\x1b[1mabc\x1b[0md");
        assert_eq!(fitted(line, 2, true), "\x1b[1mab\x1b[0m");
        assert_eq!(fitted(line, 4, false), "abcd");
    }
}
