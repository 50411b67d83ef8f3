//! What is proposed, and in which order.

use gen_lsp_types::{
    self as lsp, CompletionItem, CompletionItemKind, CompletionItemTextEdit, InsertTextFormat, TextEdit,
};

use crate::markup;
use crate::view::View;

/// How likely something is meant, the likeliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Of the kind and type that is due.
    Due,
    /// Of the kind that is due.
    Near,
    /// A constant or function of the type that is due.
    Fit,
    /// What may be meant.
    Other,
    /// Words of the language in an expression.
    Word,
    /// Functions of another type.
    Far,
    /// What is of another module, and needs a `use`.
    Elsewhere,
}

/// Something that is proposed.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) label: String,
    pub(crate) kind: CompletionItemKind,
    pub(crate) rank: Rank,
    pub(crate) detail: String,
    pub(crate) docs: String,
    /// What is written, with places to fill in; the label where there is none.
    snippet: Option<String>,
    /// The module that must be used for it.
    import: Option<String>,
}

impl Candidate {
    pub(crate) fn new(label: impl Into<String>, kind: CompletionItemKind, rank: Rank) -> Self {
        Self {
            label: label.into(),
            kind,
            rank,
            detail: String::new(),
            docs: String::new(),
            snippet: None,
            import: None,
        }
    }

    pub(crate) fn word(label: &str, detail: &str) -> Self {
        Self::new(label, CompletionItemKind::Keyword, Rank::Near).detail(detail)
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    pub(crate) fn docs(mut self, lines: &[smol_str::SmolStr]) -> Self {
        self.docs = markup::docs(lines);
        self
    }

    pub(crate) fn rank(mut self, rank: Rank) -> Self {
        self.rank = rank;
        self
    }

    pub(crate) fn snippet(mut self, snippet: impl Into<String>) -> Self {
        self.snippet = Some(snippet.into());
        self
    }

    /// The same, where it is not in use yet.
    pub(crate) fn import(mut self, module: Option<String>) -> Self {
        if module.is_some() {
            self.rank = Rank::Elsewhere;
        }
        self.import = module;
        self
    }

    /// The item of the protocol. `order` tells those of one rank apart.
    pub(crate) fn item(self, view: View<'_>, place: lsp::Range, order: usize) -> CompletionItem {
        let client = view.client;
        let with_places = self.snippet.as_ref().filter(|_| client.snippets);
        let new_text = match (&self.snippet, client.snippets) {
            (Some(snippet), true) => snippet.clone(),
            _ => self.label.clone(),
        };
        let import = self.import.as_ref().map(|module| vec![using(view, module)]);
        let detail = match &self.import {
            Some(module) => format!("{} (use {module})", self.detail),
            None => self.detail,
        };
        CompletionItem {
            kind: Some(self.kind),
            detail: (!detail.is_empty()).then_some(detail),
            documentation: markup::documentation(&self.docs, client),
            sort_text: Some(format!("{}{order:04}", self.rank as u8)),
            insert_text_format: with_places.map(|_| InsertTextFormat::Snippet),
            text_edit: Some(CompletionItemTextEdit::TextEdit(TextEdit { range: place, new_text })),
            additional_text_edits: import,
            label: self.label,
            ..CompletionItem::default()
        }
    }
}

/// The edit that brings a module into use: behind the last `use`, or at the head of the file.
pub(crate) fn using(view: View<'_>, module: &str) -> TextEdit {
    use nsf_diagnostics::Span;
    let text: &str = view.text();
    let mut at = 0;
    let mut found = false;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let is_use = line.starts_with("use ");
        if is_use || (!found && line.starts_with("//!")) {
            at = offset + line.len();
        }
        found |= is_use;
        offset += line.len();
    }
    let new_text = if found { format!("use {module}\n") } else { format!("use {module}\n\n") };
    TextEdit { range: view.range(Span::at(at as u32)), new_text }
}
