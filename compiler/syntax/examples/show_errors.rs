//! Shows the mistakes of files: `cargo run -p nsf-syntax --example show_errors -- FILE…`.

use nsf_diagnostics::render::{TerminalOptions, terminal};
use nsf_diagnostics::{IntoDiagnostic, SourceMap};

fn main() {
    for path in std::env::args().skip(1) {
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                eprintln!("{path}: {error}");
                continue;
            }
        };
        let mut sources = SourceMap::default();
        let file = sources.add(path, nsf_syntax::decode(&bytes));
        let errors = nsf_syntax::parse_bytes(file, &bytes).errors;
        let diagnostics: Vec<_> = errors.into_iter().map(|error| error.into_diagnostic(&sources)).collect();
        print!("{}", terminal(&diagnostics, &sources, TerminalOptions::default()));
        println!("{} mistakes", diagnostics.len());
    }
}
