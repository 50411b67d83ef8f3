//! Compiles the generated parser and the scanner beside it.

fn main() {
    let source = std::path::Path::new("src");
    let files = ["parser.c", "scanner.c"].map(|name| source.join(name));
    let mut build = cc::Build::new();
    // What the generator writes has unused parts by design.
    build.std("c11").include(source).files(&files).flag_if_supported("-Wno-unused");
    build.compile("tree-sitter-nsf");
    for file in files {
        println!("cargo:rerun-if-changed={}", file.display());
    }
}
