//! A run of the page's program, and its graph: by `nsfc` itself as a program of its own, so that one that does not end can be
//! ended, and whatever it does is what it does outside.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::folder::{self, Text};
use super::sample::Output;
use crate::problem::{Problem, cause};

/// How long a run may take.
const LONGEST: Duration = Duration::from_secs(20);
/// Bytes of an output that are shown.
const MOST: u64 = 256 * 1024;

/// What is run.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    /// The program.
    pub files: Vec<Text>,
    /// Lines for what is read, by its name.
    #[serde(default)]
    pub inputs: Vec<Given>,
}

/// Lines for a source, ingest or table.
#[derive(Debug, Deserialize)]
pub struct Given {
    name: String,
    text: String,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub struct Ran {
    /// Whether it ran to the end.
    ok: bool,
    /// What `nsfc` says of it.
    said: String,
    /// The summary, where it ran.
    summary: serde_json::Value,
    outputs: Vec<Written>,
}

/// What was written or kept.
#[derive(Debug, Serialize)]
struct Written {
    name: String,
    kind: &'static str,
    text: String,
    /// Whether there is more than is shown.
    cut: bool,
}

/// Runs a program with everything that it may write.
///
/// # Errors
/// When a file cannot be written or read, or `nsfc` cannot be started.
pub fn run(root: &Path, wanted: &Wanted, outputs: &[Output]) -> Result<Ran, Problem> {
    let folder = folder::copy(root, &wanted.files)?;
    let beside = folder::temporary()?;
    let mut command = itself()?;
    command.arg("run").arg(folder.path()).args(["--fresh", "--format", "json"]);
    for (index, given) in wanted.inputs.iter().enumerate() {
        let path = beside.path().join(format!("in-{index}"));
        std::fs::write(&path, &given.text).map_err(|error| Problem::file("write", &path, &error))?;
        command.arg("--input").arg(format!("{}={}", given.name, path.display()));
    }
    let paths: Vec<_> = (0..outputs.len()).map(|index| beside.path().join(format!("out-{index}"))).collect();
    for (output, path) in outputs.iter().zip(&paths) {
        command.arg("--output").arg(format!("{}={}", output.name, path.display()));
    }
    let Ended { status, out, said } = end(command, beside.path()).map_err(|error| not_run(&error))?;
    let written = outputs.iter().zip(&paths).map(|(output, path)| {
        let (text, cut) = read(path).map_err(|error| Problem::file("read", path, &error))?;
        Ok(Written { name: output.name.clone(), kind: output.kind, text, cut })
    });
    let ok = status.is_some_and(|status| status.success());
    let said = if status.is_some() { said } else { format!("{said}the run was ended after {} s\n", LONGEST.as_secs()) };
    Ok(Ran {
        ok,
        said: said.replace(&format!("{}/", folder.path().display()), ""),
        summary: serde_json::from_str(&out).unwrap_or_default(),
        outputs: written.collect::<Result<_, Problem>>()?,
    })
}

/// The graph of a program as a picture.
///
/// # Errors
/// When there is none, with what `nsfc` says of it.
pub fn graph(root: &Path, files: &[Text]) -> Result<String, Problem> {
    let folder = folder::copy(root, files)?;
    let beside = folder::temporary()?;
    let mut command = itself()?;
    command.arg("graph").arg(folder.path()).args(["--format", "svg"]);
    let Ended { out, said, .. } = end(command, beside.path()).map_err(|error| not_run(&error))?;
    if out.contains("<svg") { Ok(out) } else { Err(Problem::failure(said)) }
}

fn not_run(error: &io::Error) -> Problem {
    Problem::failure(format!("nsfc cannot be started for this: {}", cause(error)))
}

fn itself() -> Result<Command, Problem> {
    let mut command = Command::new(std::env::current_exe().map_err(|error| not_run(&error))?);
    command.stdin(Stdio::null()).env("NO_COLOR", "1");
    Ok(command)
}

/// How a program ended: none where it was ended.
struct Ended {
    status: Option<ExitStatus>,
    out: String,
    said: String,
}

/// Waits for the end of a program, which writes into files: a pipe that nobody reads would hold it up.
fn end(mut command: Command, folder: &Path) -> io::Result<Ended> {
    let (out, said) = (folder.join("stdout"), folder.join("stderr"));
    let mut child = command.stdout(File::create(&out)?).stderr(File::create(&said)?).spawn()?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() > LONGEST {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Ok(Ended { status, out: read(&out)?.0, said: read(&said)?.0 })
}

/// The first part of a file, and whether there is more; nothing of one that is not there.
fn read(path: &Path) -> io::Result<(String, bool)> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((String::new(), false)),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    let cut = length > MOST;
    if cut {
        text.truncate(text.rfind('\n').map_or(0, |at| at + 1));
    }
    Ok((text, cut))
}
