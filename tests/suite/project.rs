//! Small projects in tests: texts in, diagnostics out, by the passes themselves.

use std::fs;
use std::path::Path;

use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_diagnostics::Severity;
use nsf_tests::tool;

/// A message, as a test compares it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The file, relative to the project.
    pub file: String,
    /// The line of the cause, counted from 1.
    pub line: u32,
    /// The code.
    pub code: String,
    /// The message.
    pub message: String,
}

/// Name and text of each file of a project.
pub type Files = [(String, String)];

/// Every message of a project, by file and line. A project with settings or broken bytes goes through `nsfc check`.
pub fn check(files: &Files) -> Vec<Found> {
    let mut found = if files.iter().any(|(name, _)| name == "nsf.yaml") { by_program(files) } else { by_passes(files) };
    found.sort();
    found
}

fn by_passes(files: &Files) -> Vec<Found> {
    let lock = files.iter().find(|(name, _)| name == "nsf.lock").map(|(_, text)| text.clone());
    let sources = files.iter().filter(|(name, _)| name.ends_with(".nsf"));
    let mut input = ProjectInput { name: "example".to_owned(), files: Vec::new(), lock };
    input.files.extend(sources.map(|(path, text)| InputFile { path: path.clone(), text: text.clone() }));
    input.files.sort_by(|a, b| a.path.cmp(&b.path));
    let analysis = nsf_analysis::check(&input);
    let found = analysis.diagnostics.iter().map(|diagnostic| {
        assert!(diagnostic.code.id.starts_with(if diagnostic.severity() == Severity::Error { 'E' } else { 'W' }));
        let place = analysis.sources.place(diagnostic.location());
        let (file, line) = place.map_or((String::new(), 0), |(file, place)| (file.to_owned(), place.line));
        Found { file, line, code: diagnostic.code.id.to_owned(), message: diagnostic.message.clone() }
    });
    found.collect()
}

/// Writes a project's files under a folder.
pub fn write(folder: &Path, files: &Files) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn by_program(files: &Files) -> Vec<Found> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let called = tool::call(folder.path(), &["check", "--format", "json"]);
    let lines = called.output.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let found = lines.map(|line| Found {
        file: line["location"]["path"].as_str().unwrap().to_owned(),
        line: u32::try_from(line["location"]["start"]["line"].as_u64().unwrap()).unwrap(),
        code: line["code"].as_str().unwrap().to_owned(),
        message: line["message"].as_str().unwrap().to_owned(),
    });
    found.collect()
}

/// Messages as lines, for a report.
pub fn shown(found: &[Found]) -> String {
    let lines = found.iter().map(|found| format!("{}:{}: {}: {}\n", found.file, found.line, found.code, found.message));
    lines.collect()
}
