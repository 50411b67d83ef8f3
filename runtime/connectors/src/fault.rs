//! Failures of files in the user's words.

use std::{io, path::Path};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind};

/// What went wrong with a file: `doing` says what was tried ("read", "write").
pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> ConnectorError {
    use io::ErrorKind as Kind;
    let place = path.display();
    match error.kind() {
        Kind::NotFound => ConnectorError::new(ConnectorErrorKind::NotFound, format!("there is no file `{place}`")),
        Kind::PermissionDenied => {
            ConnectorError::new(ConnectorErrorKind::Permission, format!("`{place}` may not be {doing} by this user"))
                .with_help("give the user the right to it, or name another place")
        }
        Kind::ReadOnlyFilesystem => ConnectorError::new(
            ConnectorErrorKind::Permission,
            format!("`{place}` is on a file system that is read-only"),
        )
        .with_help("name a place that can be written"),
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => {
            ConnectorError::new(ConnectorErrorKind::Full, format!("there is no room left to write `{place}`"))
                .with_help("make room and run again; the run goes on from its last commit")
        }
        Kind::IsADirectory => {
            ConnectorError::new(ConnectorErrorKind::Other, format!("`{place}` is a folder, not a file"))
        }
        Kind::BrokenPipe => {
            ConnectorError::new(ConnectorErrorKind::Closed, format!("the reader of `{place}` went away"))
        }
        _ => ConnectorError::new(
            ConnectorErrorKind::Other,
            format!("`{place}` could not be {doing} ({})", system_words(error)),
        ),
    }
}

/// The operating system's own words, without its error number.
fn system_words(error: &io::Error) -> String {
    let words = error.to_string();
    words.split(" (os error").next().unwrap_or_default().to_lowercase()
}
