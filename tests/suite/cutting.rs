//! Whole runs of a program by the engine itself, cut up in a given way.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_connectors::local::{Local, LocalSettings};
use nsf_engine::run::{Engine, Options};
use nsf_plan::{Plan, TestCase};
use nsf_tests::read;

/// The plan of a program in one file.
pub fn plan(text: String) -> Arc<Plan> {
    plan_and_tests(text).0
}

/// The plan of a program in one file, and its tests.
pub fn plan_and_tests(text: String) -> (Arc<Plan>, Vec<TestCase>) {
    let file = InputFile { path: "program.nsf".to_owned(), text };
    let analysis = nsf_analysis::check(&ProjectInput { name: "program".to_owned(), files: vec![file], lock: None });
    assert!(!analysis.has_errors(), "the program of this test has mistakes");
    let tests = analysis.dag.tests.iter().map(|test| test.value.clone()).collect();
    (Arc::new(nsf_analysis::lower::lower(&analysis.dag, &analysis.sources)), tests)
}

/// How a run is cut up.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Bytes that are read at once.
    pub block: usize,
    pub blocks: usize,
    pub workers: usize,
    pub lanes: u16,
    pub commit_bytes: u64,
    pub state_bytes: usize,
    /// In which order batches and lanes run; none: as they come.
    pub interleaving: Option<u64>,
}

/// One thread, one lane, all at once.
pub const WHOLE: Cut = Cut {
    block: 1 << 20,
    blocks: 16,
    workers: 1,
    lanes: 1,
    commit_bytes: 1 << 30,
    state_bytes: 1 << 28,
    interleaving: None,
};

/// Runs a plan in a folder of its own and gives the texts of its outputs.
pub fn run(plan: &Arc<Plan>, cut: Cut, data: &Path, inputs: &[(&str, &str)], outputs: &[&str]) -> Vec<String> {
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
        interleaving: cut.interleaving,
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
