//! Shows what the names of a project mean: `cargo run --example show_index -- FOLDER`.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a tool for whoever works on the compiler")]

use nsf_analysis::project::{InputFile, ProjectInput};

fn main() {
    let folder = std::env::args().nth(1).expect("a folder");
    let mut input = ProjectInput { name: "shown".to_owned(), ..ProjectInput::default() };
    gather(std::path::Path::new(&folder), std::path::Path::new(&folder), &mut input.files);
    input.files.sort_by(|one, other| one.path.cmp(&other.path));
    let analysis = nsf_analysis::check_indexed(&input);
    for (file, source) in analysis.sources.iter() {
        if source.path.starts_with('<') {
            continue;
        }
        println!("== {}", source.path);
        for own in analysis.index.in_file(file) {
            let (line, _) = place(&source.text, own.at.span.start);
            let there = analysis.sources.get(own.symbol.file).expect("a text");
            let (declared, _) = place(&there.text, own.symbol.span.start);
            let root = analysis.index.root(own.symbol);
            let linked = if root == own.symbol { "" } else { " (linked)" };
            println!(
                "{line}: {} -> {}:{declared} {:?} {}{linked}",
                analysis.sources.text(own.at),
                there.path,
                analysis.index.symbol(own.symbol).map(|symbol| symbol.kind),
                own.ty.as_ref().map(ToString::to_string).unwrap_or_default()
            );
        }
    }
    for own in analysis.index.implied() {
        let value = own.value.map(|value| analysis.sources.text(value));
        println!("implied at {}: {} = {value:?}", analysis.sources.text(own.at), analysis.sources.text(own.label));
    }
}

fn place(text: &str, offset: u32) -> (usize, usize) {
    let before = &text[..offset as usize];
    (before.matches('\n').count() + 1, before.rfind('\n').map_or(before.len(), |at| before.len() - at - 1))
}

fn gather(root: &std::path::Path, folder: &std::path::Path, files: &mut Vec<InputFile>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(root, &path, files);
        } else if path.extension().is_some_and(|own| own == "nsf") {
            let text = std::fs::read_to_string(&path).expect("a text");
            let path = path.strip_prefix(root).expect("below").display().to_string();
            files.push(InputFile { path, text });
        }
    }
}
