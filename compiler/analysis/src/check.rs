//! The passes in their order.

use std::sync::{Arc, LazyLock};

use nsf_diagnostics::{Diagnostic, Diagnostics, FileId, IntoDiagnostic, Severity, SourceMap, SourceText};
use nsf_syntax::ast::{File, ItemKind};

use crate::allow::Allowances;
use crate::graph::{self, Dag, Proofs};
use crate::index::Index;
use crate::names::Names;
use crate::project::{Parsed, ParsedProject, ProjectInput, module_name};
use crate::types::{self, Library};

include!(concat!(env!("OUT_DIR"), "/stdlib.rs"));

/// The standard library's trees, read once.
static STANDARD: LazyLock<Vec<(String, SourceText, File)>> = LazyLock::new(|| {
    STDLIB
        .iter()
        .map(|(name, text)| {
            let parse = nsf_syntax::parse(FileId(0), text);
            (format!("std.{name}"), SourceText::new(*text), parse.file)
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
    /// The project's files as they were read, in the order of their texts.
    pub files: Vec<Arc<Parsed>>,
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

/// Checks a project whose files were read, and notes what its names mean, for an editor.
#[must_use]
pub fn check_parsed(project: &ParsedProject) -> Analysis {
    stacker::maybe_grow(STACK, STACK, || check_here(project, &Proofs::default(), true))
}

/// The same of texts.
#[must_use]
pub fn check_indexed(input: &ProjectInput) -> Analysis {
    check_parsed(&ParsedProject::of(input))
}

/// Checks a project with some proofs switched off: for tests, which show that each refuses what it is there for.
#[must_use]
pub fn check_with(input: &ProjectInput, proofs: &Proofs) -> Analysis {
    stacker::maybe_grow(STACK, STACK, || check_here(&ParsedProject::of(input), proofs, false))
}

fn check_here(project: &ParsedProject, proofs: &Proofs, indexed: bool) -> Analysis {
    let mut sources = SourceMap::default();
    let mut found = Diagnostics::default();
    let (mut allowances, mut diagnostics) = (Allowances::default(), Vec::new());
    let mut files: Vec<(String, FileId, String, &File, bool)> =
        Vec::with_capacity(project.files.len() + STANDARD.len());
    for file in &project.files {
        let Parsed { text, parse } = &*file.parsed;
        let id = sources.add_text(file.path.clone(), text.clone());
        allowances.read(id, text, &parse.file, &mut diagnostics);
        diagnostics.extend(crate::division::told(id, text, &parse.file));
        found.extend(file.parsed.errors(id).map(|error| error.into_diagnostic(&sources)));
        files.push((module_name(&file.path), id, file.path.clone(), &parse.file, false));
    }
    for (module, text, tree) in STANDARD.iter() {
        let path = format!("<{module}>");
        let id = sources.add_text(path.clone(), text.clone());
        files.push((module.clone(), id, path, tree, true));
    }
    let names = Names::resolve(files, &mut diagnostics);
    let (mut program, typed, index) = types::check(&project.name, &names, &sources, &LIBRARY, indexed);
    found.extend(diagnostics);
    found.extend(typed);
    drop(names);
    // A statement that could not be parsed is not there for the types, which then have nothing to report.
    program.complete &= !found.has_errors();
    let lock = project.lock.as_ref().map(|text| sources.add_text("nsf.lock", text.clone()));
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
    let files = project.files.iter().map(|file| Arc::clone(&file.parsed)).collect();
    Analysis { sources, files, diagnostics, allowances, dag, index }
}
