//! Shows the mistakes of files: `cargo run -p nsf-syntax --example show_errors -- FILE…`.
use nsf_diagnostics::{IntoDiagnostic, SourceMap};
fn main() {
    for path in std::env::args().skip(1) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let mut sources = SourceMap::default();
        let text = nsf_syntax::decode(&bytes).into_owned();
        let file = sources.add(path.clone(), text);
        let parse = nsf_syntax::parse_bytes(file, &bytes);
        let list: Vec<_> = parse.errors.into_iter().map(|error| error.into_diagnostic(&sources)).collect();
        println!("== {path}: {}", list.len());
        for d in list {
            let (_, place) = sources.place(d.location()).unwrap();
            println!("{}:{} {} {} | {} | fix: {:?}", place.line, place.column, d.code.id, d.message, d.labels[0].message, d.suggestions.iter().map(|s| &s.message).collect::<Vec<_>>());
        }
    }
}
