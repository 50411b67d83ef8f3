//! The programs that are compared, and how each is started.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders of a run.
pub struct Places {
    /// This workspace.
    pub bench: PathBuf,
    /// The product's repository.
    pub root: PathBuf,
    /// Where the peers' binaries are: beside this program's own.
    pub binaries: PathBuf,
    /// Inputs, outputs and whatever else is not kept.
    pub data: PathBuf,
}

impl Places {
    /// Finds them; `data` is made when it is not there.
    pub fn find(data: &Path) -> io::Result<Self> {
        let bench = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or_else(|| io::Error::other("no parent"))?;
        let root = bench.parent().ok_or_else(|| io::Error::other("bench has no folder above it"))?;
        let own = std::env::current_exe()?;
        let binaries = own.parent().ok_or_else(|| io::Error::other("the program has no folder"))?;
        fs::create_dir_all(data)?;
        Ok(Self {
            bench: bench.to_path_buf(),
            root: root.to_path_buf(),
            binaries: binaries.to_path_buf(),
            data: data.canonicalize()?,
        })
    }

    /// A path in the data folder as text.
    pub fn data_file(&self, name: &str) -> String {
        self.data.join(name).display().to_string()
    }
}

/// One program of a comparison.
pub struct Program {
    /// Its name in the table.
    pub name: &'static str,
    /// How it is started, without input and output.
    pub start: Start,
}

/// The ways of starting.
pub enum Start {
    /// A binary of this workspace, with arguments before input and output.
    Peer(&'static str, &'static [&'static str]),
    /// A script with the Python that has DuckDB.
    Python(PathBuf, &'static str),
    /// The product with one of the projects of this folder.
    Product(PathBuf, &'static str),
}

impl Program {
    /// The command that reads `input` and writes `output`. A product's project is copied into the data folder first,
    /// without what an earlier run left there.
    pub fn command(&self, places: &Places, input: &str, output: &str) -> io::Result<Command> {
        match &self.start {
            Start::Peer(binary, arguments) => {
                let mut command = Command::new(places.binaries.join(binary));
                command.args(*arguments).args([input, output]);
                Ok(command)
            }
            Start::Python(python, script) => {
                let mut command = Command::new(python);
                command.arg(places.bench.join(script)).args([input, output]);
                Ok(command)
            }
            Start::Product(nsfc, project) => {
                let copy = fresh_project(places, project)?;
                let mut command = Command::new(nsfc);
                command.arg("run").arg(copy).current_dir(&places.data);
                command.args(["--input", &format!("w1={input}"), "--output", &format!("out={output}")]);
                command.args(["--format", "json"]);
                Ok(command)
            }
        }
    }
}

fn fresh_project(places: &Places, project: &str) -> io::Result<PathBuf> {
    let copy = places.data.join("projects").join(project);
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    fs::create_dir_all(&copy)?;
    let file = format!("{project}.nsf");
    fs::copy(places.bench.join(project).join(&file), copy.join(&file))?;
    Ok(copy)
}

/// Builds the peers beside this program, in one go, so that the report never measures old ones.
pub fn build_peers(places: &Places) -> io::Result<bool> {
    let target = places.binaries.parent().ok_or_else(|| io::Error::other("the program is not in a target folder"))?;
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&places.bench).args(["build", "--release", "--locked", "--workspace", "--exclude", "report"]);
    command.arg("--target-dir").arg(target);
    Ok(command.status()?.success())
}

/// The product's binary: the one that was named, or the repository's own, built from what stands there now.
pub fn product(places: &Places, named: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = named {
        return path.canonicalize().map_err(|_| format!("{} is not there", path.display()));
    }
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&places.root);
    command.args(["build", "--release", "--locked", "-p", "nsfc", "--target-dir", "target"]);
    if command.status().is_ok_and(|status| status.success()) {
        Ok(places.root.join("target/release/nsfc"))
    } else {
        Err("`cargo build --release -p nsfc` fails".to_string())
    }
}

/// The version of DuckDB that the comparison names.
const DUCKDB: &str = "duckdb==2.0.0";

/// A Python that has DuckDB, in a virtual environment in the data folder.
pub fn duckdb(places: &Places) -> Result<PathBuf, String> {
    let python = places.data.join("venv/bin/python");
    let has_it = |python: &Path| {
        Command::new(python).args(["-c", "import duckdb"]).output().is_ok_and(|output| output.status.success())
    };
    if has_it(&python) {
        return Ok(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(places.data.join("venv")).status();
    if !made.is_ok_and(|status| status.success()) {
        return Err("`python3 -m venv` fails".to_string());
    }
    let installed = Command::new(&python).args(["-m", "pip", "install", "--quiet", DUCKDB]).status();
    if !installed.is_ok_and(|status| status.success()) || !has_it(&python) {
        return Err(format!("`pip install {DUCKDB}` fails"));
    }
    Ok(python)
}
