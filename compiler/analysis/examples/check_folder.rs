//! Checks a folder of `.nsf` files and prints one line a diagnostic: for measuring the passes alone.

use std::path::{Path, PathBuf};

use nsf_analysis::project::{InputFile, ProjectInput};

fn collect(root: &Path, folder: &Path, files: &mut Vec<InputFile>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "nsf") {
            let relative = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            files.push(InputFile { path: relative, text: std::fs::read_to_string(&path).unwrap_or_default() });
        }
    }
}

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let root = Path::new(&folder);
    let mut input = ProjectInput { name: "folder".to_owned(), ..ProjectInput::default() };
    collect(root, root, &mut input.files);
    let started = std::time::Instant::now();
    let on = std::env::var_os("PROOFS_OFF").is_none();
    let proofs = nsf_analysis::graph::Proofs {
        topic_types: on,
        dataflow: on,
        key_safety: on,
        replay_safety: on,
        bounded_state: on,
        termination: on,
        secrets: on,
        identity: on,
        derived: on,
        constants: on,
        lints: on,
    };
    let analysis = nsf_analysis::check_with(&input, &proofs);
    for diagnostic in &analysis.diagnostics {
        let place = analysis.sources.place(diagnostic.location());
        let (path, line) = place.map_or(("?", 0), |(path, place)| (path, place.line));
        println!("{path}:{line}: {}: {}", diagnostic.code.id, diagnostic.message);
    }
    eprintln!("{} files in {:?}", input.files.len(), started.elapsed());
}
