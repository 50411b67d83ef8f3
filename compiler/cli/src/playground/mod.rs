//! The playground: a page for the browser, and what it asks for.
//!
//! | file | holds |
//! |---|---|
//! | `http` | requests on the loopback address, and who may make them |
//! | `folder` | the project with the page's texts in the place of its files, in a folder that goes away |
//! | `run` | a run of it by `nsfc` itself, and its graph |
//! | `sample` | what the program reads and writes, with input from its tests |
//!
//! The page is built from `editors/playground` and is part of the program: nothing is fetched from anywhere. Its editor is a
//! client of the language server, which answers over `http` what `nsfc lsp` answers over standard input.

mod folder;
mod http;
mod run;
mod sample;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Outcome;
use crate::output::Output;
use crate::problem::Problem;
use crate::project::folder_name;

/// The program that is shown where no project is named.
const EXAMPLE: [(&str, &str); 2] = [
    ("nsf.yaml", "name: example\nprofiles:\n  dev: {}\n"),
    ("example.nsf", include_str!("../../../../editors/playground/example.nsf")),
];

/// A project that is shown.
struct Shown {
    root: PathBuf,
    name: String,
    /// Where it is an example, the folder that goes away with it.
    _example: Option<TempDir>,
}

/// Serves the page until the program is stopped.
pub fn serve(path: Option<&Path>, port: u16, open: bool, output: &mut Output) -> Result<Outcome, Problem> {
    let shown = match path {
        Some(path) => existing(path)?,
        None => example()?,
    };
    http::serve(&shown.root, &shown.name, port, open, output)?;
    Ok(Outcome::Clean)
}

fn existing(path: &Path) -> Result<Shown, Problem> {
    if !path.is_dir() {
        return Err(Problem::usage(format!("`{}` is no folder", path.display()))
            .help("name the folder of a project, or none to see an example"));
    }
    let root = fs::canonicalize(path).map_err(|error| Problem::file("read", path, &error))?;
    // What cannot be shown is said before a page is.
    folder::texts(&root)?;
    let name = folder_name(&root);
    Ok(Shown { root, name, _example: None })
}

fn example() -> Result<Shown, Problem> {
    let folder = folder::temporary()?;
    for (name, text) in EXAMPLE {
        let path = folder.path().join(name);
        fs::write(&path, text).map_err(|error| Problem::file("write", &path, &error))?;
    }
    let root = fs::canonicalize(folder.path()).map_err(|error| Problem::file("read", folder.path(), &error))?;
    Ok(Shown { root, name: "example".to_owned(), _example: Some(folder) })
}
