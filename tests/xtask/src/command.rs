//! Calls of other programs: shown, timed, and an error when they fail.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use nsf_tests::root;

/// Runs cargo in the workspace, its streams passed on.
///
/// # Errors
/// When it cannot be started or ends with another code than 0.
pub fn cargo(arguments: &[&str]) -> Result<(), String> {
    cargo_with(arguments, &[])
}

/// The same with variables of the environment.
///
/// # Errors
/// When it cannot be started or ends with another code than 0.
pub fn cargo_with(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let shown = format!("cargo {}", arguments.join(" "));
    eprintln!("── {shown}");
    let started = Instant::now();
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program).current_dir(root()).args(arguments).envs(environment.iter().copied()).status();
    let status = status.map_err(|error| format!("{shown} cannot be started: {error}"))?;
    eprintln!("── {shown}: {:.0} s", started.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { Err(format!("{shown} failed")) }
}

/// Runs cargo and gives the lines of its output that begin with `shown: `, without that; all of it is shown when it ends.
///
/// # Errors
/// When it cannot be started, ends with another code than 0, or shows nothing.
pub fn cargo_shows(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let shown = format!("cargo {}", arguments.join(" "));
    eprintln!("── {shown}");
    let started = Instant::now();
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root()).args(arguments).envs(environment.iter().copied()).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("{shown} cannot be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    eprintln!("── {shown}: {:.0} s", started.elapsed().as_secs_f64());
    if !output.status.success() {
        return Err(format!("{shown} failed"));
    }
    let lines: Vec<String> =
        text.lines().filter_map(|line| line.split_once("shown: ")).map(|(_, line)| line.to_owned()).collect();
    if lines.is_empty() { Err(format!("{shown} shows nothing")) } else { Ok(lines) }
}

/// The folder of build results.
#[must_use]
pub fn target() -> PathBuf {
    nsf_tests::tool::target_folder()
}

/// The `nsfc` that is run: `NSFC` of the environment, else a build of it, optimised or like that of the tests.
///
/// # Errors
/// When it does not build, or `NSFC` names no file.
pub fn program(release: bool) -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("NSFC") {
        // Runs start in folders of their own.
        let path = PathBuf::from(path);
        return path.canonicalize().map_err(|error| format!("NSFC is {}: {error}", path.display()));
    }
    let (arguments, folder): (&[&str], _) = if release {
        (&["build", "--release", "--quiet", "--package", "nsfc"], "release")
    } else {
        (&["build", "--quiet", "--package", "nsfc"], "debug")
    };
    cargo(arguments)?;
    Ok(target().join(folder).join(format!("nsfc{}", std::env::consts::EXE_SUFFIX)))
}
