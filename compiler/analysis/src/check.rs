//! The passes in their order.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use nsf_diagnostics::{Diagnostic, Diagnostics, FileId, IntoDiagnostic, Severity, SourceMap, SourceText};
use nsf_syntax::ast::{File, ItemKind};

use crate::allow::Allowances;
use crate::graph::{self, Dag, Proofs};
use crate::index::Index;
use crate::model::Program;
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
    /// The files of the modules, by their names.
    pub modules: HashMap<String, FileId>,
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
    check_here(project, &How { indexed: true, ..How::default() })
}

/// The same while somebody waits for it: none where `goes_on` has said no, which it is asked every few milliseconds.
#[must_use]
pub fn check_while(project: &ParsedProject, goes_on: &dyn Fn() -> bool) -> Option<Analysis> {
    let analysis = check_here(project, &How { indexed: true, goes_on, ..How::default() });
    goes_on().then_some(analysis)
}

/// Checks some files of a project, for an editor that cannot wait for the others. Files that these use must be among them. What
/// only the graph of the whole tells is not said.
#[must_use]
pub fn check_part(project: &ParsedProject) -> Analysis {
    check_here(project, &How { indexed: true, is_part: true, ..How::default() })
}

/// The same of texts.
#[must_use]
pub fn check_indexed(input: &ProjectInput) -> Analysis {
    check_parsed(&ParsedProject::of(input))
}

/// Checks a project with some proofs switched off: for tests, which show that each refuses what it is there for.
#[must_use]
pub fn check_with(input: &ProjectInput, proofs: &Proofs) -> Analysis {
    check_here(&ParsedProject::of(input), &How { proofs: *proofs, ..How::default() })
}

/// What is wanted of a check.
struct How<'a> {
    proofs: Proofs,
    /// Whether what names mean is noted.
    indexed: bool,
    /// Whether there are files that are not looked at.
    is_part: bool,
    /// Whether somebody still waits.
    goes_on: &'a dyn Fn() -> bool,
}

impl Default for How<'_> {
    fn default() -> Self {
        Self { proofs: Proofs::default(), indexed: false, is_part: false, goes_on: &|| true }
    }
}

fn check_here(project: &ParsedProject, how: &How<'_>) -> Analysis {
    stacker::maybe_grow(STACK, STACK, || passes(project, how))
}

fn passes(project: &ParsedProject, how: &How<'_>) -> Analysis {
    let mut sources = SourceMap::default();
    let mut found = Diagnostics::default();
    let (mut allowances, mut diagnostics) = (Allowances::default(), Vec::new());
    let mut files: Vec<(String, FileId, String, &File, bool)> =
        Vec::with_capacity(project.files.len() + STANDARD.len());
    for file in &project.files {
        if !(how.goes_on)() {
            break;
        }
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
    let texts = types::Texts { project: &project.name, names: &names, sources: &sources, library: &LIBRARY };
    let (mut program, typed, index) = types::check(texts, how.indexed, how.goes_on);
    if !(how.goes_on)() {
        // Nothing is made of what is there so far.
        program = Program::default();
    }
    found.extend(diagnostics);
    found.extend(typed);
    let modules = names.into_files();
    // A statement that could not be parsed is not there for the types, which then have nothing to report.
    program.complete &= !found.has_errors();
    let lock = project.lock.as_ref().map(|text| sources.add_text("nsf.lock", text.clone()));
    let mut dag = graph::build(program);
    let proved = graph::prove(&mut dag, &sources, lock, &how.proofs, how.goes_on);
    if !how.is_part {
        found.extend(proved);
    }
    let has_errors = found.has_errors();
    let mut diagnostics = found.into_sorted();
    allowances.settle(&mut diagnostics);
    if !has_errors && !how.is_part {
        // A program with errors is not looked at whole.
        let mut found = Diagnostics::default();
        found.extend(diagnostics.into_iter().chain(allowances.needless()));
        diagnostics = found.into_sorted();
    }
    let files = project.files.iter().map(|file| Arc::clone(&file.parsed)).collect();
    Analysis { sources, files, modules, diagnostics, allowances, dag, index }
}
