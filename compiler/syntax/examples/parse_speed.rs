//! Measures parsing: `cargo run --release -p nsf-syntax --example parse_speed -- [LINES | FILE…]`.
//!
//! With a number it parses that many lines of renamed copies of the classroom program, else the files given; prints CPU
//! seconds, rate and the number of mistakes.

use std::time::Instant;

use nsf_diagnostics::FileId;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(|first| first.parse::<usize>()) {
        Some(Err(_)) => {
            for path in &arguments {
                match std::fs::read_to_string(path) {
                    Ok(text) => measure(path, &text),
                    Err(error) => eprintln!("{path}: {error}"),
                }
            }
        }
        Some(Ok(lines)) => measure("copies", &copies(lines)),
        None => measure("copies", &copies(100_000)),
    }
}

/// Copies of the classroom program until there are `lines` lines.
fn copies(lines: usize) -> String {
    let program = [
        include_str!("../../../examples/classroom/classroom/fields.nsf"),
        include_str!("../../../examples/classroom/classroom/live.nsf"),
        include_str!("../../../examples/classroom/classroom/duration.nsf"),
    ]
    .concat();
    let count = program.lines().count();
    program.repeat(lines.div_ceil(count))
}

fn measure(what: &str, text: &str) {
    let start = Instant::now();
    let parse = nsf_syntax::parse(FileId(0), text);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{what}: {} bytes, {} lines, {} items, {} mistakes, {seconds:.3} s, {:.1} MB/s",
        text.len(),
        text.lines().count(),
        parse.file.items.len(),
        parse.errors.len(),
        text.len() as f64 / 1e6 / seconds,
    );
    for error in parse.errors.iter().take(20) {
        let before = &text[..error.location.span.start as usize];
        let line = before.matches('\n').count() + 1;
        println!("  line {line}: {:?} at {:?}", error.kind, text[before.len()..].chars().take(20).collect::<String>());
    }
}
