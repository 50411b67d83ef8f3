//! The project with the page's texts in the place of its files.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// A program text of the page.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Text {
    /// Path relative to the project, with `/`.
    pub path: String,
    /// The text.
    pub text: String,
}

/// The program texts of a folder, by their paths.
pub fn texts(root: &Path) -> io::Result<Vec<Text>> {
    let mut texts = Vec::new();
    gather(root, root, &mut texts)?;
    texts.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(texts)
}

fn gather(root: &Path, folder: &Path, texts: &mut Vec<Text>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_hidden(&path) {
            continue;
        }
        if path.is_dir() {
            gather(root, &path, texts)?;
        } else if path.extension().is_some_and(|extension| extension == "nsf")
            && let Some(inner) = path.strip_prefix(root).ok().and_then(Path::to_str)
        {
            texts.push(Text {
                path: inner.replace('\\', "/"),
                text: nsf_syntax::decode(&fs::read(&path)?).into_owned(),
            });
        }
    }
    Ok(())
}

/// What is stored, and what was built, is no part of the program.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with('.') || name == "target" || name == "node_modules"
}

/// A copy of a project in a folder of its own: the page's texts, and beside them the other files as they are.
pub fn copy(root: &Path, texts: &[Text]) -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("nsf-playground-").tempdir()?;
    others(root, folder.path(), 0)?;
    for own in texts {
        let path = folder.path().join(inner(&own.path)?);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, &own.text)?;
    }
    Ok(folder)
}

/// A path of the page, which may lead nowhere else.
fn inner(path: &str) -> io::Result<PathBuf> {
    let own = Path::new(path);
    let stays = own.components().all(|part| matches!(part, Component::Normal(_)));
    if stays && own.extension().is_some_and(|extension| extension == "nsf") {
        return Ok(own.to_path_buf());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{path}` is no path of a program text")))
}

/// Folders are made, since a run writes beside its program; what is in them is linked where that can be, since it may be large.
fn others(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    if depth > 8 {
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name().filter(|_| !is_hidden(&path)) else { continue };
        let there = to.join(name);
        if path.is_dir() {
            fs::create_dir(&there)?;
            others(&path, &there, depth + 1)?;
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
