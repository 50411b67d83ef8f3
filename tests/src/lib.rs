//! What the suites and `cargo xtask` share: where things are, the `nsfc` under test, folders and lines to compare.
#![expect(clippy::panic, reason = "only tests call this, and a test stops where it cannot go on")]

pub mod cpu_time;
pub mod generate;
#[cfg(feature = "lanes")]
pub mod lanes;
pub mod lines;
pub mod markdown;
pub mod pages;
pub mod random;
pub mod records;
pub mod servers;
pub mod tool;
pub mod tree;

use std::path::{Path, PathBuf};

/// The root of the workspace.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

/// The real data beside the project, if it is there.
#[must_use]
pub fn shared_data() -> Option<PathBuf> {
    let folder = root().join("../shared/data/oulad");
    folder.join("studentAssessment.csv").is_file().then_some(folder)
}

/// The text of a file.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
