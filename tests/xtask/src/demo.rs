//! `cargo xtask demo`: `classroom` over a million generated stays, with the compiler's release build.

use std::path::Path;

use nsf_tests::{generate, root};

use crate::command::cargo;

/// How many stays are generated.
const STAYS: u64 = 1_000_000;

/// Generates the input where it is not there yet, and runs the example over it. A run that was stopped is gone on with.
///
/// # Errors
/// When the input cannot be written or the run fails.
pub fn run() -> Result<(), String> {
    let folder = root().join("target/classroom-million");
    let stays = folder.join("stay_seg.ndjson");
    if !stays.exists() {
        generate::generate("classroom", STAYS, &folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let bind = |name: &str, file: &str| format!("{name}={}", folder.join(file).display());
    let input =
        [bind("stay_seg", "stay_seg.ndjson"), bind("plan_info", "plan.ndjson"), bind("arris_DW_live", "live.ndjson")];
    let output = [
        bind("class_stu_plan", "class_stu_plan.ndjson"),
        bind("plan_finished", "plan_finished.ndjson"),
        bind("rejected", "rejected.ndjson"),
    ];
    if !folder.join("live.ndjson").exists() {
        std::fs::write(folder.join("live.ndjson"), "").map_err(|error| format!("live.ndjson: {error}"))?;
    }
    let mut arguments = vec!["run", "--release", "--quiet", "--package", "nsfc", "--", "run", "examples/classroom"];
    for binding in &input {
        arguments.extend(["--input", binding]);
    }
    for binding in &output {
        arguments.extend(["--output", binding]);
    }
    cargo(&arguments)?;
    let shown = folder.strip_prefix(root()).unwrap_or(Path::new("target"));
    eprintln!("what was stored, published and rejected is in {}", shown.display());
    Ok(())
}
