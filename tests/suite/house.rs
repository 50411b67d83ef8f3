//! The rules of the house that a reader can see in a file.

use std::path::Path;

use nsf_tests::{read, root, tree};

/// Lines that a file may have without a reason.
const LINES: usize = 600;

/// Lines that a file of tests may have: cases stand one below the other.
const TEST_LINES: usize = 900;

/// Words that promise work which is not done; written apart so that this file passes its own test.
const PROMISES: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimplemented", "!(")];

fn complaints(check: impl Fn(&Path, &str) -> Option<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for path in tree::files(root(), "rs") {
        if let Some(complaint) = check(&path, &read(&path)) {
            complaints.push(format!("{}: {complaint}", path.strip_prefix(root()).unwrap().display()));
        }
    }
    complaints
}

#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    none(&complaints(|_, text| {
        (!text.starts_with("//! ")).then(|| "its first line does not say what it is".to_owned())
    }));
}

#[test]
fn no_file_is_long_without_a_reason() {
    none(&complaints(|path, text| {
        let lines = text.lines().count();
        let test = path.components().any(|part| part.as_os_str().to_string_lossy().contains("test"));
        (lines > if test { TEST_LINES } else { LINES } && !text.contains("\n//! Long because "))
            .then(|| format!("{lines} lines"))
    }));
}

#[test]
fn no_work_is_promised_in_place_of_done() {
    none(&complaints(|_, text| PROMISES.iter().find(|word| text.contains(*word)).map(|word| format!("holds {word}"))));
}

#[test]
fn no_test_is_left_out() {
    let mark = concat!("#[", "ignore");
    none(&complaints(|_, text| text.contains(mark).then(|| format!("holds {mark}]"))));
}
