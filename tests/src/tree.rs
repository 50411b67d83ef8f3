//! Files under a folder: found in a fixed order, copied.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders that are never part of the project's own text.
const SKIPPED: [&str; 5] = ["target", ".git", ".nsf", "fuzz-corpus", "node_modules"];

/// Every file under `folder` with this extension, sorted by path; build results and stores are left out.
#[must_use]
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(folder, &mut |path| {
        if path.extension().is_some_and(|other| other == extension) {
            found.push(path.to_owned());
        }
    });
    found
}

/// Calls `take` for every file under `folder`, in the order of the paths.
fn collect(folder: &Path, take: &mut dyn FnMut(&Path)) {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                collect(&path, take);
            }
        } else {
            take(&path);
        }
    }
}

/// The folders directly under `folder`, sorted.
#[must_use]
pub fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    paths
}

/// Copies a folder with all it holds, stores and build results left out.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if SKIPPED.iter().any(|skipped| name.to_str() == Some(skipped)) {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
