//! Every name of the examples gets another one and its own again: the project checks clean each time, and ends byte for byte as
//! it was.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::collections::BTreeSet;
use std::path::Path;

use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_analysis::{Analysis, check_indexed, rename};
use nsf_diagnostics::{Location, Severity, TextEdit};

fn input_of(analysis: &Analysis, edits: &[TextEdit]) -> ProjectInput {
    let mut input = ProjectInput { name: analysis.dag.project.clone(), ..ProjectInput::default() };
    for (id, source) in analysis.sources.iter().filter(|(_, source)| !source.path.starts_with('<')) {
        let own: Vec<&TextEdit> = edits.iter().filter(|edit| edit.location.file == id).collect();
        let text = rename::apply(&source.text, &own);
        match source.path.as_str() {
            "nsf.lock" => input.lock = Some(text),
            _ => input.files.push(InputFile { path: source.path.clone(), text }),
        }
    }
    input
}

fn mistakes(analysis: &Analysis) -> Vec<String> {
    let errors = analysis.diagnostics.iter().filter(|own| own.severity() == Severity::Error);
    errors.map(|own| own.message.clone()).collect()
}

/// Renames every symbol of a project; gives how many there were, and those that were refused with why.
fn every_name(input: &ProjectInput) -> (usize, Vec<String>) {
    let analysis = check_indexed(input);
    assert_eq!(mistakes(&analysis), Vec::<String>::new(), "{}", input.name);
    let own = analysis.index.symbols().map(|(at, _)| analysis.index.root(at));
    let of_project = |at: &Location| analysis.sources.get(at.file).is_some_and(|own| !own.path.starts_with('<'));
    let symbols: BTreeSet<Location> = own.filter(of_project).collect();
    let mut refused = Vec::new();
    for symbol in &symbols {
        let old = analysis.sources.text(*symbol);
        let other = format!("{old}_of_another_name");
        let what = || {
            let source = analysis.sources.get(symbol.file).expect("a text");
            format!("{}:{}: {old}", source.path, source.text.line_column(symbol.span.start).line)
        };
        let edits = match rename::rename(&analysis, symbol.file, symbol.span.start, &other) {
            Ok(edits) => edits,
            Err(refusal) => {
                refused.push(format!("{}: {}", what(), refusal.0));
                continue;
            }
        };
        let after = check_indexed(&input_of(&analysis, &edits));
        assert_eq!(mistakes(&after), Vec::<String>::new(), "{} renamed", what());
        let there = after.index.symbols().map(|(at, _)| at).find(|at| after.sources.text(*at) == other);
        let there = there.unwrap_or_else(|| panic!("{} is there under no other name", what()));
        let back = rename::rename(&after, there.file, there.span.start, old)
            .unwrap_or_else(|refusal| panic!("{} does not get its name again: {}", what(), refusal.0));
        let again = input_of(&after, &back);
        for (one, two) in input.files.iter().zip(&again.files) {
            assert_eq!(one.text, two.text, "{} in {}", what(), one.path);
        }
        assert_eq!(input.lock, again.lock, "{} in nsf.lock", what());
    }
    (symbols.len(), refused)
}

fn files_of(root: &Path, folder: &Path) -> Vec<InputFile> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_of(root, &path));
        } else if path.extension().is_some_and(|own| own == "nsf") {
            let text = std::fs::read_to_string(&path).expect("a text");
            files.push(InputFile { path: path.strip_prefix(root).expect("below").display().to_string(), text });
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

fn example(name: &str) -> ProjectInput {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    let files: Vec<InputFile> = files_of(&root, &root);
    assert!(!files.is_empty(), "{name} has no program");
    let mut input = ProjectInput { name: name.to_owned(), files, lock: None };
    // What is stored has its numbers and shapes kept under its names.
    let dag = nsf_analysis::check(&input).dag;
    input.lock = Some(nsf_analysis::lock::Lock::of(&dag, None).text());
    input
}

#[test]
fn every_name_of_the_classroom_gets_another_and_its_own_again() {
    let (count, refused) = every_name(&example("classroom"));
    assert!(count > 40, "{count} names");
    assert_eq!(refused, Vec::<String>::new());
}

#[test]
fn every_name_of_the_other_examples_does_too() {
    for name in ["dedupe", "deploy", "ingest", "latest-price", "orders-to-topics", "oulad", "two-sources"] {
        let (count, refused) = every_name(&example(name));
        assert!(count > 5, "{name}: {count} names");
        assert_eq!(refused, Vec::<String>::new(), "{name}");
    }
}
