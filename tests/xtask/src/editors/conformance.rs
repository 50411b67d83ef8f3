//! The conformance suite: the protocol as several kinds of client speak it, and as none should.

use std::path::Path;
use std::process::Command;

use super::{Trouble, provide, sources};

/// Runs the suite.
///
/// # Errors
/// What is missing, or what fails.
pub fn show(nsfc: &Path) -> Result<(), Trouble> {
    let suite = sources("conformance");
    let python = provide::python(&suite.join("requirements.txt"))?.join("python");
    let mut test = Command::new(python);
    test.current_dir(&suite).args(["-B", "-m", "pytest", "--quiet"]).env("NSFC", nsfc);
    provide::tested(test, "the conformance suite")
}
