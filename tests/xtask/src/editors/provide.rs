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

/// A Python of its own with the packages that a file names; gives the folder of its programs.
pub fn python(requirements: &Path) -> Result<PathBuf, Trouble> {
    let failed = |error: std::io::Error| Trouble::Failed(format!("{}: {error}", requirements.display()));
    let wanted = fs::read(requirements).map_err(failed)?;
    let mut name = requirements.strip_prefix(nsf_tests::root()).unwrap_or(requirements).to_path_buf();
    name.pop();
    let own = super::folder().join("python").join(name.display().to_string().replace('/', "-"));
    let programs = own.join("bin");
    let installed = own.join(".installed-from");
    if fs::read(&installed).is_ok_and(|from| from == wanted) {
        return Ok(programs);
    }
    eprintln!("── pip install -r {}", requirements.display());
    let python = program(&["python3"], "python3")?;
    let make = || {
        let mut command = Command::new(&python);
        command.args(["-m", "venv", "--clear"]).arg(&own);
        called(command)
    };
    if make().is_err() {
        // Debian has the part that makes them in a package of its own.
        install_packages("editors need", &["python3-venv"]).map_err(Trouble::Absent)?;
        make().map_err(Trouble::Absent)?;
    }
    let mut command = Command::new(programs.join("pip"));
    command.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements);
    fetch(command)?;
    fs::write(&installed, wanted).map_err(failed)?;
    Ok(programs)
}

/// A copy of the classroom for an editor to change.
pub fn classroom(name: &str) -> Result<PathBuf, Trouble> {
    let copy = super::folder().join("projects").join(name);
    let failed = |error: std::io::Error| Trouble::Failed(format!("{}: {error}", copy.display()));
    if copy.exists() {
        fs::remove_dir_all(&copy).map_err(failed)?;
    }
    nsf_tests::tree::copy(&nsf_tests::root().join("examples/classroom"), &copy).map_err(failed)?;
    Ok(copy)
}

/// PATH with the folder of a program before all else, so that an editor finds that one.
pub fn path_with(program: &Path) -> Result<std::ffi::OsString, Trouble> {
    let folder = program.parent().map(Path::to_path_buf);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = folder.into_iter().chain(std::env::split_paths(&path));
    std::env::join_paths(folders).map_err(|error| Trouble::Failed(format!("PATH: {error}")))
}
