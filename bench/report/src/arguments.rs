//! What the command line asks for.

use std::path::PathBuf;

/// The parts of the report; `--only` chooses among them.
const PARTS: &[&str] = &["w1", "w2", "check", "binary", "memory", "allocations", "first-build"];

/// Printed by `--help` and after a mistake.
pub const USAGE: &str = "\
usage: report [--nsfc PATH] [--data DIR] [--rounds N] [--memory] [--first-build] [--all] [--only PART,PART]

  --nsfc PATH     the nsfc binary to measure (default ../target/release/nsfc, built anew)
  --data DIR      where inputs and outputs are kept (default nsf-bench in the temporary folder)
  --rounds N      how often each program runs, all in turn (default 5)
  --memory        also measure peak memory at 20 million records (12 GB of disk, several minutes)
  --first-build   also measure a first build of nsfc in an empty folder
  --all           all of it
  --only PARTS    only these of w1, w2, check, binary, memory, allocations, first-build; README.md is not written";

/// The options of one run.
pub struct Arguments {
    /// The binary that `--nsfc` names.
    pub nsfc: Option<PathBuf>,
    /// The folder of inputs and outputs.
    pub data: PathBuf,
    /// How many rounds.
    pub rounds: usize,
    /// The parts that run.
    parts: Vec<String>,
    /// Whether README.md is written: not after `--only`.
    pub writes_readme: bool,
}

impl Arguments {
    /// Reads the command line; the error says what is wrong with it.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut read = Self {
            nsfc: None,
            data: std::env::temp_dir().join("nsf-bench"),
            rounds: 5,
            parts: ["w1", "w2", "check", "binary", "allocations"].map(String::from).to_vec(),
            writes_readme: true,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--nsfc" => read.nsfc = Some(PathBuf::from(value()?)),
                "--data" => read.data = PathBuf::from(value()?),
                "--rounds" => {
                    read.rounds =
                        value()?.parse().ok().filter(|rounds| *rounds > 0).ok_or("--rounds needs a number")?;
                }
                "--memory" | "--first-build" => read.parts.push(argument.trim_start_matches('-').to_string()),
                "--all" => read.parts = PARTS.iter().map(ToString::to_string).collect(),
                "--only" => {
                    read.parts = parts(&value()?)?;
                    read.writes_readme = false;
                }
                "--help" | "-h" => return Err(String::new()),
                other => return Err(format!("there is no option {other}")),
            }
        }
        Ok(read)
    }

    /// Whether a part of the report runs.
    pub fn wants(&self, part: &str) -> bool {
        self.parts.iter().any(|wanted| wanted == part)
    }
}

fn parts(list: &str) -> Result<Vec<String>, String> {
    let wanted: Vec<String> = list.split(',').map(String::from).collect();
    match wanted.iter().find(|part| !PARTS.contains(&part.as_str())) {
        None => Ok(wanted),
        Some(unknown) => Err(format!("there is no part {unknown}; the parts are {}", PARTS.join(", "))),
    }
}
