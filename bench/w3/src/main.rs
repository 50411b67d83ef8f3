//! Measures workload W3: `cargo run --release -p w3` from `bench/`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, process};
use w3::feed::feed;
use w3::latency;
use w3::page::Figures;
use w3::run::{Used, VARIANTS, Variant, run};
use w3::stage::Stage;
use w3::{Done, words};

const USAGE: &str = "\
usage: w3 [--records N] [--rounds N] [--seconds N] [--no-latency] [--programs NSFC NSFLOW] [--only NAME]

  --records N               orders of the input (default 4000000)
  --rounds N                how often each program runs, all in turn, after a round that only warms up (default 5)
  --seconds N               how long the latency is measured (default 20)
  --no-latency              leaves that out; the page is not written
  --programs NSFC NSFLOW    measures these and builds no product; nsflow with the feature `faults`; the page is not written
  --only NAME               runs one program alone, by a part of its name, and prints what it used; for profilers";

struct Arguments {
    records: u64,
    rounds: usize,
    seconds: u64,
    latency: bool,
    programs: Option<(PathBuf, PathBuf)>,
    only: Option<String>,
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut read = Self { records: 4_000_000, rounds: 5, seconds: 20, latency: true, programs: None, only: None };
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--records" => read.records = value()?.replace('_', "").parse().map_err(words)?,
                "--rounds" => read.rounds = value()?.parse().map_err(words)?,
                "--seconds" => read.seconds = value()?.parse().map_err(words)?,
                "--no-latency" => read.latency = false,
                "--programs" => {
                    let path =
                        |text: String| Path::new(&text).canonicalize().map_err(|error| format!("{text}: {error}"));
                    read.programs = Some((path(value()?)?, path(value()?)?));
                }
                "--only" => read.only = Some(value()?),
                "--help" | "-h" => return Err(String::new()),
                other => return Err(format!("there is no option {other}")),
            }
        }
        if read.rounds == 0 { Err("--rounds needs a number above 0".to_owned()) } else { Ok(read) }
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let folder = std::env::temp_dir().join(format!("nsf-w3-{}", process::id()));
    let done = measure(&arguments, &folder);
    if let Err(why) = done {
        eprintln!("W3 could not be measured: {why}\nwhat is left of it is in {}", folder.display());
        return ExitCode::FAILURE;
    }
    // What cannot be removed is only in the way of disk space.
    let _ = fs::remove_dir_all(&folder);
    ExitCode::SUCCESS
}

fn measure(arguments: &Arguments, folder: &Path) -> Done<()> {
    let stage = Stage::new(folder, arguments.programs.clone())?;
    eprintln!("writing {} orders", arguments.records);
    let expected = feed(&stage.kafka.bootstrap(), 20_230_521, arguments.records, None)?;
    let wanted = |variant: &Variant| arguments.only.as_ref().is_none_or(|part| variant.name().contains(part.as_str()));
    let variants: Vec<Variant> = VARIANTS.into_iter().filter(wanted).collect();
    let mut rounds = Vec::new();
    for round in 0..=arguments.rounds {
        let mut all = Vec::new();
        for turn in 0..variants.len() {
            // Another one begins each round, because the first one after a pause pays more.
            let at = (round + turn) % variants.len();
            let used = run(&stage, variants[at], &format!("w3r{round}v{at}"), expected)?;
            tell(round, variants[at], used, arguments.records);
            all.push((at, used));
        }
        all.sort_unstable_by_key(|(at, _)| *at);
        let all: Vec<Used> = all.into_iter().map(|(_, used)| used).collect();
        if round > 0
            && let Ok(all) = <[Used; VARIANTS.len()]>::try_from(all)
        {
            rounds.push(all);
        }
    }
    if arguments.only.is_some() {
        return Ok(());
    }
    let mut figures = Figures { records: arguments.records, rounds, latency: None };
    if arguments.latency {
        let load = (figures.each_second(Variant::ExactlyOnce) / 5.0) as u64;
        eprintln!("latency at {load} orders a second");
        let product = latency::measure(&stage, Variant::ExactlyOnce, "w3live1", load, arguments.seconds)?;
        let by_hand = latency::measure(&stage, Variant::ByHand, "w3live2", load, arguments.seconds)?;
        figures.latency = Some((load, product, by_hand));
    }
    println!("{}", figures.tables());
    if arguments.latency && arguments.programs.is_none() {
        figures.write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))?;
    }
    Ok(())
}

fn tell(round: usize, variant: Variant, used: Used, records: u64) {
    let label = if round == 0 { "warm-up".to_owned() } else { format!("round {round}") };
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / records as f64;
    eprintln!(
        "{label} {:<24} {:>6.2} µs an order: client {:.2}, redis-server {:.2}; {:.1} s on the clock",
        variant.name(),
        each(used.cpu()),
        each(used.clients),
        each(used.redis),
        used.wall.as_secs_f64()
    );
}
