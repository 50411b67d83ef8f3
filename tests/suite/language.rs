//! Every behaviour of the language: one project a file under `tests/language`, with what the compiler says about it.
//!
//! A comment `//~ E0204` stands on the line of the cause, `//~^ E0204` on the line below it; a case without such
//! comments checks without a message. What is said is in the snapshot beside the case.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nsf_diagnostics::CODES;
use nsf_tests::{markdown, read, root, tree};

use crate::project;

/// Codes and lines that the comments of a case announce, by file.
fn announced(files: &project::Files) -> Vec<(String, u32, String)> {
    let mut announced = Vec::new();
    for (name, text) in files {
        for (index, line) in text.lines().enumerate() {
            let Some(mark) = line.split("~").nth(1).filter(|_| line.contains("//~") || line.contains("#~")) else {
                continue;
            };
            let up = mark.bytes().take_while(|byte| *byte == b'^').count();
            let codes = mark[up..].split_whitespace();
            announced.extend(codes.map(|code| (name.clone(), u32::try_from(index + 1 - up).unwrap(), code.to_owned())));
        }
    }
    announced.sort();
    announced
}

/// Every case; those of the proofs have a test of their own beside the proofs.
fn cases() -> Vec<PathBuf> {
    let mut cases = tree::files(&root().join("tests/language"), "nsf");
    cases.retain(|case| !case.starts_with(root().join("tests/language/proofs")));
    cases
}

fn files_of(case: &Path) -> Vec<(String, String)> {
    markdown::files(&read(case), "example.nsf")
}

fn name_of(case: &Path) -> String {
    case.strip_prefix(root().join("tests/language")).unwrap().with_extension("").display().to_string()
}

#[test]
fn every_case_says_what_it_announces_at_the_line_of_the_cause() {
    let mut complaints = Vec::new();
    for case in cases() {
        let files = files_of(&case);
        let found = project::check(&files);
        let places: Vec<(String, u32, String)> =
            found.iter().map(|found| (found.file.clone(), found.line, found.code.clone())).collect();
        let announced = announced(&files);
        if places != announced {
            let name = name_of(&case);
            complaints.push(format!("{name}: announced {announced:?}, but\n{}", project::shown(&found)));
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn what_is_said_about_every_case_is_as_designed() {
    for case in cases() {
        let folder = case.parent().unwrap().join("snapshots");
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        let text = read(&case);
        let said = project::shown(&project::check(&files_of(&case)));
        let said = if said.is_empty() { "no message\n".to_owned() } else { said };
        insta::with_settings!({ snapshot_path => folder, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, format!("{text}\n────\n{said}"));
        });
    }
}

#[test]
fn every_code_is_raised_by_a_case() {
    let raised: BTreeSet<String> =
        cases().iter().flat_map(|case| announced(&files_of(case))).map(|(_, _, code)| code).collect();
    // A page without an example is of a mistake that no text shows; a test of the parser raises it.
    let shown = CODES.iter().filter(|code| !code.page().unwrap().failing.is_empty()).map(|code| code.id);
    let silent: Vec<&str> = shown.filter(|id| !raised.contains(*id)).collect();
    assert!(silent.is_empty(), "no case under tests/language raises {silent:?}");
}
