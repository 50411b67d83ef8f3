//! How a run is cut up does not matter: blocks, rounds, commits, workers and lanes of any size give the same stored rows
//! and the same published and rejected records; a flow without state keeps the order of its input.
//!
//! `PROPTEST_CASES` is how many ways are tried, divided by a hundred, since each is two whole runs.

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_connectors::local::{Local, LocalSettings};
use nsf_engine::run::{Engine, Options};
use nsf_plan::Plan;
use nsf_tests::{generate, lines, read, root};
use proptest::prelude::*;

/// What is compared of `touching`.
const RESULTS: [&str; 6] = ["customer_card", "account", "habit", "moved_up", "good_customers", "rejected"];

const NUMBERS: &str = "\
source numbers {
  from: kafka(\"numbers\")
  record { n: int64  name: text }
}

flow pass from numbers {
  verify {
    drop   when n % 7 == 0  \"a seventh\"
    reject when n % 11 == 0 \"an eleventh\"
  }
  expand kafka(\"out\") { n, name }
}
";

fn plan(text: String) -> Arc<Plan> {
    let file = InputFile { path: "program.nsf".to_owned(), text };
    let analysis = nsf_analysis::check(&ProjectInput { name: "program".to_owned(), files: vec![file], lock: None });
    assert!(!analysis.has_errors(), "the program of this test has mistakes");
    Arc::new(nsf_analysis::lower::lower(&analysis.dag, &analysis.sources))
}

/// How a run is cut up.
#[derive(Clone, Copy, Debug)]
struct Cut {
    block: usize,
    blocks: usize,
    workers: usize,
    lanes: u16,
    commit_bytes: u64,
    state_bytes: usize,
}

/// One thread, one lane, all at once.
const WHOLE: Cut =
    Cut { block: 1 << 20, blocks: 16, workers: 1, lanes: 1, commit_bytes: 1 << 30, state_bytes: 1 << 28 };

fn cuts() -> impl Strategy<Value = Cut> {
    let block = prop_oneof![1..200_usize, 200..10_000_usize, 10_000..1_000_000_usize];
    let commit_bytes = prop_oneof![3000..20_000_u64, 20_000..1_000_000_u64];
    (block, 1..20_usize, 1..6_usize, 1..=16_u16, commit_bytes, prop_oneof![Just(1 << 28), 5_000..200_000_usize])
        .prop_map(|(block, blocks, workers, lanes, commit_bytes, state_bytes)| Cut {
            block,
            blocks,
            workers,
            lanes,
            commit_bytes,
            state_bytes,
        })
}

/// Runs a plan in a folder of its own and gives the texts of its outputs.
fn run(plan: &Arc<Plan>, cut: Cut, data: &Path, inputs: &[(&str, &str)], outputs: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let connectors = Local::new(LocalSettings {
        project: folder.path().to_path_buf(),
        inputs: inputs.iter().map(|(name, file)| ((*name).to_owned(), data.join(file))).collect(),
        outputs: outputs.iter().map(|name| ((*name).to_owned(), folder.path().join(name))).collect(),
        follow: false,
        fresh: false,
    });
    let options = Options {
        block: cut.block,
        blocks: cut.blocks,
        workers: cut.workers,
        lanes: cut.lanes,
        commit_bytes: cut.commit_bytes,
        state_bytes: cut.state_bytes,
        // Only bytes decide, so that a case is the same every time.
        commit_every: Duration::from_secs(600),
        secrets: Arc::new(|_| nsf_engine::ingest::Secret::Unchecked),
        ..Options::default()
    };
    let engine = Engine::build(Arc::clone(plan), options, &connectors).map_err(|errors| errors.len());
    let engine = engine.unwrap_or_else(|errors| panic!("{errors} parts cannot be built"));
    engine.run().unwrap_or_else(|error| panic!("{cut:?}: {error}"));
    outputs.iter().map(|name| read(&folder.path().join(name))).collect()
}

/// A program, its records and what they come to.
struct Expected {
    plan: Arc<Plan>,
    data: tempfile::TempDir,
    results: Vec<String>,
}

const VISITS: [(&str, &str); 2] = [("visits", "visits.ndjson"), ("shop_info", "shops.ndjson")];

static TOUCHING: LazyLock<Expected> = LazyLock::new(|| {
    let plan = plan(read(&root().join("tests/kill/touching/touching.nsf")));
    let data = tempfile::tempdir().unwrap();
    generate::generate("touching", 1_500, data.path()).unwrap();
    let results = run(&plan, WHOLE, data.path(), &VISITS, &RESULTS);
    for (name, text) in RESULTS.iter().zip(&results) {
        assert!(!text.is_empty(), "nothing came to {name}");
    }
    Expected { plan, data, results }
});

static STATELESS: LazyLock<Expected> = LazyLock::new(|| {
    let data = tempfile::tempdir().unwrap();
    let name = |n: u64| "x".repeat((n * n % 90) as usize);
    let records: String = (1..4000).map(|n| format!("{{\"n\":{n},\"name\":\"{}\"}}\n", name(n))).collect();
    std::fs::write(data.path().join("numbers.ndjson"), records).unwrap();
    let kept = (1..4000).filter(|n| n % 7 != 0 && n % 11 != 0);
    let out: String = kept.map(|n| format!("{{\"n\":{n},\"name\":\"{}\"}}\n", name(n))).collect();
    Expected { plan: plan(NUMBERS.to_owned()), data, results: vec![out] }
});

fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default().cases;
    ProptestConfig { cases: (asked / 100).clamp(16, 400), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn blocks_rounds_commits_workers_and_lanes_do_not_change_what_comes_out(cut in cuts()) {
        // A block holds a record at least; tiny ones would be a round for each, which is another test's.
        let cut = Cut { block: cut.block.max(60), ..cut };
        let results = run(&TOUCHING.plan, cut, TOUCHING.data.path(), &VISITS, &RESULTS);
        for ((name, expected), actual) in RESULTS.iter().zip(&TOUCHING.results).zip(&results) {
            let difference = lines::difference(expected, actual);
            prop_assert!(difference.is_none(), "{cut:?}: {name}: {}", difference.unwrap_or_default());
        }
    }

    #[test]
    fn a_flow_without_state_keeps_the_order_of_its_input(cut in cuts()) {
        let inputs = [("numbers", "numbers.ndjson")];
        let results = run(&STATELESS.plan, cut, STATELESS.data.path(), &inputs, &["out"]);
        prop_assert!(results == STATELESS.results, "{cut:?}: the output is not in order");
    }
}
