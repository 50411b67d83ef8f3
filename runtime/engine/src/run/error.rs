//! Why a plan cannot be built or a run ended before its inputs did.

use std::fmt;

use nsf_plan::{Origin, Plan};

use crate::connector::{ConnectorError, ConnectorErrorKind};

/// Why a plan cannot be run, one of possibly many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// Which part: a source, a table, an output, a flow, by its name.
    pub part: String,
    /// `path:line` where the part is written, if known.
    pub place: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Whether it may heal by what is done elsewhere: a server that does not answer, a topic that is not there.
    pub heals: bool,
}

impl BuildError {
    pub(crate) fn plan(plan: &Plan, part: &str, error: crate::expression::BuildError) -> Self {
        let place = error.origin.map(|origin| plan.place(origin));
        let message = format!("the plan is damaged: {}", error.message);
        let help = Some("compile it again".to_owned());
        Self { part: part.to_owned(), place, message, help, heals: false }
    }

    pub(crate) fn connector(plan: &Plan, part: &str, origin: Option<Origin>, error: ConnectorError) -> Self {
        let place = origin.map(|origin| plan.place(origin));
        let heals = error.kind.may_heal();
        Self { part: part.to_owned(), place, message: error.message, help: error.help, heals }
    }

    pub(crate) fn not_run(plan: &Plan, part: &str, origin: Origin, what: &str) -> Self {
        let message = format!("{what} is checked and kept in the plan, but not yet run by this version");
        let help = Some("take it out of the program to run the rest".to_owned());
        Self { part: part.to_owned(), place: Some(plan.place(origin)), message, help, heals: false }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: {}", self.part, self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl std::error::Error for BuildError {}

/// Why a run ended before its inputs did. Everything up to the last commit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// A source, sink or the store failed.
    Connector {
        /// Which, by its name in the program.
        part: String,
        /// What happened.
        error: ConnectorError,
    },
    /// The plan holds what cannot be served.
    Refused(BuildError),
    /// An armed failpoint was come to.
    Failpoint(&'static str),
    /// It was told a second time to stop.
    Aborted,
    /// A part of the engine ended that should not have.
    Internal(String),
}

impl RunError {
    pub(crate) fn connector(part: &str, error: ConnectorError) -> Self {
        Self::Connector { part: part.to_owned(), error }
    }

    /// Whether the reader of an output went away, which ends a pipe of commands without being a failure.
    #[must_use]
    pub fn is_closed_output(&self) -> bool {
        matches!(self, Self::Connector { error, .. } if error.kind == ConnectorErrorKind::Closed)
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connector { part, error } => write!(f, "{part}: {error}"),
            Self::Refused(error) => write!(f, "{error}"),
            Self::Failpoint(name) => write!(f, "stopped at the failpoint `{name}`"),
            Self::Aborted => {
                f.write_str("stopped at once; what was committed stands, and the next run goes on from there")
            }
            Self::Internal(what) => write!(f, "{what}; this is a mistake in the engine, please report it"),
        }
    }
}

impl std::error::Error for RunError {}
