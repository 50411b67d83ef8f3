//! Whole runs of the real program: the cases under `tests/run`, and every example by the commands of its README.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use nsf_tests::{markdown, read, records, root, tool, tree};

/// Compares every file of `expected` with the one of the same name in `actual`.
fn compare(expected: &Path, actual: &Path, complaints: &mut Vec<String>) {
    let files = tree::files(expected, "ndjson");
    if files.is_empty() {
        complaints.push(format!("{} holds no .ndjson file", expected.display()));
    }
    for file in files {
        let name = file.file_name().unwrap();
        let text = fs::read_to_string(actual.join(name)).unwrap_or_default();
        match records::difference(&read(&file), &text) {
            Ok(None) => {}
            Ok(Some(difference)) => complaints.push(format!("{}:\n{difference}", file.display())),
            Err(error) => complaints.push(format!("{}: {error}", actual.join(name).display())),
        }
    }
}

/// `--input NAME=in/NAME.ext` and `--output NAME=out/NAME.ext` for the files of a case.
fn arguments(case: &Path, out: &Path) -> Vec<String> {
    let mut arguments = vec!["run".to_owned(), ".".to_owned()];
    for (option, from) in [("--input", "in"), ("--output", "out")] {
        let mut files: Vec<_> =
            fs::read_dir(case.join(from)).into_iter().flatten().map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let place = if option == "--input" { file } else { out.join(file.file_name().unwrap()) };
            arguments.extend([option.to_owned(), format!("{name}={}", place.display())]);
        }
    }
    arguments
}

/// Runs a case twice in a project: it gives what it should, and nothing new the second time.
fn run_twice(case: &Path, project: &Path, out: &Path, complaints: &mut Vec<String>) {
    let arguments = arguments(case, out);
    for round in ["first run", "second run"] {
        let called = tool::call(project, &arguments);
        let before = complaints.len();
        if called.code != Some(0) {
            complaints.push(called.all());
        } else if round == "second run" && !called.output.contains("nothing new since the last run") {
            complaints.push(format!("something was new\n{}", called.output));
        }
        compare(&case.join("out"), out, complaints);
        for complaint in &mut complaints[before..] {
            *complaint = format!("{}, {round}: {complaint}", case.display());
        }
    }
}

#[test]
fn every_case_gives_what_it_should_and_nothing_new_the_second_time() {
    let (mut complaints, mut upgrades) = (Vec::new(), 0);
    let cases = tree::folders(&root().join("tests/run"));
    assert!(cases.len() >= 4, "tests/run holds {} cases only", cases.len());
    for case in cases {
        let work = tempfile::tempdir().unwrap();
        let (project, out) = (work.path().join("project"), work.path().join("out"));
        tree::copy(&case, &project).unwrap();
        // The next version of the program, with more of the same inputs, goes on from what the first has stored.
        let next = case.join("next");
        fs::remove_dir_all(project.join("next")).ok();
        run_twice(&case, &project, &out, &mut complaints);
        if next.is_dir() {
            tree::copy(&next, &project).unwrap();
            run_twice(&next, &project, &out, &mut complaints);
            upgrades += 1;
        }
    }
    assert!(upgrades > 0, "no case of tests/run has a folder `next`");
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// The commands of a page that call `nsfc`, taken apart into words.
fn commands(page: &str) -> Vec<Vec<String>> {
    let blocks = markdown::blocks(page).into_iter().filter(|block| block.info == "sh");
    let text: String = blocks.map(|block| block.text).collect();
    let joined = text.replace("\\\n", " ");
    let calls = joined.lines().filter_map(|line| line.split('#').next()?.trim().strip_prefix("nsfc "));
    calls.map(|call| call.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn the_commands_of_every_example_work_and_give_what_is_expected() {
    let mut complaints = Vec::new();
    for example in tree::folders(&root().join("examples")) {
        let name = example.file_name().unwrap().to_string_lossy().into_owned();
        let work = tempfile::tempdir().unwrap();
        tree::copy(&example, &work.path().join("examples").join(&name)).unwrap();
        let commands = commands(&read(&example.join("README.md")));
        let runs = commands.iter().filter(|command| command[0] == "run").count();
        assert!(runs > 0, "the README of {name} runs nothing");
        let before = complaints.len();
        for command in &commands {
            let called = tool::call(work.path(), command);
            if called.code != Some(0) {
                complaints.push(format!("nsfc {}: {}", command.join(" "), called.all()));
            }
        }
        compare(&example.join("expected"), &work.path().join("target").join(&name), &mut complaints);
        for complaint in &mut complaints[before..] {
            *complaint = format!("{name}: {complaint}");
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// Calls `check`, `test` and `fmt --check` on programs that must hold.
fn hold(programs: &[PathBuf]) {
    let mut complaints = Vec::new();
    for program in programs {
        for words in [&["check"][..], &["test"], &["fmt", "--check"]] {
            let mut arguments: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
            arguments.push(program.as_os_str());
            let called = tool::call(root(), &arguments);
            if called.code != Some(0) {
                complaints.push(format!("nsfc {} {}: {}", words.join(" "), program.display(), called.all()));
            }
        }
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn every_example_tests_itself() {
    hold(&tree::folders(&root().join("examples")));
}

#[test]
fn every_behaviour_is_as_its_tests_say() {
    let programs = tree::files(&root().join("tests/behaviour"), "nsf");
    assert!(programs.len() >= 10, "tests/behaviour holds {} programs only", programs.len());
    hold(&programs);
}
