//! What happens, as lines at standard error: for people, or one JSON object each.

use std::io::Write as _;

use nsf_engine::run::event::Event;
use serde_json::{Map, Value};

use crate::{JournalFormat, problem::Problem};

/// Writes lines.
#[derive(Clone, Copy, Debug)]
pub struct Journal {
    format: JournalFormat,
    /// Whether commits and progress are written too.
    verbose: bool,
}

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For those who look into how it works.
    Debug,
    /// What happens.
    Info,
    /// What somebody may have to look at.
    Warn,
    /// What keeps it from going on.
    Error,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl Journal {
    /// A journal in this format.
    pub const fn new(format: JournalFormat, verbose: bool) -> Self {
        Self { format, verbose }
    }

    /// Writes an event of the run.
    pub fn event(&self, event: &Event) {
        let (level, words) = words(event);
        if level == Level::Debug && !self.verbose {
            return;
        }
        let fields = match serde_json::to_value(event) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        self.line(level, &words, fields);
    }

    /// Writes a problem that is waited for.
    pub fn problem(&self, problem: &Problem) {
        let mut fields = Map::new();
        fields.insert("event".to_owned(), "waiting".into());
        self.line(Level::Error, &format!("{}; waiting for it", problem.in_one_line()), fields);
    }

    /// Writes something in words.
    pub fn say(&self, level: Level, words: &str) {
        self.line(level, words, Map::new());
    }

    fn line(&self, level: Level, words: &str, mut fields: Map<String, Value>) {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let line = match self.format {
            JournalFormat::Text => format!("{now} {:5} {words}\n", level.name()),
            JournalFormat::Json => {
                let mut line = Map::new();
                line.insert("time".to_owned(), now.to_string().into());
                line.insert("level".to_owned(), level.name().into());
                line.insert("message".to_owned(), words.into());
                line.append(&mut fields);
                format!("{}\n", Value::Object(line))
            }
        };
        // Whoever reads the journal may be gone; the worker goes on.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// An event in words.
fn words(event: &Event) -> (Level, String) {
    match event {
        Event::Progress(progress) => {
            let words = format!(
                "{} records taken, {:.0} a second, {} rejected, {} bytes waiting",
                progress.records, progress.rate, progress.rejected, progress.lag
            );
            (Level::Debug, words)
        }
        Event::Committed(commit) => {
            let words = format!("commit {}: {} records, {:.0} ms", commit.number, commit.records, commit.milliseconds);
            (Level::Debug, words)
        }
        Event::Note(note) => (Level::Warn, note.message.clone()),
        Event::Partition(moved) => {
            (Level::Info, format!("partition {} of topic {} {}", moved.partition, moved.topic, moved.what))
        }
        Event::LaneFailed(failed) if failed.lost => {
            (Level::Warn, format!("lane {} is taken up again: {}", failed.lane, failed.message))
        }
        Event::LaneFailed(failed) => (Level::Warn, format!("lane {} waits: {}", failed.lane, failed.message)),
        Event::RolledBack(back) => {
            let words = format!(
                "the store lost what it had acknowledged: {} messages of partition {} of topic {} are read again",
                back.messages, back.partition, back.topic
            );
            (Level::Warn, words)
        }
        Event::Trouble(trouble) => {
            let help = trouble.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
            (Level::Error, format!("{}: {}{help}; waiting for it", trouble.part, trouble.message))
        }
        Event::Healed => (Level::Info, "it works again".to_owned()),
        Event::Stopping => (Level::Info, "stopping: what was taken is committed".to_owned()),
        Event::Overdue => (Level::Warn, "stopping takes long".to_owned()),
    }
}
