//! The fixtures: everything in `ok/` and the classroom program parses without a mistake; the messages for `err/` are
//! what the snapshots say.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use nsf_diagnostics::render::{TerminalOptions, terminal};
use nsf_diagnostics::{FileId, IntoDiagnostic, SourceMap};
use nsf_syntax::{decode, parse, parse_bytes};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "nsf"));
    files.sort();
    assert!(!files.is_empty(), "{} holds no fixture", folder.display());
    files
}

/// The texts that parse: the fixtures and the classroom program.
fn good_files() -> Vec<PathBuf> {
    let mut list = files("tests/ok");
    list.extend(files("../../examples/classroom/classroom"));
    list
}

/// The messages for a file as a terminal shows them.
fn messages(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let mut sources = SourceMap::default();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let file = sources.add(name, decode(&bytes));
    let errors = parse_bytes(file, &bytes).errors;
    let diagnostics: Vec<_> = errors.into_iter().map(|error| error.into_diagnostic(&sources)).collect();
    terminal(&diagnostics, &sources, TerminalOptions::default())
}

#[test]
fn good_files_have_no_mistakes() {
    for path in good_files().into_iter().chain(files("../../stdlib")) {
        assert_eq!(messages(&path), "", "{}", path.display());
    }
}

#[test]
fn mistakes_read_as_designed() {
    insta::glob!("err/*.nsf", |path| insta::assert_snapshot!(messages(path)));
}

/// The tree of a file, a line an item, without places and without what is absent.
fn tree(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let file = parse(FileId(0), &text).file;
    let mut shown = format!("docs {:?}\n", file.docs);
    for item in &file.items {
        shown.push_str(&without_places(&format!("{:?} {:?}", item.docs, item.kind)));
        shown.push('\n');
    }
    for comment in &file.comments {
        let words = comment.span.text(&text);
        shown.push_str(&format!("{words:?} own line: {}, blank before: {}\n", comment.own_line, comment.blank_before));
    }
    shown
}

fn without_places(debug: &str) -> String {
    let mut shown = debug.to_owned();
    while let Some(start) = shown.find("Span {") {
        let end = start + shown[start..].find('}').unwrap() + 1;
        shown.replace_range(start..end, "@");
    }
    for (long, short) in [(", span: @", ""), ("Expr { kind: ", "{"), ("TypeExpr { kind: ", "{"), ("Name { text: ", "{")]
    {
        shown = shown.replace(long, short);
    }
    shown
}

#[test]
fn good_files_have_the_trees_that_are_meant() {
    insta::glob!("ok/*.nsf", |path| insta::assert_snapshot!(tree(path)));
}

#[test]
fn a_file_cut_anywhere_is_read_without_panic() {
    for path in good_files() {
        let text = std::fs::read_to_string(&path).unwrap();
        for token in nsf_syntax::tokens(&text) {
            let (before, after) = text.split_at(token.span.end as usize);
            for part in [before, after] {
                for error in parse(FileId(0), part).errors {
                    assert!(error.location.span.end as usize <= part.len(), "{error:?} lies outside of its file");
                }
            }
        }
    }
}

#[test]
fn a_file_without_one_of_its_tokens_has_at_most_two_mistakes() {
    for path in good_files() {
        let text = std::fs::read_to_string(&path).unwrap();
        for token in nsf_syntax::tokens(&text) {
            let without = [&text[..token.span.start as usize], &text[token.span.end as usize..]].concat();
            let parsed = parse(FileId(0), &without);
            assert!(parsed.errors.len() <= 2, "without {:?}: {:#?}", token.text(&text), parsed.errors);
        }
    }
}

#[test]
fn seven_mistakes_in_one_file_are_seven_messages() {
    let text = "\
source order {
  from kafka(\"order\")
  record {
    id: text
    total int64
  }
  key: id
}
const limit: int32 == 5
flow first from order {
  calculate { a = total * }
  stop when total = 3
  expand kafka(\"x\") { id; total }
}
flwo second from order { stop }
";
    let errors = parse(FileId(0), text).errors;
    let lines: Vec<usize> =
        errors.iter().map(|error| text[..error.location.span.start as usize].matches('\n').count() + 1).collect();
    assert_eq!(lines, [2, 5, 9, 11, 12, 13, 15], "{errors:#?}");
}
