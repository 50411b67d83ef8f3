//! What is found of an open document in a large project before all of the project is checked: of the document with the files that it
//! uses. That takes as long as those files ask for, however many others there are.
//!
//! Who looks at a part sees less than what is to be seen, and now and then something that only seems so: a test waits for what no
//! flow of the part publishes. So what was found in the whole is compared with what would have been found in the part of then. What the
//! whole alone has found is still said, and what only the part would have found is not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gen_lsp_types as lsp;
use nsf_analysis::project::{Parsed, ParsedFile, ParsedProject};
use nsf_analysis::{Analysis, check_part};
use nsf_diagnostics::{FileId, SourceText};

use crate::convert::Texts;
use crate::moved::Moved;
use crate::position::{self, Encoding};
use crate::view::Around;

/// Bytes of text that a project has before its documents are checked by themselves: one that is smaller is checked as quickly.
pub(crate) const LARGE: usize = 128 * 1024;

/// What was found of documents since the whole was checked.
#[derive(Default)]
pub(crate) struct Near {
    /// Of the texts as they are now.
    parts: BTreeMap<PathBuf, Part>,
    /// How the documents differ in the part from what they were in the whole.
    differences: BTreeMap<PathBuf, Difference>,
}

/// A document with the files that it uses.
pub(crate) struct Part {
    pub(crate) analysis: Analysis,
    /// The document.
    pub(crate) file: FileId,
}

struct Difference {
    /// The text that was checked with the whole.
    text: SourceText,
    only_whole: Vec<lsp::Diagnostic>,
    only_part: Vec<lsp::Diagnostic>,
}

/// A document in its project.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    /// Where it is, and where that is in the project.
    pub(crate) path: &'a Path,
    pub(crate) inner: &'a str,
    pub(crate) folder: &'a Path,
    pub(crate) around: Around<'a>,
}

impl Near {
    /// Texts have changed.
    pub(crate) fn touch(&mut self) {
        self.parts.clear();
    }

    /// All was checked.
    pub(crate) fn forget(&mut self) {
        self.parts.clear();
        self.differences.clear();
    }

    /// What was found of a document as it is now.
    pub(crate) fn part(&self, path: &Path) -> Option<&Part> {
        self.parts.get(path)
    }

    /// Looks at a document with what it uses; false where that is too much to be quick.
    pub(crate) fn check(&mut self, project: &ParsedProject, at: At<'_>) -> bool {
        if !self.parts.contains_key(at.path) {
            let Some(part) = Part::of(project, at.inner) else { return false };
            self.parts.insert(at.path.to_path_buf(), part);
        }
        true
    }

    /// What is to be said of a document that was looked at. `then` is what was read of it when the whole was checked, and `told`
    /// what was said.
    pub(crate) fn diagnostics(
        &mut self,
        project: &ParsedProject,
        at: At<'_>,
        then: &Parsed,
        told: impl FnOnce() -> Vec<lsp::Diagnostic>,
    ) -> Option<Vec<lsp::Diagnostic>> {
        let now = self.parts.get(at.path)?;
        let text = &now.analysis.sources.get(now.file)?.text;
        let mut found = now.diagnostics(at);
        if !self.differences.contains_key(at.path) {
            self.differences.insert(at.path.to_path_buf(), Difference::of(project, at, then, told()));
        }
        let difference = self.differences.get(at.path)?;
        let moving = Moving { moved: Moved::between(&difference.text, text), from: &difference.text, to: text, at };
        let seeming = moving.all(&difference.only_part);
        found.retain(|own| !seeming.iter().any(|other| is_same(own, other)));
        found.extend(moving.all(&difference.only_whole));
        found.sort_by_key(|own| (own.range.start.line, own.range.start.character));
        Some(found)
    }
}

impl Part {
    fn of(project: &ParsedProject, inner: &str) -> Option<Self> {
        let analysis = check_part(&project.part(inner, LARGE)?);
        let file = analysis.sources.iter().find(|(_, source)| source.path == inner).map(|(file, _)| file)?;
        Some(Self { analysis, file })
    }

    fn diagnostics(&self, at: At<'_>) -> Vec<lsp::Diagnostic> {
        let texts = Texts::of(&self.analysis, at.folder, at.around);
        let own = self.analysis.diagnostics.iter().filter(|own| own.location().file == self.file);
        own.filter_map(|own| texts.diagnostic(own)).collect()
    }
}

impl Difference {
    fn of(project: &ParsedProject, at: At<'_>, then: &Parsed, told: Vec<lsp::Diagnostic>) -> Self {
        let mut before = project.clone();
        for file in before.files.iter_mut().filter(|file| file.path == at.inner) {
            let parsed = std::sync::Arc::new(Parsed::of(then.text.clone()));
            *file = ParsedFile { path: file.path.clone(), parsed };
        }
        let part = Part::of(&before, at.inner).map(|part| part.diagnostics(at)).unwrap_or_default();
        let without = |all: &[lsp::Diagnostic], others: &[lsp::Diagnostic]| {
            let alone = all.iter().filter(|own| !others.iter().any(|other| is_same(own, other)));
            alone.cloned().collect::<Vec<_>>()
        };
        Self { text: then.text.clone(), only_whole: without(&told, &part), only_part: without(&part, &told) }
    }
}

/// Whether two diagnostics say the same of the same place.
fn is_same(one: &lsp::Diagnostic, other: &lsp::Diagnostic) -> bool {
    one.range == other.range && one.code == other.code && one.message == other.message
}

/// To say of a text what was said of the one before.
struct Moving<'a> {
    moved: Moved,
    from: &'a SourceText,
    to: &'a SourceText,
    at: At<'a>,
}

impl Moving<'_> {
    /// Those of places that are still there.
    fn all(&self, diagnostics: &[lsp::Diagnostic]) -> Vec<lsp::Diagnostic> {
        let own = self.at.around.documents.get(self.at.path).map(|document| &document.uri);
        let one = |before: &lsp::Diagnostic| {
            let mut now = before.clone();
            now.range = self.range(before.range)?;
            if let Some(related) = &mut now.related_information {
                for other in related.iter_mut().filter(|other| Some(&other.location.uri) == own) {
                    other.location.range = self.range(other.location.range)?;
                }
            }
            Some(now)
        };
        diagnostics.iter().filter_map(one).collect()
    }

    fn range(&self, range: lsp::Range) -> Option<lsp::Range> {
        let encoding: Encoding = self.at.around.client.encoding;
        let at = |place| {
            let offset = self.moved.offset(position::offset(self.from, place, encoding))?;
            Some(position::position(self.to, offset, encoding))
        };
        Some(lsp::Range { start: at(range.start)?, end: at(range.end)? })
    }
}
