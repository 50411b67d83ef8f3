//! Runs the benchmark's workloads on the engine alone:
//! `cargo run --release -p nsf-connectors --example workload w1|w2 INPUT OUTPUT FOLDER`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::{error::Error, path::PathBuf, sync::Arc};

use nsf_connectors::local::{Local, LocalSettings};
use nsf_engine::run::{Engine, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, workload, input, output, folder] = arguments.as_slice() else {
        return Err("give w1 or w2, an input file, an output file and a folder for the store".into());
    };
    let plan = Arc::new(support::workload(workload == "w2"));
    let connectors = Local::new(LocalSettings {
        project: PathBuf::from(folder),
        inputs: vec![("w1".into(), input.into())],
        outputs: vec![("out".into(), output.into())],
        follow: false,
        fresh: std::env::var("FRESH").as_deref() != Ok("0"),
    });
    let mut options = Options::default();
    if let Ok(workers) = std::env::var("WORKERS") {
        options.workers = workers.parse()?;
    }
    if let Ok(block) = std::env::var("BLOCK") {
        options.block = block.parse()?;
    }
    if let Ok(blocks) = std::env::var("BLOCKS") {
        options.blocks = blocks.parse()?;
    }
    options.signals = true;
    options.events = Some(Arc::new(|event| eprintln!("{event:?}")));
    let pieces = Engine::build(plan, options, &connectors)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let summary = pieces.run()?;
    println!("{summary:#?}");
    Ok(())
}
