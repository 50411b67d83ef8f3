//! The project with the page's texts in the place of its files.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::problem::{Problem, cause};
use crate::project::Project;

/// A program text of the page.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Text {
    /// Path relative to the project, with `/`.
    pub path: String,
    /// The text.
    pub text: String,
}

/// The program texts of a project, by their paths.
///
/// # Errors
/// When it cannot be read, or has none.
pub fn texts(root: &Path) -> Result<Vec<Text>, Problem> {
    let files = Project::load(Some(root))?.files.into_iter();
    Ok(files.map(|own| Text { path: own.path, text: nsf_syntax::decode(&own.bytes).into_owned() }).collect())
}

/// A folder for temporary files, which goes away.
///
/// # Errors
/// When none can be made.
pub fn temporary() -> Result<TempDir, Problem> {
    let made = tempfile::Builder::new().prefix("nsf-playground-").tempdir();
    made.map_err(|error| Problem::failure(format!("no folder for temporary files can be made: {}", cause(&error))))
}

/// A copy of a project in a folder of its own: the page's texts, and beside them the other files as they are.
///
/// # Errors
/// When a file cannot be read or written, or a path of the page leads elsewhere.
pub fn copy(root: &Path, texts: &[Text]) -> Result<TempDir, Problem> {
    let folder = temporary()?;
    others(root, folder.path()).map_err(|error| Problem::file("copy", root, &error))?;
    for own in texts {
        let path = folder.path().join(inner(&own.path)?);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, &own.text)).map_err(|error| Problem::file("write", &path, &error))?;
    }
    Ok(folder)
}

/// A path of the page, which may lead nowhere else.
fn inner(path: &str) -> Result<PathBuf, Problem> {
    let own = Path::new(path);
    let stays = own.components().all(|part| matches!(part, Component::Normal(_)));
    if stays && own.extension().is_some_and(|extension| extension == "nsf") {
        return Ok(own.to_path_buf());
    }
    Err(Problem::usage(format!("`{path}` is no path of a program text in the project")))
}

/// Folders are made, since a run writes beside its program; what is in them is linked where that can be, since it may be large.
/// What is hidden was stored or built, and is no part of the program.
fn others(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if name.to_string_lossy().starts_with('.') || name == "target" || name == "node_modules" {
            continue;
        }
        let there = to.join(&name);
        if entry.file_type()?.is_dir() {
            fs::create_dir(&there)?;
            others(&path, &there)?;
        } else if path.extension().is_none_or(|extension| extension != "nsf") {
            link(&path, &there)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to).map(|_| ())
}
