//! Diagnostics as the protocol has them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use gen_lsp_types::{self as lsp, Uri};
use nsf_analysis::Analysis;
use nsf_diagnostics::{self as nsf, FileId, NoteKind, Severity, Span};

use crate::position;
use crate::view::Around;

/// The texts of a project, with what is needed to speak of places in them.
#[derive(Clone, Copy)]
pub(crate) struct Texts<'a> {
    analysis: &'a Analysis,
    folder: &'a Path,
    around: Around<'a>,
}

impl<'a> Texts<'a> {
    pub(crate) fn of(analysis: &'a Analysis, folder: &'a Path, around: Around<'a>) -> Self {
        Self { analysis, folder, around }
    }

    /// Where a source is on disk; none for the standard library's.
    pub(crate) fn path(&self, file: FileId) -> Option<PathBuf> {
        let path = &self.analysis.sources.get(file)?.path;
        (!path.starts_with('<')).then(|| self.folder.join(path))
    }

    /// The address of a source, as the client has written it where it is open; none for the standard library's.
    pub(crate) fn uri(&self, file: FileId) -> Option<Uri> {
        let path = self.path(file)?;
        let open = self.around.documents.get(&path).map(|document| document.uri.clone());
        open.or_else(|| uri_of(&path))
    }

    /// Where a place is; none for one in the standard library.
    pub(crate) fn location(&self, location: nsf::Location) -> Option<lsp::Location> {
        Some(lsp::Location { uri: self.uri(location.file)?, range: self.range(location.file, location.span)? })
    }

    pub(crate) fn range(&self, file: FileId, span: Span) -> Option<lsp::Range> {
        Some(position::range(&self.analysis.sources.get(file)?.text, span, self.around.client.encoding))
    }

    /// A diagnostic; none where it is of the standard library.
    pub(crate) fn diagnostic(&self, own: &nsf::Diagnostic) -> Option<lsp::Diagnostic> {
        let (at, client) = (own.location(), self.around.client);
        let secondary = own.labels.iter().filter(|label| !label.primary && !label.message.is_empty());
        let related: Vec<lsp::DiagnosticRelatedInformation> = secondary
            .filter_map(|label| {
                let location = self.location(label.location)?;
                Some(lsp::DiagnosticRelatedInformation { location, message: label.message.clone() })
            })
            .collect();
        let severity = match own.severity() {
            Severity::Error => lsp::DiagnosticSeverity::Error,
            Severity::Warning => lsp::DiagnosticSeverity::Warning,
        };
        Some(lsp::Diagnostic {
            range: self.range(at.file, at.span)?,
            severity: Some(severity),
            code: Some(lsp::Code::String(own.code.id.to_owned())),
            code_description: self.page(own.code),
            source: Some("nsf".to_owned()),
            message: lsp::Message::String(words(own)),
            tags: (client.tags && is_needless(own)).then(|| vec![lsp::DiagnosticTag::Unnecessary]),
            related_information: (client.relates && !related.is_empty()).then_some(related),
            ..lsp::Diagnostic::default()
        })
    }

    /// The page of a code, for a client that shows a link to it.
    fn page(&self, code: &nsf::Code) -> Option<lsp::CodeDescription> {
        let shows = self.around.client.shows_pages;
        let page = shows.then(|| self.around.host.page(code)).flatten()?;
        Some(lsp::CodeDescription { href: uri_of(&page)? })
    }

    /// The edits of a fix; none where one is of what cannot be edited.
    pub(crate) fn edit(&self, fix: &nsf::Suggestion) -> Option<lsp::WorkspaceEdit> {
        let mut changes: HashMap<Uri, Vec<lsp::TextEdit>> = HashMap::new();
        for edit in &fix.edits {
            let lsp::Location { uri, range } = self.location(edit.location)?;
            changes.entry(uri).or_default().push(lsp::TextEdit { range, new_text: edit.replacement.clone() });
        }
        Some(lsp::WorkspaceEdit { changes: Some(changes), ..lsp::WorkspaceEdit::default() })
    }
}

/// All that is said of it: an editor shows one text.
fn words(own: &nsf::Diagnostic) -> String {
    let mut words = own.message.clone();
    let label = own.labels.first().map(|label| label.message.as_str()).filter(|message| !message.is_empty());
    words.extend(label.map(|label| format!("\n{label}")));
    for note in &own.notes {
        let kind = if note.kind == NoteKind::Help { "help" } else { "note" };
        words.push_str(&format!("\n{kind}: {}", note.text));
    }
    words
}

/// Whether what is marked could be left out.
fn is_needless(own: &nsf::Diagnostic) -> bool {
    let code = own.code.id;
    [nsf::codes::W0402.id, nsf::codes::W0403.id, nsf::codes::W0404.id, nsf::codes::W0406.id].contains(&code)
}

/// The address of a file, or that which stands for a document that is no file's; none where the path is none.
pub(crate) fn uri_of(path: &Path) -> Option<Uri> {
    if path.is_absolute() { Uri::from_file_path(path).ok() } else { Uri::parse(path.to_str()?).ok() }
}

/// The file of an address; none for what is no file.
pub(crate) fn path_of(uri: &Uri) -> Option<PathBuf> {
    (uri.scheme() == "file").then(|| uri.to_file_path().ok()).flatten()
}
