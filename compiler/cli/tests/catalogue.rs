//! Every page of the catalogue does what it says: its failing example raises its code and no other error, its mended
//! example raises nothing.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use nsf_diagnostics::{CODES, Code, PageFile};

/// The codes that `nsfc check` gives for a project of these files, with their messages.
fn check(files: &[PageFile]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(&file.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.text).unwrap();
    }
    let output = nsfc(&["check", "--format", "json"], folder.path());
    let lines = output.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    lines.map(|line| (text(&line["code"]), text(&line["message"]))).collect()
}

fn nsfc(arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_nsfc")).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What is wrong with the examples of a page.
fn complaints(code: &Code) -> Vec<String> {
    let page = match code.page() {
        Ok(page) if page.failing.is_empty() => return Vec::new(),
        Ok(page) => page,
        Err(error) => return vec![format!("{}: {error}", code.id)],
    };
    let failing = check(&page.failing);
    let mended = check(&page.mended);
    let mut complaints = Vec::new();
    if !failing.iter().any(|(found, _)| found == code.id) {
        complaints.push(format!("{}: the failing example does not raise it, but {failing:?}", code.id));
    }
    if let Some(other) = failing.iter().find(|(found, _)| found != code.id && found.starts_with('E')) {
        complaints.push(format!("{}: the failing example raises another error, {other:?}", code.id));
    }
    if !mended.is_empty() {
        complaints.push(format!("{}: the mended example raises {mended:?}", code.id));
    }
    complaints
}

#[test]
fn the_examples_of_every_page_do_what_the_page_says() {
    let halves = CODES.split_at(CODES.len() / 2);
    let complaints: Vec<String> = std::thread::scope(|scope| {
        let other = scope.spawn(move || halves.1.iter().flat_map(|code| complaints(code)).collect::<Vec<_>>());
        let mut found: Vec<String> = halves.0.iter().flat_map(|code| complaints(code)).collect();
        found.extend(other.join().unwrap());
        found
    });
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}
