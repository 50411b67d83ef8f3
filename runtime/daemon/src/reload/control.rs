//! How `nsflow reload` finds the workers on this machine and asks them: a Unix socket each, in a folder that is its user's
//! alone. Who may write there is who may send the process a signal; no network leads to it.
//!
//! One request a connection, one line of JSON each way.

use std::{
    fs, io,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{
        fs::{DirBuilderExt as _, MetadataExt as _},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::{Answer, Asked, PATIENCE, Reloads};

/// Longest request and answer, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// How long the request itself may take.
const REQUEST: Duration = Duration::from_secs(5);

/// A worker's socket; it goes with the worker.
pub struct Control(PathBuf);

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The folder of the user's sockets, where none is named: in the user's own run folder, or else one of this user in that for
/// temporary files.
pub fn folder() -> PathBuf {
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty());
    match own {
        Some(folder) => PathBuf::from(folder).join("nsflow"),
        None => std::env::temp_dir().join(format!("nsflow-{}", user())),
    }
}

/// The number of this process' user.
fn user() -> u32 {
    let own = fs::metadata("/proc/self").or_else(|_| fs::metadata(std::env::var_os("HOME").unwrap_or_default()));
    own.map_or(0, |own| own.uid())
}

/// Takes requests at a socket of this name and process.
///
/// # Errors
/// Why it cannot, in words.
pub fn listen(folder: &Path, name: &str, reloads: &Reloads) -> Result<Control, String> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    let shown = folder.display();
    made.map_err(|error| format!("the folder {shown} cannot be made: {}", crate::configuration::error_words(&error)))?;
    refuse_foreign(folder)?;
    let path = folder.join(format!("{name}-{}.sock", std::process::id()));
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (control, reloads) = (Control(path), reloads.clone());
    let serve = move || {
        for stream in listener.incoming().flatten() {
            // One after the other: a worker takes one plan at a time.
            let _ = answer(&stream, &reloads);
        }
    };
    let started = thread::Builder::new().name("control".to_owned()).spawn(serve);
    started.map(|_| control).map_err(|error| error.to_string())
}

/// A folder that another user owns, or others can write, is no place to take requests from.
fn refuse_foreign(folder: &Path) -> Result<(), String> {
    let shown = folder.display();
    let there = fs::metadata(folder).map_err(|error| format!("the folder {shown} cannot be looked at: {error}"))?;
    if there.uid() != user() {
        return Err(format!("the folder {shown} is another user's"));
    }
    if there.mode() & 0o077 != 0 {
        return Err(format!("the folder {shown} is open to others: `chmod 700 {shown}`"));
    }
    Ok(())
}

fn answer(stream: &UnixStream, reloads: &Reloads) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST))?;
    stream.set_write_timeout(Some(REQUEST))?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
    let asked: Asked = serde_json::from_str(&line)?;
    let told = reloads.ask(asked).unwrap_or_default();
    let mut text = serde_json::to_string(&told)?;
    text.push('\n');
    (&*stream).write_all(text.as_bytes())
}

/// The sockets of the workers of a name.
pub fn workers(folder: &Path, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = |path: &PathBuf| {
        let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
        file.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')) && file.ends_with(".sock")
    };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(named).collect();
    // The socket of a worker that was killed is nobody's.
    found.retain(|path| match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            let _ = fs::remove_file(path);
            false
        }
        _ => true,
    });
    found.sort();
    found
}

/// Asks the worker of a socket and waits for its answer.
///
/// # Errors
/// Why there was none, in words.
pub fn ask(path: &Path, asked: Asked) -> Result<Answer, String> {
    let said = |error: io::Error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "it did not answer in time".to_owned(),
        io::ErrorKind::PermissionDenied => "it is another user's".to_owned(),
        _ => format!("it cannot be asked: {error}"),
    };
    let mut stream = UnixStream::connect(path).map_err(said)?;
    stream.set_read_timeout(Some(PATIENCE + REQUEST)).map_err(said)?;
    let mut text = serde_json::to_string(&asked).map_err(|error| error.to_string())?;
    text.push('\n');
    stream.write_all(text.as_bytes()).map_err(said)?;
    let mut line = String::new();
    BufReader::new((&stream).take(LONGEST)).read_line(&mut line).map_err(said)?;
    serde_json::from_str(&line).map_err(|_| "it ended before it answered".to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::problem::Problem;

    fn reloads() -> Reloads {
        let trial = |asked: Asked| Err(vec![Problem::new(format!("allow_loss {}", asked.allow_loss))]);
        let refused = |problems| Answer { hash: "old".to_owned(), problems, ..Answer::default() };
        Reloads::start(Box::new(trial), Box::new(refused))
    }

    #[test]
    fn a_worker_is_found_asked_and_gone() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("run");
        let control = listen(&own, "0badcafe", &reloads()).unwrap();
        assert_eq!(fs::metadata(&own).unwrap().mode() & 0o777, 0o700);
        let found = workers(&own, "0badcafe");
        assert_eq!((found.len(), workers(&own, "another").len()), (1, 0));
        let answer = ask(&found[0], Asked { allow_loss: true }).unwrap();
        assert_eq!((answer.taken, answer.hash.as_str()), (false, "old"));
        assert_eq!(answer.problems[0].message, "allow_loss true");
        drop(control);
        assert!(workers(&own, "0badcafe").is_empty());
    }

    #[test]
    fn a_socket_that_nobody_serves_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("0badcafe-1.sock");
        drop(UnixListener::bind(&left).unwrap());
        assert!(left.exists() && workers(folder.path(), "0badcafe").is_empty() && !left.exists());
    }

    #[test]
    fn a_folder_that_is_open_to_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let refused = listen(folder.path(), "0badcafe", &reloads()).err().unwrap();
        assert!(refused.contains("is open to others"), "{refused}");
    }

    #[test]
    fn what_is_no_request_gets_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("run");
        let _control = listen(&own, "0badcafe", &reloads()).unwrap();
        let path = workers(&own, "0badcafe").remove(0);
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(b"GET / HTTP/1.1\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "");
        assert!(ask(&path, Asked::default()).is_ok(), "the next one is answered");
    }
}
