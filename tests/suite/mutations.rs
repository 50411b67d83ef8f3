//! The fuzz targets over seeded mutations of what the project itself holds: for machines without cargo-fuzz.
//!
//! `NSF_FUZZ_SECONDS` is how long each target is tried; `NSF_FUZZ_SEED` begins elsewhere, `NSF_FUZZ_KEEP` is a folder
//! that gets each text before it is tried.

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_plan::document;
use nsf_tests::random::Random;
use nsf_tests::{read, root, tree};

use crate::fuzz_targets as targets;

/// Seconds for each target, unless the environment says otherwise.
const SECONDS: u64 = 5;

/// Where the random numbers begin, unless the environment says otherwise: a test fails for what was changed, not for the
/// day. `cargo xtask prove` begins elsewhere each time.
const SEED: u64 = 2026;

/// Pieces that mistakes are made of.
const WORDS: [&str; 34] = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "r\"",
    "r#\"",
    "\"#",
    "//",
    "///",
    "//~",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{feff}",
    "flow ",
    "source ",
    "state ",
    " by (",
    "=>",
    "??",
    "catch",
    "@2023-05-20T23:30Z",
    "80%",
    "1h30min",
    "\\u{1F600}",
    "\\u{D800}",
    "\\ud800",
    "1e999",
    "99999999999999999999",
    "班",
];

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// One small change of a text of bytes.
fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let length = bytes.len() as u64;
    let at = |random: &mut Random| random.below(length + 1) as usize;
    let range = |random: &mut Random| {
        let start = random.below(length + 1) as usize;
        start..(start + random.below(40) as usize).min(length as usize)
    };
    match random.below(7) {
        0 if length > 0 => bytes[random.below(length) as usize] = random.number() as u8,
        1 => drop(bytes.drain(range(random))),
        2 => {
            let part = bytes[range(random)].to_vec();
            let at = at(random);
            bytes.splice(at..at, part);
        }
        3 => {
            let other = &seeds[random.below(seeds.len() as u64) as usize];
            let start = random.below(other.len() as u64 + 1) as usize;
            let end = (start + random.below(200) as usize).min(other.len());
            let at = at(random);
            bytes.splice(at..at, other[start..end].iter().copied());
        }
        4 => bytes.truncate(at(random)),
        5 => {
            let word = WORDS[random.below(WORDS.len() as u64) as usize];
            let many = if random.percent(2) { 300 } else { 1 };
            let at = at(random);
            bytes.splice(at..at, word.repeat(many).bytes());
        }
        _ => {
            let word = WORDS[random.below(WORDS.len() as u64) as usize];
            let range = range(random);
            bytes.splice(range, word.bytes());
        }
    }
}

/// Tries a target on mutated seeds until the time is over.
fn try_target(name: &str, seeds: &[Vec<u8>], target: fn(&[u8])) {
    let seed = number("NSF_FUZZ_SEED", SEED);
    let end = Instant::now() + Duration::from_secs(number("NSF_FUZZ_SECONDS", SECONDS));
    let mut random = Random::new(seed);
    let mut tried = 0_u64;
    // A crash that cannot be caught leaves its text in the folder that NSF_FUZZ_KEEP names.
    let kept = std::env::var_os("NSF_FUZZ_KEEP").map(PathBuf::from);
    for seed in seeds {
        target(seed);
    }
    while Instant::now() < end {
        let mut bytes = seeds[random.below(seeds.len() as u64) as usize].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut bytes, seeds, &mut random);
        }
        tried += 1;
        if let Some(folder) = &kept {
            std::fs::write(folder.join(name), &bytes).unwrap();
        }
        let done = panic::catch_unwind(AssertUnwindSafe(|| target(&bytes)));
        let shown = String::from_utf8_lossy(&bytes);
        assert!(done.is_ok(), "{name}: NSF_FUZZ_SEED={seed}, the {tried}th text:\n{shown}");
    }
    println!("{name}: {tried} texts, seed {seed}");
}

/// The passes take any text; what they let pass can be lowered, written and read again.
fn passes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let file = InputFile { path: "fuzzed.nsf".to_owned(), text: text.to_owned() };
    let analysis = nsf_analysis::check(&ProjectInput { name: "fuzzed".to_owned(), files: vec![file], lock: None });
    if analysis.has_errors() {
        return;
    }
    let plan = nsf_analysis::lower::lower(&analysis.dag, &analysis.sources);
    let written = document::to_yaml(&plan);
    let read = document::load(written.as_bytes());
    assert!(read.is_ok(), "the plan of a program without mistakes is refused: {:?}\n{text}", read.err());
}

/// Every small program of the project.
fn programs() -> Vec<Vec<u8>> {
    let folders = ["examples", "tests/language", "compiler/syntax/tests", "stdlib", "compiler/cli/template"];
    let paths = folders.iter().flat_map(|folder| tree::files(&root().join(folder), "nsf"));
    let texts = paths.filter_map(|path| std::fs::read(path).ok());
    texts.filter(|text| text.len() < 6000).collect()
}

/// Plans of the examples that are one file.
fn plans(write: fn(&nsf_plan::Plan) -> String) -> Vec<Vec<u8>> {
    let files = ["dedupe/dedupe", "latest-price/prices", "ingest/students", "two-sources/purchase"];
    let plan = |name: &&str| {
        let text = read(&root().join("examples").join(name).with_extension("nsf"));
        let file = InputFile { path: "example.nsf".to_owned(), text };
        let analysis = nsf_analysis::check(&ProjectInput { name: "example".to_owned(), files: vec![file], lock: None });
        write(&nsf_analysis::lower::lower(&analysis.dag, &analysis.sources)).into_bytes()
    };
    files.iter().map(plan).collect()
}

fn records() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"a":"x","b":{"c":7,"x":[1,{"y":null}]},"d":[1.5,2e3,-0],"e":{"k":[true]},"f":12.50,"g":"2023-05-20T23:30:00Z"}"#,
        r#"{"a":"\u00e9\n\ud83d\ude00","b":{"c":null},"d":[],"f":-0.1,"g":1684540800000}"#,
        r#"{"z":{"a":"no"},"a":"班级","b":{"c":"12"},"f":"3","d":null,"e":null}"#,
        "x,12.5,2023-05-20T23:30:00Z",
        "\"a \"\"quoted\"\" text\",,1684540800000",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn the_parser_takes_any_bytes() {
    try_target("parser", &programs(), targets::parser);
}

#[test]
fn what_is_formatted_stays_as_it_is() {
    try_target("formatter", &programs(), targets::formatter);
}

#[test]
fn the_passes_take_any_text() {
    try_target("passes", &programs(), passes);
}

#[test]
fn the_plan_decoder_takes_any_bytes() {
    try_target("plan", &plans(document::to_yaml), targets::plan);
    try_target("plan behind the hash", &plans(document::to_json), targets::plan_behind_the_hash);
}

#[test]
fn the_record_decoder_takes_any_bytes() {
    try_target("record", &records(), targets::record);
}
