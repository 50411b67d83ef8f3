//! The open documents, the projects that they belong to, and what was last found in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gen_lsp_types::{self as lsp, TextDocumentContentChangeEvent as Change, Uri};
use nsf_analysis::Analysis;
use nsf_diagnostics::FileId;

use crate::Host;
use crate::convert::{Texts, path_of, uri_of};
use crate::position::{Encoding, Lines};

/// An open document.
pub(crate) struct Document {
    pub(crate) version: i32,
    pub(crate) text: String,
}

/// A project that a document was opened of.
#[derive(Default)]
pub(crate) struct Project {
    /// Whether something has changed since it was checked.
    dirty: bool,
    /// What was last found; none before the first check, and where it cannot be read.
    pub(crate) analysis: Option<Analysis>,
    /// The files of which something was said.
    told: BTreeSet<PathBuf>,
}

/// All that the server knows.
pub(crate) struct Session<'h> {
    host: &'h dyn Host,
    pub(crate) encoding: Encoding,
    documents: BTreeMap<PathBuf, Document>,
    projects: BTreeMap<PathBuf, Project>,
}

/// A document with the project that it is of.
pub(crate) struct Place<'s> {
    pub(crate) folder: &'s Path,
    pub(crate) analysis: &'s Analysis,
    pub(crate) file: FileId,
}

impl<'h> Session<'h> {
    pub(crate) fn new(host: &'h dyn Host, encoding: Encoding) -> Self {
        Self { host, encoding, documents: BTreeMap::new(), projects: BTreeMap::new() }
    }

    pub(crate) fn open(&mut self, uri: &Uri, version: i32, text: String) {
        let Some(path) = path_of(uri) else { return };
        let folder = self.host.project_of(&path);
        self.projects.entry(folder).or_default().dirty = true;
        self.documents.insert(path, Document { version, text });
    }

    /// Takes changes in their order; each is of the text as the one before has left it.
    pub(crate) fn change(&mut self, uri: &Uri, version: i32, changes: Vec<Change>) {
        let Some(path) = path_of(uri) else { return };
        let Some(document) = self.documents.get_mut(&path) else { return };
        document.version = version;
        for change in changes {
            match change {
                Change::TextDocumentContentChangeWholeDocument(whole) => document.text = whole.text,
                Change::TextDocumentContentChangePartial(part) => {
                    let span = Lines::of(&document.text).span(&document.text, part.range, self.encoding);
                    document.text.replace_range(span.range(), &part.text);
                }
            }
        }
        self.touch(&path);
    }

    /// What the file on disk holds counts again.
    pub(crate) fn close(&mut self, uri: &Uri) {
        let Some(path) = path_of(uri) else { return };
        self.documents.remove(&path);
        self.touch(&path);
    }

    /// A file has changed.
    pub(crate) fn touch(&mut self, path: &Path) {
        let folder = self.host.project_of(path);
        if let Some(project) = self.projects.get_mut(&folder) {
            project.dirty = true;
        }
    }

    pub(crate) fn document(&self, uri: &Uri) -> Option<&Document> {
        self.documents.get(&path_of(uri)?)
    }

    /// A document with what was found in its project, which is checked first where something has changed.
    pub(crate) fn place(&self, uri: &Uri) -> Option<Place<'_>> {
        let path = path_of(uri)?;
        let folder = self.host.project_of(&path);
        let (folder, project) = self.projects.get_key_value(&folder)?;
        let analysis = project.analysis.as_ref()?;
        let texts = Texts::of(analysis, folder, self.encoding);
        let (file, _) = analysis.sources.iter().find(|(file, _)| texts.path(*file).as_deref() == Some(&path))?;
        Some(Place { folder, analysis, file })
    }

    /// Checks what has changed; gives what is to be said of each file, and why a project cannot be read.
    pub(crate) fn check(&mut self) -> (Vec<lsp::PublishDiagnosticsParams>, Vec<String>) {
        let (mut said, mut failed) = (Vec::new(), Vec::new());
        let texts: BTreeMap<PathBuf, String> =
            self.documents.iter().map(|(path, document)| (path.clone(), document.text.clone())).collect();
        for (folder, project) in self.projects.iter_mut().filter(|(_, project)| project.dirty) {
            project.dirty = false;
            // What was found of older texts has other places, also where the check fails.
            project.analysis = None;
            match self.host.check(folder, &texts) {
                Ok(analysis) => {
                    said.extend(told(&analysis, folder, self.encoding, &self.documents, &mut project.told));
                    project.analysis = Some(analysis);
                }
                Err(words) => failed.push(words),
            }
        }
        (said, failed)
    }
}

/// What is to be said of the files of a project: also of those of which nothing is to be said any more.
fn told(
    analysis: &Analysis,
    folder: &Path,
    encoding: Encoding,
    documents: &BTreeMap<PathBuf, Document>,
    before: &mut BTreeSet<PathBuf>,
) -> Vec<lsp::PublishDiagnosticsParams> {
    let mut texts = Texts::of(analysis, folder, encoding);
    let mut by_file: BTreeMap<PathBuf, Vec<lsp::Diagnostic>> = BTreeMap::new();
    for own in &analysis.diagnostics {
        if let (Some(path), Some(own)) = (texts.path(own.location().file), texts.diagnostic(own)) {
            by_file.entry(path).or_default().push(own);
        }
    }
    // Whoever opens a file waits for an answer, also where there is nothing to say.
    let own = analysis.sources.iter().filter_map(|(file, _)| texts.path(file));
    let open: Vec<PathBuf> = own.filter(|path| documents.contains_key(path)).collect();
    for path in before.iter().chain(&open) {
        by_file.entry(path.clone()).or_default();
    }
    *before = by_file.iter().filter(|(_, all)| !all.is_empty()).map(|(path, _)| path.clone()).collect();
    let publish = |(path, diagnostics): (PathBuf, Vec<lsp::Diagnostic>)| {
        let version = documents.get(&path).map(|document| document.version);
        Some(lsp::PublishDiagnosticsParams { uri: uri_of(&path)?, version, diagnostics })
    };
    by_file.into_iter().filter_map(publish).collect()
}
