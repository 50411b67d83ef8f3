//! A diagnostic and the collection of them that a pass fills.

use std::collections::HashSet;

use crate::{Code, Location, Severity, SourceMap, Suggestion};

/// A place that the diagnostic speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub location: Location,
    /// What is to be said of this place; may be empty for the primary one.
    pub message: String,
    /// Whether this is the cause; a diagnostic has exactly one such label.
    pub primary: bool,
}

/// What a note is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// More facts.
    Note,
    /// What to do.
    Help,
}

/// A line below the source excerpt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What the note is for.
    pub kind: NoteKind,
    /// The text, without a final full stop being required.
    pub text: String,
}

/// One mistake or warning, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code.
    pub code: &'static Code,
    /// What happened, in the writer's words.
    pub message: String,
    /// The cause first, then the places that explain it.
    pub labels: Vec<Label>,
    /// Further lines.
    pub notes: Vec<Note>,
    /// Fixes as data.
    pub suggestions: Vec<Suggestion>,
    /// Whether the project makes an error of it, though its code is a warning's.
    pub denied: bool,
}

impl Diagnostic {
    /// A diagnostic at `location`; the label there says nothing more than the message.
    #[must_use]
    pub fn new(code: &'static Code, location: Location, message: impl Into<String>) -> Self {
        let label = Label { location, message: String::new(), primary: true };
        Self {
            code,
            message: message.into(),
            labels: vec![label],
            notes: Vec::new(),
            suggestions: Vec::new(),
            denied: false,
        }
    }

    /// Says something at the primary place.
    #[must_use]
    pub fn label(mut self, message: impl Into<String>) -> Self {
        if let Some(primary) = self.labels.first_mut() {
            primary.message = message.into();
        }
        self
    }

    /// Adds a place that explains the mistake.
    #[must_use]
    pub fn secondary(mut self, location: Location, message: impl Into<String>) -> Self {
        self.labels.push(Label { location, message: message.into(), primary: false });
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note { kind: NoteKind::Note, text: text.into() });
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note { kind: NoteKind::Help, text: text.into() });
        self
    }

    /// Adds a fix.
    #[must_use]
    pub fn suggest(mut self, suggestion: Suggestion) -> Self {
        self.suggestions.push(suggestion);
        self
    }

    /// The place that is the cause.
    #[must_use]
    pub fn location(&self) -> Location {
        self.labels.first().map_or_else(|| crate::Span::default().in_file(crate::FileId(0)), |label| label.location)
    }

    /// Error or warning: the code's severity, unless the project denies the warning.
    #[must_use]
    pub fn severity(&self) -> Severity {
        if self.denied { Severity::Error } else { self.code.severity }
    }
}

/// Turns the facts that a pass found into words.
pub trait IntoDiagnostic {
    /// The diagnostic; `sources` is there to quote the writer's own text.
    fn into_diagnostic(self, sources: &SourceMap) -> Diagnostic;
}

/// The diagnostics of a run.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Adds many.
    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.list.extend(diagnostics);
    }

    /// Whether any is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity() == Severity::Error)
    }

    /// The collected ones, in the order they were added.
    #[must_use]
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.list
    }

    /// All of them by file and place, each mistake once: same code and same primary place count as one.
    #[must_use]
    pub fn into_sorted(self) -> Vec<Diagnostic> {
        let mut list = self.list;
        list.sort_by_key(|diagnostic| (diagnostic.location(), diagnostic.code.id));
        let mut seen = HashSet::new();
        list.retain(|diagnostic| seen.insert((diagnostic.location(), diagnostic.code.id)));
        list
    }
}
