//! Waits until the files of a project change.

use std::path::{Component, Path};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::problem::Problem;
use crate::project::{LOCK_FILE, SETTINGS_FILE};

/// How long nothing more may change until a change is over: an editor writes a file in several steps, and a branch that is
/// checked out changes many.
const QUIET: Duration = Duration::from_millis(50);

/// The files of a folder.
pub struct Watch {
    changes: Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Everything under a folder from now on.
    ///
    /// # Errors
    /// When the system watches no more folders, or the folder is not there.
    pub fn of(folder: &Path) -> Result<Self, Problem> {
        let (sender, changes) = mpsc::channel();
        let root = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        let seen = {
            let root = root.clone();
            move |event: notify::Result<Event>| {
                // That events were lost is told as an error: anything may have changed.
                if event.as_ref().map_or(true, |event| concerns(&root, event)) {
                    // Nobody waits any more when the program ends.
                    let _ = sender.send(());
                }
            }
        };
        let watcher = notify::recommended_watcher(seen).and_then(|mut watcher| {
            watcher.watch(&root, RecursiveMode::Recursive)?;
            Ok(watcher)
        });
        watcher.map(|watcher| Self { changes, _watcher: watcher }).map_err(|error| unwatched(folder, &error))
    }

    /// Waits for a change, and until it is over; false where nothing can change any more.
    pub fn wait(&self) -> bool {
        if self.changes.recv().is_err() {
            return false;
        }
        loop {
            match self.changes.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

/// Whether an event may change what the compiler says: not one of what a run keeps, of what Cargo builds, or of a reader.
fn concerns(root: &Path, event: &Event) -> bool {
    let is_own = |path: &std::path::PathBuf| {
        let inner = path.strip_prefix(root).unwrap_or(path);
        let hidden = |part: Component<'_>| {
            let name = part.as_os_str().to_string_lossy();
            name.starts_with('.') || name == "target"
        };
        let name = inner.file_name().unwrap_or_default();
        let is_program = inner.extension().is_some_and(|extension| extension == "nsf");
        // A folder that comes, goes or is renamed has no extension, and may hold programs.
        let is_read = is_program || name == SETTINGS_FILE || name == LOCK_FILE || inner.extension().is_none();
        is_read && !inner.components().any(hidden)
    };
    !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(is_own)
}

fn unwatched(folder: &Path, error: &notify::Error) -> Problem {
    let message = format!("`{}` cannot be watched", folder.display());
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => Problem::failure(format!("{message}: the system watches no more folders"))
            .help("raise fs.inotify.max_user_watches, or watch a smaller folder"),
        notify::ErrorKind::PathNotFound => Problem::failure(format!("{message}: it is not there")),
        notify::ErrorKind::Io(error) => Problem::failure(format!("{message}: {}", crate::problem::cause(error))),
        _ => Problem::failure(message).help("leave out --watch, and check again after each change"),
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind, ModifyKind};

    use super::*;

    #[test]
    fn what_the_compiler_reads_is_watched_and_nothing_else() {
        let event = |kind, path: &str| Event::new(kind).add_path(Path::new("/shop").join(path));
        let changed = |path: &str| concerns(Path::new("/shop"), &event(EventKind::Modify(ModifyKind::Any), path));
        for path in ["a.nsf", "deep/er/b.nsf", "nsf.yaml", "nsf.lock", "deep"] {
            assert!(changed(path), "{path}");
        }
        for path in ["data.csv", ".nsf/store", ".git/index", "target/debug/x.nsf", ".a.nsf.swp", "a.nsf.1.part"] {
            assert!(!changed(path), "{path}");
        }
        assert!(!concerns(Path::new("/shop"), &event(EventKind::Access(AccessKind::Any), "a.nsf")));
        assert!(concerns(Path::new("/shop"), &event(EventKind::Create(CreateKind::Folder), "new")));
    }
}
