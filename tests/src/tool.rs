//! The real `nsfc`, built once, and what a call of it gave.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use crate::root;

/// The program under test: `NSFC` of the environment, else the one that a build of the same profile makes.
static NSFC: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os("NSFC") {
    Some(path) => PathBuf::from(path),
    None => build("nsfc"),
});

/// Builds a program of the workspace in the profile of this build and gives its path.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn build(package: &str) -> PathBuf {
    build_with(package, &[])
}

/// The same with features of the package.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn build_with(package: &str, features: &[&str]) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root()).args(["build", "--quiet", "--package", package]);
    if !features.is_empty() {
        command.args(["--features", &features.join(",")]);
    }
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.output().unwrap_or_else(|error| panic!("cargo cannot be started: {error}"));
    assert!(output.status.success(), "{package} does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    target_folder().join(profile).join(format!("{package}{}", std::env::consts::EXE_SUFFIX))
}

/// The folder of build results that cargo uses for this workspace.
#[must_use]
pub fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// What a call gave.
#[derive(Clone, Debug)]
pub struct Called {
    /// The exit code; none when it was killed.
    pub code: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl Called {
    /// Both streams, for a report.
    #[must_use]
    pub fn all(&self) -> String {
        format!("exit {:?}\n{}{}", self.code, self.output, self.errors)
    }

    /// Itself, if it ended well.
    ///
    /// # Panics
    /// When the exit code is not 0.
    #[must_use]
    pub fn succeeded(self) -> Self {
        assert!(self.code == Some(0), "{}", self.all());
        self
    }
}

impl From<Output> for Called {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A call of `nsfc`, not yet started.
#[must_use]
pub fn nsfc<A: AsRef<OsStr>>(folder: &Path, arguments: &[A]) -> Command {
    let mut command = Command::new(&*NSFC);
    command.current_dir(folder).args(arguments).env("NO_COLOR", "1");
    command
}

/// Calls `nsfc` in a folder and waits for its end.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn call<A: AsRef<OsStr>>(folder: &Path, arguments: &[A]) -> Called {
    let output = nsfc(folder, arguments).output();
    output.unwrap_or_else(|error| panic!("{} cannot be started: {error}", NSFC.display())).into()
}
