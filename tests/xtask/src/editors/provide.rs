//! What editors need, and how it is got.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nsf_tests::servers::install::{called, find, install_packages};

use super::Trouble;

/// The first of these programs that is there; where none is, the Debian package is installed.
pub fn program(names: &[&str], package: &str) -> Result<PathBuf, Trouble> {
    let found = || names.iter().find_map(|name| find(name));
    if let Some(path) = found() {
        return Ok(path);
    }
    install_packages("editors need", &[package]).map_err(Trouble::Absent)?;
    found().ok_or_else(|| Trouble::Absent(format!("the package {package} has no program {}", names.join(" or "))))
}

/// Node and its package manager, in the version that the tools of VS Code's extensions need.
pub fn node() -> Result<PathBuf, Trouble> {
    let node = program(&["node"], "nodejs")?;
    program(&["npm"], "npm")?;
    let output = Command::new(&node).arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(20..) => Ok(node),
        _ => Err(Trouble::Absent(format!("Node 20 or later is needed, and {} says {version:?}", node.display()))),
    }
}

/// A call of npm that asks and tells nobody anything. Scripts of packages are not run: what has to be built is, by name.
pub fn npm(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder).args(arguments);
    let settings = [("audit", "false"), ("fund", "false"), ("ignore_scripts", "true"), ("update_notifier", "false")];
    for (name, value) in settings {
        command.env(format!("npm_config_{name}"), value);
    }
    command
}

/// Calls a program that fetches or builds; that it fails means that what it brings is not to be had.
pub fn fetch(command: Command) -> Result<(), Trouble> {
    let shown = format!("{command:?}");
    called(command).map_err(|said| Trouble::Absent(format!("{shown} fails:\n{said}")))
}

/// Installs the packages that a lock file names, unless they are.
pub fn locked(folder: &Path) -> Result<(), Trouble> {
    let lock = fs::read(folder.join("package-lock.json")).map_err(|error| Trouble::Failed(error.to_string()))?;
    let installed = folder.join("node_modules/.installed-from");
    if fs::read(&installed).is_ok_and(|from| from == lock) {
        return Ok(());
    }
    eprintln!("── npm ci in {}", folder.display());
    fetch(npm(folder, &["ci"]))?;
    fs::write(&installed, lock).map_err(|error| Trouble::Failed(format!("{}: {error}", installed.display())))
}

/// Runs a test; its streams are passed on.
pub fn tested(mut command: Command, what: &str) -> Result<(), Trouble> {
    let status = command.status().map_err(|error| Trouble::Failed(format!("{what} cannot be started: {error}")))?;
    if status.success() { Ok(()) } else { Err(Trouble::Failed(format!("{what} failed"))) }
}
