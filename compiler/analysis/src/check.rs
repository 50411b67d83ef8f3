//! The passes in their order.

use std::sync::LazyLock;

use nsf_diagnostics::{Diagnostic, Diagnostics, FileId, IntoDiagnostic, Severity, SourceMap};
use nsf_syntax::ast::{File, ItemKind};

use crate::allow::Allowances;
use crate::graph::{self, Dag, Proofs};
use crate::index::Index;
use crate::names::Names;
use crate::project::{ProjectInput, module_name};
use crate::types::{self, Library};

include!(concat!(env!("OUT_DIR"), "/stdlib.rs"));

/// The standard library's trees, read once.
static STANDARD: LazyLock<Vec<(String, String, File)>> = LazyLock::new(|| {
    STDLIB
        .iter()
        .map(|(name, text)| {
            let parse = nsf_syntax::parse(FileId(0), text);
            (format!("std.{name}"), (*text).to_owned(), parse.file)
        })
        .collect()
});

/// The built-in functions that the standard library declares.
pub static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let mut library = Library::default();
    for (module, _, file) in STANDARD.iter() {
        for item in &file.items {
            if let ItemKind::Builtin(builtin) = &item.kind {
                library.add(module, builtin, &item.docs);
            }
        }
    }
    library
});

/// Bytes of stack that the passes take at most, with room to spare: what is nested has a limit, and a thread may have
/// less. It is enough for reading, too.
pub(crate) const STACK: usize = 32 * 1024 * 1024;

/// What a check found.
pub struct Analysis {
    /// Every text, the project's first.
    pub sources: SourceMap,
    /// All errors and warnings, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The warnings that are allowed: those that were found are taken out already.
    pub allowances: Allowances,
    /// The graph of the program, with guarantees and numbers noted; `nsf.lock` is read.
    pub dag: Dag,
    /// What names mean; empty unless it was asked for.
    pub index: Index,
}

impl Analysis {
    /// Whether any diagnostic is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error)
    }
}

/// Checks a project: every pass over every file.
#[must_use]
pub fn check(input: &ProjectInput) -> Analysis {
    check_with(input, &Proofs::default())
}

/// Checks a project with some proofs switched off: for tests, which show that each refuses what it is there for.
#[must_use]
pub fn check_with(input: &ProjectInput, proofs: &Proofs) -> Analysis {
    stacker::maybe_grow(STACK, STACK, || check_here(input, proofs, false))
}

/// Checks a project and notes what its names mean, for an editor.
#[must_use]
pub fn check_indexed(input: &ProjectInput) -> Analysis {
    stacker::maybe_grow(STACK, STACK, || check_here(input, &Proofs::default(), true))
}

fn check_here(input: &ProjectInput, proofs: &Proofs, indexed: bool) -> Analysis {
    let mut sources = SourceMap::default();
    let mut found = Diagnostics::default();
    let mut trees: Vec<(String, FileId, String, File)> = Vec::with_capacity(input.files.len());
    let (mut allowances, mut diagnostics) = (Allowances::default(), Vec::new());
    for file in &input.files {
        let id = sources.add(file.path.clone(), file.text.clone());
        let parse = nsf_syntax::parse(id, &file.text);
        allowances.read(id, &file.text, &parse.file, &mut diagnostics);
        found.extend(parse.errors.into_iter().map(|error| error.into_diagnostic(&sources)));
        trees.push((module_name(&file.path), id, file.path.clone(), parse.file));
    }
    let mut files: Vec<(String, FileId, String, &File, bool)> = Vec::with_capacity(trees.len() + STANDARD.len());
    for (module, id, path, tree) in &trees {
        files.push((module.clone(), *id, path.clone(), tree, false));
    }
    for (module, text, tree) in STANDARD.iter() {
        let path = format!("<{module}>");
        let id = sources.add(path.clone(), text.clone());
        files.push((module.clone(), id, path, tree, true));
    }
    let names = Names::resolve(files, &mut diagnostics);
    let (mut program, typed, index) = types::check(&input.name, &names, &sources, &LIBRARY, indexed);
    found.extend(diagnostics);
    found.extend(typed);
    drop(names);
    // A statement that could not be parsed is not there for the types, which then have nothing to report.
    program.complete &= !found.has_errors();
    let lock = input.lock.as_ref().map(|text| sources.add("nsf.lock", text.clone()));
    let mut dag = graph::build(program);
    found.extend(graph::prove(&mut dag, &sources, lock, proofs));
    let has_errors = found.has_errors();
    let mut diagnostics = found.into_sorted();
    allowances.settle(&mut diagnostics);
    if !has_errors {
        // A program with errors is not looked at whole.
        let mut found = Diagnostics::default();
        found.extend(diagnostics.into_iter().chain(allowances.needless()));
        diagnostics = found.into_sorted();
    }
    Analysis { sources, diagnostics, allowances, dag, index }
}
