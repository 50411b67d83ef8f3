//! How `nsfc` behaves towards the programs it is joined with by pipes.
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::io::Write;
use std::process::{Command, Stdio};

fn nsfc() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nsfc"));
    command.env_remove("CLICOLOR_FORCE");
    command
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = nsfc().arg("explain").stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_pipe_gets_no_colours() {
    let output = nsfc().args(["explain", "E0101"]).env("TERM", "xterm-256color").output().unwrap();
    assert!(!output.stdout.contains(&0x1b));
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    let mut child = nsfc().args(["fmt", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"const   limit :int32=5\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "const limit: int32 = 5\n");
}

#[test]
fn a_full_disk_is_said_plainly() {
    // The device that is always full; where there is none, there is nothing to show.
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let output = nsfc().arg("explain").stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output: the disk is full"));
}

/// Lines of a program that goes on, as they come; the program ends with this.
struct Watched {
    child: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Watched {
    fn start(folder: &std::path::Path) -> Self {
        let mut command = nsfc();
        command.args(["check", "--watch", "--format", "short"]).current_dir(folder).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = std::sync::mpsc::channel();
        let output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(std::io::BufReader::new(output)).map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Everything until it waits for changes again.
    fn round(&self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.lines.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
            if line.starts_with("watching ") {
                return lines;
            }
            if !line.is_empty() {
                lines.push(line);
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait().map(drop));
    }
}

#[test]
fn what_is_watched_is_checked_again_when_a_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (file, further) = (folder.path().join("a.nsf"), folder.path().join("deep"));
    let line = |word: &str| format!("const limit: int32 = 5\n\nfn twice(n: int32) -> int32 = n * {word}\n");
    std::fs::write(&file, line("limti")).unwrap();
    let watched = Watched::start(folder.path());
    let first = watched.round();
    assert!(first.len() == 1 && first[0].starts_with("a.nsf:3:35: error[E0204]"), "{first:?}");
    // As editors do: written beside it, then put in its place.
    let part = folder.path().join("a.nsf.part");
    std::fs::write(&part, line("limit")).unwrap();
    std::fs::rename(&part, &file).unwrap();
    let mut second = watched.round();
    while second.iter().any(|line| line.contains("error")) {
        second = watched.round();
    }
    // A folder that comes is watched too.
    std::fs::create_dir(&further).unwrap();
    std::fs::write(further.join("b.nsf"), "const more: int32 = lost\n").unwrap();
    let mut third = watched.round();
    while !third.iter().any(|line| line.starts_with("deep/b.nsf:1:21: error[E0204]")) {
        third = watched.round();
    }
}

#[test]
fn a_language_server_that_is_not_spoken_to_by_an_editor_says_so() {
    let mut child = nsfc().arg("lsp").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"check shop.nsf\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("is not the language server protocol") && said.contains("is started by an editor"), "{said}");
    // Who only closes it is gone.
    let output = nsfc().arg("lsp").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
}

#[test]
fn what_nobody_can_read_is_not_watched() {
    let output = nsfc().args(["check", "--watch", "--format", "sarif"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--watch is for people"));
}
