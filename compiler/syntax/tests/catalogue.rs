//! The pages of the codes of this pass: the failing example raises exactly that code, the mended one nothing; and what
//! is called certain of a fix holds.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use nsf_diagnostics::{Applicability, CODES, Diagnostic, FileId, IntoDiagnostic, SourceMap, Stage, apply_edits};
use nsf_syntax::parse;

fn diagnostics(text: &str) -> Vec<Diagnostic> {
    let mut sources = SourceMap::default();
    let file = sources.add("example.nsf", text);
    parse(file, text).errors.into_iter().map(|error| error.into_diagnostic(&sources)).collect()
}

#[test]
fn every_page_of_this_pass_shows_its_mistake_and_how_to_mend_it() {
    for code in CODES.iter().filter(|code| code.stage == Stage::Syntax) {
        let page = code.page().unwrap();
        for file in &page.failing {
            let found: Vec<&str> = diagnostics(&file.text).iter().map(|diagnostic| diagnostic.code.id).collect();
            assert_eq!(found, [code.id], "{}", file.text);
        }
        for file in &page.mended {
            assert_eq!(diagnostics(&file.text), [], "{}", file.text);
        }
    }
}

#[test]
fn a_certain_fix_removes_its_mistake_and_makes_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/err");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap_or_default();
        let before = diagnostics(&text);
        for diagnostic in &before {
            for fix in diagnostic.suggestions.iter().filter(|fix| fix.applicability == Applicability::Certain) {
                let after = diagnostics(&apply_edits(&text, &fix.edits));
                // Other mistakes of the same statement may come to light.
                let same = |other: &&Diagnostic| {
                    other.code == diagnostic.code && other.location().span.start == diagnostic.location().span.start
                };
                assert!(
                    after.len() <= before.len() && after.iter().filter(same).count() == 0,
                    "{}: {} at {:?} is not mended by `{}`: {after:#?}",
                    path.display(),
                    diagnostic.message,
                    diagnostic.location(),
                    fix.message
                );
            }
        }
    }
}

#[test]
fn every_code_of_this_pass_is_raised_by_a_fixture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/err");
    let mut raised: Vec<&str> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        raised.extend(nsf_syntax::parse_bytes(FileId(0), &bytes).errors.iter().map(|error| error.kind.code().id));
    }
    let large = "\n".repeat(nsf_syntax::MAX_FILE_BYTES + 1);
    raised.extend(parse(FileId(0), &large).errors.iter().map(|error| error.kind.code().id));
    for code in CODES.iter().filter(|code| code.stage == Stage::Syntax) {
        assert!(raised.contains(&code.id), "{} is raised nowhere", code.id);
    }
}
