//! Runs several programs in turn over one input for several rounds, and checks that they all write the same rows.

use crate::digest::{Digest, digest};
use crate::measure::{Run, run};
use crate::programs::{Places, Program};
use std::fs;
use std::io;
use std::time::Duration;

/// What the rounds of one program gave.
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// Its runs, or why it has none.
    pub runs: Result<Vec<Run>, String>,
}

impl Outcome {
    /// The median CPU time.
    pub fn cpu(&self) -> Option<Duration> {
        let mut times: Vec<Duration> = self.runs.as_ref().ok()?.iter().map(|run| run.cpu).collect();
        times.sort();
        times.get(times.len() / 2).copied()
    }

    /// The greatest peak memory, in bytes.
    pub fn peak_memory(&self) -> Option<u64> {
        self.runs.as_ref().ok()?.iter().map(|run| run.peak_memory).max()
    }
}

/// How many times as fast as `other` this program is: the median over the rounds of the ratio within one round, so
/// that a machine that is slower for a while does not count.
pub fn speed_ratio(this: &Outcome, other: &Outcome) -> Result<f64, String> {
    let of = |outcome: &Outcome| outcome.runs.clone().map_err(|why| format!("{}: {why}", outcome.name));
    let (this, other) = (of(this)?, of(other)?);
    let mut ratios: Vec<f64> =
        this.iter().zip(&other).map(|(this, other)| other.cpu.as_secs_f64() / this.cpu.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().ok_or_else(|| "no rounds".to_string())
}

/// Runs all programs `rounds` times in turn, after a round that only warms up and compares what they write. A program
/// that fails once runs no more.
pub fn compare(places: &Places, programs: &[Program], input: &str, rounds: usize) -> io::Result<Vec<Outcome>> {
    let new = |program: &Program| Outcome { name: program.name, runs: Ok(Vec::new()) };
    let mut outcomes: Vec<Outcome> = programs.iter().map(new).collect();
    let mut expected: Option<Digest> = None;
    let output = places.data_file("output.ndjson");
    for round in 0..=rounds {
        for turn in 0..programs.len() {
            // Another one begins each round, because the first one after a pause pays more.
            let index = (round + turn) % programs.len();
            let (program, outcome) = (&programs[index], &mut outcomes[index]);
            let Ok(runs) = &mut outcome.runs else { continue };
            // A file that is there would be cut to nothing on the program's account.
            remove(&output)?;
            let run = run(&mut program.command(places, input, &output)?, &places.data)?;
            tell(round, program, &run);
            let wrong = match run.code {
                0 if round == 0 => mismatch(&output, &mut expected)?,
                0 => None,
                _ => Some(run.complaint()),
            };
            match wrong {
                None if round > 0 => runs.push(run),
                None => {}
                Some(why) => {
                    eprintln!("        {why}");
                    outcome.runs = Err(why);
                }
            }
        }
    }
    remove(&output)?;
    Ok(outcomes)
}

fn tell(round: usize, program: &Program, run: &Run) {
    let label = if round == 0 { "warm-up".to_string() } else { format!("round {round}") };
    let (cpu, system) = (run.cpu.as_secs_f64(), run.system.as_secs_f64());
    eprintln!("{label} {:<20} {cpu:>6.2} s CPU, {system:.2} s of it in the kernel", program.name);
}

/// Says how an output differs from the first program's.
fn mismatch(output: &str, expected: &mut Option<Digest>) -> io::Result<Option<String>> {
    let found = match digest(output) {
        Ok(found) => found,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let wanted = *expected.get_or_insert(found);
    Ok((found != wanted).then(|| format!("writes other rows: {found:?} instead of {wanted:?}")))
}

fn remove(path: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
