//! The corpus of mistakes: what people write who come from other languages, who are in a hurry, or who do not know yet.
//!
//! A file under `tests/mistakes` holds one mistake among items whose names no other file has; behind it stands what all have
//! in common, `prelude.nsf`. A comment announces the one message: `//~ E0108 "&&" fix` says its code, the text that it marks,
//! and whether it has a `fix` that is certain, one that is offered (`offer`), or neither. `//~^` is of the line above. What is
//! said, and the program after the fix, are in the snapshot beside the case.
//!
//! Under `wanted` are mistakes of which it is not yet said what should be: what they announce is what is wanted. One that is said so
//! moves to the others, and until it does the test fails. Of those under `wanted/words` only the words are not as they should be.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use nsf_analysis::Analysis;
use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_diagnostics::{Applicability, Diagnostic, NoteKind, SourceMap, Suggestion, apply_edits};
use nsf_tests::{read, root, tree};

/// How many mistakes stand in one file when they stand together.
const TOGETHER: usize = 10;

/// What a case announces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Announced {
    line: u32,
    code: String,
    marked: String,
    fix: Fix,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fix {
    None,
    Offered,
    Certain,
}

struct Case {
    name: String,
    path: PathBuf,
    text: String,
}

fn folder() -> PathBuf {
    root().join("tests/mistakes")
}

fn cases() -> Vec<Case> {
    let wanted = folder().join("wanted");
    let paths = tree::files(&folder(), "nsf").into_iter();
    cases_of(paths.filter(|path| path.parent() != Some(&folder()) && !path.starts_with(&wanted)).collect())
}

fn cases_of(paths: Vec<PathBuf>) -> Vec<Case> {
    let case = |path: PathBuf| {
        let name = path.strip_prefix(folder()).unwrap().with_extension("").display().to_string();
        Case { name, text: read(&path), path }
    };
    paths.into_iter().map(case).collect()
}

fn prelude() -> String {
    // The comment of a file stands at its head alone.
    let text = read(&folder().join("prelude.nsf"));
    text.lines().skip_while(|line| line.starts_with("//!")).map(|line| format!("{line}\n")).collect()
}

fn check(text: &str) -> Analysis {
    let files = vec![InputFile { path: "example.nsf".to_owned(), text: text.to_owned() }];
    nsf_analysis::check(&ProjectInput { name: "example".to_owned(), files, lock: None })
}

/// A case with what all have behind it.
fn whole(text: &str) -> String {
    format!("{text}\n{}", prelude())
}

fn announced(text: &str) -> Option<Announced> {
    text.lines().zip(1..).find_map(|(line, number)| {
        let mark = line.split("//~").nth(1)?;
        let up = mark.bytes().take_while(|byte| *byte == b'^').count() as u32;
        let (code, rest) = mark.trim_start_matches('^').trim().split_once(' ')?;
        let (marked, fix) = rest.trim().strip_prefix('"')?.rsplit_once('"')?;
        let fix = match fix.trim() {
            "fix" => Fix::Certain,
            "offer" => Fix::Offered,
            "" => Fix::None,
            other => panic!("`{other}` is neither `fix` nor `offer`"),
        };
        Some(Announced { line: number - up, code: code.to_owned(), marked: marked.to_owned(), fix })
    })
}

fn found(diagnostic: &Diagnostic, sources: &SourceMap) -> Announced {
    let fix = diagnostic.suggestions.iter().map(|suggestion| match suggestion.applicability {
        Applicability::Certain => Fix::Certain,
        Applicability::Likely => Fix::Offered,
    });
    Announced {
        line: line(diagnostic.location(), sources),
        code: diagnostic.code.id.to_owned(),
        // A place that goes over several lines is known by its first.
        marked: sources.text(diagnostic.location()).lines().next().unwrap_or_default().to_owned(),
        fix: fix.max().unwrap_or(Fix::None),
    }
}

fn line(location: nsf_diagnostics::Location, sources: &SourceMap) -> u32 {
    sources.place(location).map_or(0, |(_, place)| place.line)
}

fn all_found(analysis: &Analysis) -> Vec<Announced> {
    let mut all: Vec<Announced> =
        analysis.diagnostics.iter().map(|diagnostic| found(diagnostic, &analysis.sources)).collect();
    all.sort();
    all
}

/// The fix that comes first among the surest.
fn fix(diagnostic: &Diagnostic) -> Option<&Suggestion> {
    let of = |wanted| diagnostic.suggestions.iter().find(|own| own.applicability == wanted);
    of(Applicability::Certain).or_else(|| of(Applicability::Likely))
}

/// A message with all that stands below it, as lines.
fn said(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let mut said = format!("{}: {}\n", diagnostic.code.id, diagnostic.message);
    for label in &diagnostic.labels {
        let (sign, text) = (if label.primary { '^' } else { '-' }, sources.text(label.location));
        let first = text.lines().next().unwrap_or_default();
        let _ = writeln!(said, "  {sign} {}: `{first}` {}", line(label.location, sources), label.message);
    }
    for note in &diagnostic.notes {
        let kind = if note.kind == NoteKind::Help { "help" } else { "note" };
        let _ = writeln!(said, "  {kind}: {}", note.text);
    }
    for suggestion in &diagnostic.suggestions {
        let _ = writeln!(said, "  {:?}: {}", suggestion.applicability, suggestion.message);
    }
    said
}

/// The lines of a case that a fix changes, before and after it.
fn changed(before: &str, after: &str) -> String {
    let diff: Vec<&str> = before.lines().filter(|line| !after.lines().any(|other| other == *line)).collect();
    let new: Vec<&str> = after.lines().filter(|line| !before.lines().any(|other| other == *line)).collect();
    diff.iter().map(|line| format!("- {line}\n")).chain(new.iter().map(|line| format!("+ {line}\n"))).collect()
}

#[test]
fn what_all_mistakes_stand_beside_is_without_one() {
    let analysis = check(&prelude());
    assert_eq!(all_found(&analysis), []);
}

#[test]
fn every_mistake_is_one_message_at_its_place() {
    let mut complaints = Vec::new();
    for case in cases() {
        let Some(due) = announced(&case.text) else {
            complaints.push(format!("{}: announces nothing", case.name));
            continue;
        };
        let text = whole(&case.text);
        let analysis = check(&text);
        let got = all_found(&analysis);
        if got != [due] {
            let all = analysis.diagnostics.iter().map(|own| said(own, &analysis.sources)).collect::<String>();
            complaints.push(format!("{}: {}\n{all}", case.path.display(), case.text.trim_end()));
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn what_a_fix_leaves_checks_without_a_message() {
    let mut complaints = Vec::new();
    for case in cases() {
        let text = whole(&case.text);
        let analysis = check(&text);
        let Some(fix) = analysis.diagnostics.iter().find_map(fix) else { continue };
        let mended = apply_edits(&text, &fix.edits);
        let left = check(&mended);
        if !left.diagnostics.is_empty() {
            let all = left.diagnostics.iter().map(|own| said(own, &left.sources)).collect::<String>();
            complaints.push(format!("{}: {}\n{all}", case.name, changed(&text, &mended)));
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn what_is_said_of_every_mistake_is_as_designed() {
    for case in cases() {
        let text = whole(&case.text);
        let analysis = check(&text);
        let mut snapshot: String = analysis.diagnostics.iter().map(|own| said(own, &analysis.sources)).collect();
        if let Some(fix) = analysis.diagnostics.iter().find_map(fix) {
            snapshot.push_str(&changed(&text, &apply_edits(&text, &fix.edits)));
        }
        let (name, own) = (Path::new(&case.name).file_name().unwrap().to_str().unwrap(), case.path.parent().unwrap());
        let snapshots = own.join("snapshots");
        insta::with_settings!({ snapshot_path => snapshots, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, format!("{}\n────\n{snapshot}", case.text));
        });
    }
}

/// Whether exactly that is said of a case which it announces, and nothing is left to say after the fix.
fn is_said(case: &Case) -> bool {
    let Some(due) = announced(&case.text) else { return false };
    let text = whole(&case.text);
    let analysis = check(&text);
    let mended = analysis.diagnostics.iter().find_map(fix).map(|fix| apply_edits(&text, &fix.edits));
    all_found(&analysis) == [due] && mended.is_none_or(|mended| check(&mended).diagnostics.is_empty())
}

#[test]
fn what_is_wanted_and_said_by_now_stands_with_the_others() {
    let mut wanted = cases_of(tree::files(&folder().join("wanted"), "nsf"));
    let silent: Vec<&str> =
        wanted.iter().filter(|case| announced(&case.text).is_none()).map(|case| case.name.as_str()).collect();
    assert!(silent.is_empty(), "these announce nothing, so they can never be said: {silent:?}");
    wanted.retain(|case| !case.name.starts_with("wanted/words/"));
    let said: Vec<&str> = wanted.iter().filter(|case| is_said(case)).map(|case| case.name.as_str()).collect();
    assert!(
        said.is_empty(),
        "{} of {} are said as they should be; move them:\n{}",
        said.len(),
        wanted.len(),
        said.join("\n")
    );
}

/// Whether a code is given of whole programs alone: what is not used may be used by what could not be read.
fn is_of_whole_programs(case: &Case) -> bool {
    announced(&case.text).is_some_and(|own| own.code.starts_with("W04") || own.code == "E0405")
}

/// Files of neighbours of different kinds; what is said of whole programs alone stands by itself.
fn together(cases: Vec<Case>) -> Vec<Vec<Case>> {
    let (whole, others): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(is_of_whole_programs);
    let mut all: Vec<Vec<Case>> = Vec::new();
    for cases in [whole, others] {
        let (begin, files) = (all.len(), cases.len().div_ceil(TOGETHER));
        all.extend((0..files).map(|_| Vec::new()));
        for (at, case) in cases.into_iter().enumerate() {
            all[begin + at % files].push(case);
        }
    }
    all
}

#[test]
fn ten_mistakes_in_a_file_are_ten_messages() {
    let mut complaints = Vec::new();
    for cases in together(cases()) {
        let (mut text, mut due) = (String::new(), BTreeSet::new());
        for case in &cases {
            let line = text.lines().count() as u32;
            due.extend(announced(&case.text).map(|own| Announced { line: own.line + line, ..own }));
            text.push_str(&case.text);
            text.push('\n');
        }
        let analysis = check(&whole(&text));
        let got: BTreeSet<Announced> = all_found(&analysis).into_iter().collect();
        if got != due || analysis.diagnostics.len() != due.len() {
            let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
            let (missing, more) = (due.difference(&got), got.difference(&due));
            complaints.push(format!(
                "{}\n  missing: {:?}\n  more: {:?}",
                names.join(", "),
                missing.collect::<Vec<_>>(),
                more.collect::<Vec<_>>()
            ));
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}
