//! What a feature is given.

use std::path::Path;

use gen_lsp_types as lsp;
use nsf_analysis::Analysis;
use nsf_analysis::project::Parsed;
use nsf_diagnostics::{FileId, SourceText, Span};
use nsf_syntax::ast::File;

use crate::client::Client;
use crate::convert::Texts;
use crate::documents::{Document, Documents};
use crate::moved::Moved;
use crate::position;
use crate::{Host, Project};

/// What is known of the world around a text.
#[derive(Clone, Copy)]
pub(crate) struct Around<'s> {
    pub(crate) host: &'s dyn Host,
    pub(crate) client: &'s Client,
    pub(crate) documents: &'s Documents,
}

/// A text with its tree: an open document, or a file of a project.
#[derive(Clone, Copy)]
pub(crate) struct View<'s> {
    pub(crate) client: &'s Client,
    own: Own<'s>,
}

/// A document is read where somebody asks for its tree: who types a proposal's name waits for no reading.
#[derive(Clone, Copy)]
enum Own<'s> {
    Parsed(&'s Parsed),
    Document(&'s Document),
}

impl<'s> View<'s> {
    pub(crate) fn of(client: &'s Client, parsed: &'s Parsed) -> Self {
        Self { client, own: Own::Parsed(parsed) }
    }

    pub(crate) fn text(&self) -> &'s SourceText {
        match self.own {
            Own::Parsed(parsed) => &parsed.text,
            Own::Document(document) => document.text(),
        }
    }

    pub(crate) fn tree(&self) -> &'s File {
        match self.own {
            Own::Parsed(parsed) => &parsed.parse.file,
            Own::Document(document) => &document.parsed().parse.file,
        }
    }

    pub(crate) fn range(&self, span: Span) -> lsp::Range {
        position::range(self.text(), span, self.client.encoding)
    }

    pub(crate) fn span(&self, range: lsp::Range) -> Span {
        position::span(self.text(), range, self.client.encoding)
    }

    pub(crate) fn offset(&self, at: lsp::Position) -> u32 {
        position::offset(self.text(), at, self.client.encoding)
    }
}

/// A document with what was found in its project.
pub(crate) struct Place<'s> {
    /// The document as it is now.
    pub(crate) view: View<'s>,
    pub(crate) around: Around<'s>,
    pub(crate) folder: &'s Path,
    /// What was found. Where a request is answered without a check, it may be of an older text: see [`Place::before`].
    pub(crate) analysis: &'s Analysis,
    /// The document among the sources of the analysis.
    pub(crate) file: FileId,
    /// The project on disk.
    pub(crate) project: &'s dyn Project,
}

impl<'s> Place<'s> {
    /// Where the connections of a kind lead to, in words and without secrets; none where the project does not say.
    pub(crate) fn connection(&self, kind: &str, cluster: Option<&str>) -> Option<String> {
        self.project.connection(kind, cluster)
    }

    /// To speak of places in the sources of the analysis.
    pub(crate) fn texts(&self) -> Texts<'s> {
        Texts::of(self.analysis, self.folder, self.around)
    }

    /// Where an offset of the document was in the text that was checked; one in what has been typed since is where that begins.
    pub(crate) fn before(&self, offset: u32) -> u32 {
        let Some(source) = self.analysis.sources.get(self.file) else { return offset };
        Moved::between(self.view.text(), &source.text).nearest(offset)
    }
}

impl Document {
    pub(crate) fn view<'s>(&'s self, client: &'s Client) -> View<'s> {
        View { client, own: Own::Document(self) }
    }
}
