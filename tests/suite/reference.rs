//! The pages that users read, executed: the language reference and the README.

use nsf_plan::profile::{Manifest, allowed_properties};
use nsf_tests::markdown::{self, Block};
use nsf_tests::{read, root, tool};

use crate::project;

/// What is wrong with the `nsf` blocks of a page: one without a mark checks without a message, one marked
/// `error E0403` or `warning W0501` gives exactly that code.
fn complaints(page: &str, least: usize) -> Vec<String> {
    let text = read(&root().join(page));
    let blocks: Vec<Block> =
        markdown::blocks(&text).into_iter().filter(|block| block.info.split(' ').next() == Some("nsf")).collect();
    assert!(blocks.len() >= least, "{page} has {} examples only", blocks.len());
    let mut complaints = Vec::new();
    for block in blocks {
        let expected: Vec<&str> = block.info.split(' ').skip(2).collect();
        let found = project::check(&markdown::files(&block.text, "example.nsf"));
        let codes: Vec<&str> = found.iter().map(|found| found.code.as_str()).collect();
        if codes != expected {
            complaints.push(format!("{page}:{}: {expected:?} expected, but\n{}", block.line, project::shown(&found)));
        }
        if let Err(error) = nsf_syntax::format::format_text(&block.text).map(|formatted| {
            if formatted != block.text {
                complaints.push(format!("{page}:{}: is not in the one layout", block.line));
            }
        }) {
            complaints.push(format!("{page}:{}: {error}", block.line));
        }
    }
    complaints
}

#[test]
fn every_example_of_the_reference_does_what_the_page_says() {
    let complaints = complaints("compiler/REFERENCE.md", 12);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_program_of_the_readme_checks_without_a_message() {
    let complaints = complaints("README.md", 1);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The picture in the README is that of the program above it.
#[test]
fn the_picture_of_the_readme_is_that_of_its_program() {
    let text = read(&root().join("README.md"));
    let blocks = markdown::blocks(&text);
    let program = blocks.iter().find(|block| block.info == "nsf").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("nsf.yaml"), "name: orders\n").unwrap();
    project::write(folder.path(), &markdown::files(&program.text, "orders.nsf"));
    let picture = tool::call(folder.path(), &["graph", "--format", "svg"]).succeeded().output;
    let path = root().join("examples/graph.svg");
    if std::env::var_os("NSF_UPDATE").is_some() {
        std::fs::write(&path, &picture).unwrap();
    }
    assert!(read(&path) == picture, "examples/graph.svg is out of date: run the tests with NSF_UPDATE=1");
}

/// Settings shown in the reference are checked like a project's, and the properties it lists are those that may be set.
#[test]
fn the_settings_of_the_reference_are_those_that_are_taken() {
    let text = read(&root().join("compiler/REFERENCE.md"));
    let mut shown = 0;
    for block in markdown::blocks(&text).iter().filter(|block| block.info == "yaml") {
        assert_eq!(Manifest::parse(&block.text).mistakes, [], "line {}", block.line);
        shown += 1;
    }
    assert!(shown > 0, "the reference shows no settings");
    let hidden: Vec<_> = allowed_properties().iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(hidden.is_empty(), "the reference does not name {hidden:?}");
}

/// The reference's tests are run as well as checked.
#[test]
fn the_tests_in_the_reference_pass() {
    let text = read(&root().join("compiler/REFERENCE.md"));
    let mut run = 0;
    for block in markdown::blocks(&text).iter().filter(|block| block.info == "nsf" && block.text.contains("\ntest \""))
    {
        let folder = tempfile::tempdir().unwrap();
        project::write(folder.path(), &markdown::files(&block.text, "example.nsf"));
        let _ = tool::call(folder.path(), &["test"]).succeeded();
        run += 1;
    }
    assert!(run > 0, "no example of the reference has a test");
}

#[test]
fn the_commands_of_the_readme_are_there_and_a_new_project_runs() {
    let text = read(&root().join("README.md"));
    let commands: String =
        markdown::blocks(&text).into_iter().filter(|block| block.info == "sh").map(|block| block.text).collect();
    let usage = read(&root().join("tests/xtask/src/main.rs"));
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for line in commands.lines() {
        seen += 1;
        if let Some(task) = line.strip_prefix("cargo xtask ") {
            assert!(usage.contains(&format!("[\"{task}\"")), "xtask has no `{task}`");
        } else if let Some(call) = line.strip_prefix("nsfc ") {
            let arguments: Vec<&str> = call.split(' ').collect();
            let _ = tool::call(folder.path(), &arguments).succeeded();
        } else if let Some(call) = line.strip_prefix("nsflow ") {
            // Run for real, with other words, by `tests/faults/tests/classroom.rs`: it needs servers.
            let command = call.split(' ').next().unwrap_or_default();
            let daemon = read(&root().join("runtime/daemon/src/lib.rs"));
            assert!(daemon.contains(&format!("commands::{command}::")), "nsflow has no `{command}`");
        } else if let Some(package) = line.strip_prefix("cargo install --path ") {
            assert!(root().join(package).join("Cargo.toml").is_file(), "{line}");
        } else {
            panic!("nobody tests `{line}`");
        }
    }
    assert!(seen >= 4, "the README has {seen} commands only");
}
