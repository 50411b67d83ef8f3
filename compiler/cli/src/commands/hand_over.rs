//! `nsfc run --profile P`: compiles, and hands the plan over to the daemon `nsflow`.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::Command;

use nsf_plan::{Plan, document};

use crate::Outcome;
use crate::problem::Problem;
use crate::project::Project;

/// Writes the plan under `.nsf/` and runs it with the daemon, under a profile. Where it can, the daemon takes the place of
/// this process, so that whoever stops one stops the other.
pub fn hand_over(project: &Project, plan: &Plan, profile: &str) -> Result<Outcome, Problem> {
    let daemon = find().ok_or_else(|| {
        Problem::failure(format!("the profile `{profile}` is run by `nsflow`, the daemon, which is not here"))
            .help("put it beside `nsfc` or on the PATH; `cargo build --release -p nsflow` builds it")
    })?;
    let folder = project.folder().join(nsf_connectors::local::FOLDER);
    let path = folder.join(format!("plan-{profile}.yaml"));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, document::to_yaml(plan)));
    written.map_err(|error| {
        Problem::failure(format!("the plan cannot be written to {}: {error}", path.display()))
            .help("the folder must be one that this user may write to")
    })?;
    let mut command = Command::new(&daemon);
    command.arg("run").arg(&path).args(["--profile", profile, "--config"]).arg(project.folder().join("nsf.yaml"));
    run(command, &daemon)
}

/// The daemon beside this program, or on the PATH.
fn find() -> Option<PathBuf> {
    let name = format!("nsflow{EXE_SUFFIX}");
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent).map(|folder| folder.join(&name));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(&name));
    beside.into_iter().chain(on_path).find(|path| path.is_file())
}

#[cfg(unix)]
fn run(mut command: Command, daemon: &Path) -> Result<Outcome, Problem> {
    use std::os::unix::process::CommandExt as _;
    Err(not_started(daemon, &command.exec()))
}

#[cfg(not(unix))]
fn run(mut command: Command, daemon: &Path) -> Result<Outcome, Problem> {
    let status = command.status().map_err(|error| not_started(daemon, &error))?;
    Ok(if status.success() { Outcome::Clean } else { Outcome::Errors })
}

fn not_started(daemon: &Path, error: &std::io::Error) -> Problem {
    Problem::failure(format!("{} cannot be started: {error}", daemon.display()))
}
