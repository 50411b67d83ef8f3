//! What keeps a command from doing its work: a wrong argument, or a file that cannot be read or written.
//!
//! Mistakes in `.nsf` files are not problems in this sense; they are diagnostics.

use std::io;
use std::path::Path;

/// Why a command stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: Kind,
    /// What happened, where.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The command line asks for what cannot be.
    Usage,
    /// The command line is right, but something outside failed.
    Failure,
}

impl Problem {
    /// The arguments are wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, message: message.into(), help: None }
    }

    /// Something outside failed.
    pub fn failure(message: impl Into<String>) -> Self {
        Self { kind: Kind::Failure, message: message.into(), help: None }
    }

    /// A file operation failed. `doing` completes "cannot …": "read", "write".
    pub fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let problem = Self::failure(format!("cannot {doing} `{}`: {}", path.display(), cause(error)));
        match error.kind() {
            io::ErrorKind::PermissionDenied => problem.help("check who owns it and what its permissions allow"),
            io::ErrorKind::StorageFull => problem.help("make room on the disk and run the command again"),
            io::ErrorKind::ReadOnlyFilesystem => problem.help("choose a folder that may be written to"),
            _ => problem,
        }
    }

    /// Says what to do.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// The exit code of the program.
    pub const fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Usage => 2,
            Kind::Failure => 1,
        }
    }
}

/// The cause of a failed file operation in plain words.
pub fn cause(error: &io::Error) -> String {
    let words = match error.kind() {
        io::ErrorKind::NotFound => "it does not exist",
        io::ErrorKind::PermissionDenied => "permission is denied",
        io::ErrorKind::AlreadyExists => "it exists already",
        io::ErrorKind::StorageFull => "the disk is full",
        io::ErrorKind::QuotaExceeded => "the disk quota is used up",
        io::ErrorKind::ReadOnlyFilesystem => "the disk can only be read",
        io::ErrorKind::IsADirectory => "it is a folder",
        io::ErrorKind::NotADirectory => "a part of the path is a file, not a folder",
        io::ErrorKind::InvalidFilename => "the name is not allowed here",
        io::ErrorKind::FileTooLarge => "the file would be too large",
        io::ErrorKind::ResourceBusy => "another program is using it",
        _ => return system_words(error),
    };
    words.to_owned()
}

/// The system's own words without its number.
fn system_words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    format!("the system says \"{first}{}\"", characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_has_no_number_of_the_system() {
        let error = io::Error::from_raw_os_error(5);
        assert!(!cause(&error).contains("os error"), "{}", cause(&error));
        assert_eq!(cause(&io::Error::from(io::ErrorKind::StorageFull)), "the disk is full");
    }

    #[test]
    fn usage_and_failure_have_their_own_exit_codes() {
        assert_eq!(Problem::usage("x").exit_code(), 2);
        assert_eq!(Problem::failure("x").exit_code(), 1);
    }
}
