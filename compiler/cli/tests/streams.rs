//! How `nsfc` behaves towards the programs it is joined with by pipes.

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
