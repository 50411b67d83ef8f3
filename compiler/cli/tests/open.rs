//! `nsfc graph --open`: what this machine opens pictures with is called, or its lack is said.
#![cfg(all(unix, not(target_os = "macos")))]
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// A project, a folder for temporary files, and one with the programs that can be called.
fn folders() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["shop", "temporary", "programs"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let program = "source order {\n  from: kafka(\"orders\")\n  record { id: int64 }\n  key:  id\n}\n\nflow pass from order {\n  expand kafka(\"passed\", key: id) { id }\n}\n";
    fs::write(folder.path().join("shop/shop.nsf"), program).unwrap();
    folder
}

fn graph(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nsfc"));
    command.args(["graph", "shop"]).args(arguments).current_dir(folder);
    command.env("PATH", folder.join("programs")).env("TMPDIR", folder.join("temporary")).env("NO_COLOR", "1");
    command.output().unwrap()
}

fn opener(folder: &Path, script: &str) {
    let path = folder.join("programs/xdg-open");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The one file that was left for temporary files.
fn left(folder: &Path) -> String {
    let files: Vec<_> = fs::read_dir(folder.join("temporary")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].display().to_string()
}

#[test]
fn a_machine_without_an_opener_is_told_where_the_picture_is() {
    let folder = folders();
    let output = graph(folder.path(), &["--open"]);
    let file = left(folder.path());
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "wrote the graph of shop to {file}\nerror: nothing on this machine opens pictures: there is no `xdg-open`\n  = help: the picture is in {file}; a browser shows it\n"
    );
    assert_eq!(errors(&output), expected);
    assert!(fs::read_to_string(file).unwrap().starts_with("<svg "));
}

#[test]
fn the_opener_gets_the_picture() {
    let folder = folders();
    opener(folder.path(), "echo \"$1\" > opened");
    let output = graph(folder.path(), &["--open"]);
    assert!(output.status.success(), "{}", errors(&output));
    let opened = fs::read_to_string(folder.path().join("opened")).unwrap();
    assert_eq!(opened.trim_end(), left(folder.path()));
    let output = graph(folder.path(), &["--open", "--output", "graph.svg"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(fs::read_to_string(folder.path().join("opened")).unwrap().trim_end(), "graph.svg");
    assert!(fs::read_to_string(folder.path().join("graph.svg")).unwrap().starts_with("<svg "));
}

#[test]
fn an_opener_that_fails_is_told_of_and_one_that_goes_on_is_left_alone() {
    let folder = folders();
    opener(folder.path(), "exit 3");
    let output = graph(folder.path(), &["--open", "--output", "graph.svg"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("error: `xdg-open` found no program that shows pictures\n"),
        "{}",
        errors(&output)
    );
    // It ends when it may; `graph` must not wait for that.
    opener(folder.path(), "while [ ! -e stop ]; do /bin/sleep 0.1; done; echo > ended");
    let output = graph(folder.path(), &["--open", "--output", "graph.svg"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(!folder.path().join("ended").exists());
    fs::write(folder.path().join("stop"), "").unwrap();
    while !folder.path().join("ended").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_picture_is_not_opened_in_another_format() {
    let folder = folders();
    let output = graph(folder.path(), &["--open", "--format", "dot"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_dir(folder.path().join("temporary")).unwrap().count(), 0);
    assert!(errors(&output).contains("`--open` shows a picture"), "{}", errors(&output));
}
