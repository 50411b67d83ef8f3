//! The open documents, with their trees.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gen_lsp_types::{TextDocumentContentChangeEvent as Change, Uri};
use nsf_analysis::project::Parsed;
use nsf_diagnostics::SourceText;

use crate::Open;
use crate::convert::path_of;
use crate::position::{self, Encoding};

/// An open document.
pub struct Document {
    /// As the client has written it, which need not be as others do.
    pub(crate) uri: Uri,
    pub(crate) version: i32,
    /// The key of the project that it is of.
    pub(crate) project: PathBuf,
    text: SourceText,
    parsed: OnceCell<Arc<Parsed>>,
}

impl Document {
    pub(crate) fn new(uri: Uri, version: i32, text: &str, project: PathBuf) -> Self {
        Self { uri, version, project, text: SourceText::new(text), parsed: OnceCell::new() }
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &SourceText {
        &self.text
    }

    /// What was read of its text: read once, and not before somebody asks.
    #[must_use]
    pub fn parsed(&self) -> &Arc<Parsed> {
        self.parsed.get_or_init(|| Arc::new(Parsed::of(self.text.clone())))
    }

    /// Takes changes in their order; each is of the text as the one before has left it.
    pub(crate) fn change(&mut self, version: i32, changes: Vec<Change>, encoding: Encoding) {
        self.version = version;
        for change in changes {
            self.text = match change {
                Change::TextDocumentContentChangeWholeDocument(whole) => SourceText::new(whole.text),
                Change::TextDocumentContentChangePartial(part) => {
                    let span = position::span(&self.text, part.range, encoding);
                    let mut text = String::from(&*self.text);
                    text.replace_range(span.range(), &part.text);
                    SourceText::new(text)
                }
            };
        }
        self.parsed = OnceCell::new();
    }
}

/// All documents that are open.
#[derive(Default)]
pub(crate) struct Documents {
    by_path: BTreeMap<PathBuf, Document>,
}

impl Documents {
    /// The path that stands for an address: that of its file, or else the address itself, which is the path of no file.
    pub(crate) fn path(uri: &Uri) -> PathBuf {
        path_of(uri).unwrap_or_else(|| PathBuf::from(uri.as_str()))
    }

    pub(crate) fn insert(&mut self, document: Document) {
        self.by_path.insert(Self::path(&document.uri), document);
    }

    pub(crate) fn remove(&mut self, path: &Path) -> Option<Document> {
        self.by_path.remove(path)
    }

    pub(crate) fn get(&self, path: &Path) -> Option<&Document> {
        self.by_path.get(path)
    }

    pub(crate) fn get_mut(&mut self, path: &Path) -> Option<&mut Document> {
        self.by_path.get_mut(path)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Path, &Document)> {
        self.by_path.iter().map(|(path, document)| (path.as_path(), document))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Path, &mut Document)> {
        self.by_path.iter_mut().map(|(path, document)| (path.as_path(), document))
    }

    /// Those of a project.
    pub(crate) fn of(&self, project: &Path) -> Open<'_> {
        let own = self.by_path.iter().filter(|(_, document)| document.project == project);
        own.map(|(path, document)| (path.as_path(), document)).collect()
    }
}
