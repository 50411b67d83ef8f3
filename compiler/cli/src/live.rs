//! The line that shows how far a long run is, on a terminal only.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use nsf_engine::run::RunError;
use nsf_engine::run::event::{Event, Progress};
use nsf_engine::run::options::EventListener;

use crate::numbers::{bytes, count, rate, seconds};

/// Seconds after which a run counts as long.
const LONG: f64 = 1.5;

/// The line; empty when standard error is no terminal.
#[derive(Clone)]
pub struct Live {
    shown: Arc<Mutex<bool>>,
    terminal: bool,
}

impl Live {
    /// A line at standard error, if that is a terminal.
    pub fn new() -> Self {
        let terminal = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { shown: Arc::default(), terminal }
    }

    /// Keeps the line up to date; to be given to the run.
    pub fn listener(&self) -> EventListener {
        let live = self.clone();
        Arc::new(move |event: &Event| match event {
            Event::Progress(progress) if live.terminal && progress.seconds >= LONG => live.show(&line(progress)),
            Event::Stopping => live.stopping(),
            Event::Overdue => live.end(),
            _ => {}
        })
    }

    /// Takes the line away.
    pub fn clear(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *shown) {
            write("\r\u{1b}[K");
        }
    }

    fn show(&self, line: &str) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = true;
        write(&format!("\r\u{1b}[K{line}"));
    }

    fn stopping(&self) {
        self.clear();
        write("stopping: what was taken in is committed; press Ctrl-C again to stop at once\n");
    }
}

impl Live {
    /// Ends the process where the run does not.
    fn end(&self) {
        self.clear();
        write(&format!("error: {}\n", RunError::Aborted));
        std::process::exit(1);
    }
}

/// A terminal that cannot be written to shows nothing, and that is all that follows.
fn write(text: &str) {
    let mut errors = std::io::stderr().lock();
    let _ = errors.write_all(text.as_bytes()).and_then(|()| errors.flush());
}

fn line(progress: &Progress) -> String {
    let mut parts = vec![
        format!("{} records", count(progress.records)),
        format!("{}/s", rate(progress.rate)),
        format!("{} rejected", count(progress.rejected)),
    ];
    if progress.lag > 0 {
        parts.push(format!("{} to go", bytes(progress.lag)));
    }
    parts.push(seconds(progress.seconds));
    parts.join("   ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_and_how_fast() {
        let progress = Progress { records: 1_200_000, rate: 183_611.0, rejected: 3, lag: 2_500_000, seconds: 6.5 };
        assert_eq!(line(&progress), "1,200,000 records   184,000/s   3 rejected   2.5 MB to go   6.50 s");
    }
}
