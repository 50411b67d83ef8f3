//! What a person is told when it does not go on.

use serde::{Deserialize, Serialize};

use nsf_engine::{
    connector::ConnectorError,
    run::{BuildError, RunError},
};

/// What is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What happened.
    pub message: String,
    /// Where in the program, if it is there.
    pub place: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    /// A problem in these words.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, help: None }
    }

    /// The same with what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Of a connector, with the part of the program that it stands for.
    pub fn connector(part: &str, error: &ConnectorError) -> Self {
        Self { message: format!("{part}: {}", error.message), place: None, help: error.help.clone() }
    }

    /// Of the building of a plan.
    pub fn build(error: &BuildError) -> Self {
        let message = format!("{}: {}", error.part, error.message);
        Self { message, place: error.place.clone(), help: error.help.clone() }
    }

    /// Of a run.
    pub fn run(error: &RunError) -> Self {
        match error {
            RunError::Connector { part, error } => Self::connector(part, error),
            RunError::Refused(error) => Self::build(error),
            other => Self::new(other.to_string()),
        }
    }

    /// What happened and what to do, in one line.
    pub fn in_one_line(&self) -> String {
        self.help.as_ref().map_or_else(|| self.message.clone(), |help| format!("{} ({help})", self.message))
    }

    /// Its lines.
    pub fn text(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        if let Some(place) = &self.place {
            text.push_str(&format!("  --> {place}\n"));
        }
        if let Some(help) = &self.help {
            text.push_str(&format!("  = help: {help}\n"));
        }
        text
    }

    /// Prints it at standard error.
    pub fn print(&self) {
        eprint!("{}", self.text());
    }
}
