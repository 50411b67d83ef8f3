//! The texts of a run, and byte offsets as lines and columns.

use std::ops::Deref;
use std::sync::Arc;

use crate::{Location, Span};

/// Names one text of a [`SourceMap`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A place as people count: both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: u32,
    /// Column in Unicode scalar values, from 1.
    pub column: u32,
}

/// A text with the places of its lines. A copy shares both.
#[derive(Clone, Debug)]
pub struct SourceText {
    text: Arc<str>,
    line_starts: Arc<[u32]>,
}

impl SourceText {
    /// Indexes the lines of `text`.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let behind = text.match_indices('\n').map(|(at, _)| at as u32 + 1);
        let line_starts = std::iter::once(0).chain(behind).collect();
        Self { text, line_starts }
    }

    /// Zero-based line of a byte offset.
    #[must_use]
    pub fn line_index(&self, offset: u32) -> usize {
        self.line_starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Number of lines; a text that ends in a newline has an empty last line.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.line_starts.len()
    }

    /// Byte range of a zero-based line, without its line ending; empty at the end of the text where there is no such line.
    #[must_use]
    pub fn line_span(&self, line: usize) -> Span {
        let start = self.line_starts.get(line).copied().unwrap_or(self.text.len() as u32);
        let end = self.line_starts.get(line + 1).copied().unwrap_or(self.text.len() as u32);
        let text = Span::new(start, end).text(&self.text);
        Span::new(start, start + text.trim_end_matches(['\n', '\r']).len() as u32)
    }

    /// Line and column, from 1, of a byte offset.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> LineColumn {
        let line = self.line_index(offset);
        let start = self.line_starts.get(line).copied().unwrap_or(0);
        let before = Span::new(start, offset.min(self.text.len() as u32)).text(&self.text);
        LineColumn { line: line as u32 + 1, column: before.chars().count() as u32 + 1 }
    }

    /// Whether both are the same text.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.text, &other.text) || self.text == other.text
    }
}

impl Deref for SourceText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// A text with the name that people know it by.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as it is shown to people, with `/` between folders.
    pub path: String,
    /// The text.
    pub text: SourceText,
}

impl SourceFile {
    /// Zero-based line of a byte offset.
    #[must_use]
    pub fn line_index(&self, offset: u32) -> usize {
        self.text.line_index(offset)
    }

    /// Number of lines; a text that ends in a newline has an empty last line.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.text.line_count()
    }

    /// Byte range of a zero-based line, without its line ending.
    #[must_use]
    pub fn line_span(&self, line: usize) -> Span {
        self.text.line_span(line)
    }

    /// Line and column, from 1, of a byte offset.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> LineColumn {
        self.text.line_column(offset)
    }
}

/// All texts of a run, by [`FileId`].
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a text and gives it an id.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        self.add_text(path, SourceText::new(text))
    }

    /// Adds a text whose lines are known, and gives it an id.
    pub fn add_text(&mut self, path: impl Into<String>, text: SourceText) -> FileId {
        let id = FileId(self.files.len() as u32);
        self.files.push(SourceFile { path: path.into(), text });
        id
    }

    /// Puts `prefix` before every path, for a reader who stands outside the project's folder. Names of texts that are
    /// no files, such as `<std.text>`, stay.
    pub fn prefix_paths(&mut self, prefix: &str) {
        for file in self.files.iter_mut().filter(|file| !file.path.starts_with('<')) {
            file.path.insert_str(0, prefix);
        }
    }

    /// The file of an id, if the map has it.
    #[must_use]
    pub fn get(&self, file: FileId) -> Option<&SourceFile> {
        self.files.get(file.0 as usize)
    }

    /// Every file with its id, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(index as u32), file))
    }

    /// The text that a location covers; empty when the file is unknown.
    #[must_use]
    pub fn text(&self, location: Location) -> &str {
        self.get(location.file).map_or("", |file| location.span.text(&file.text))
    }

    /// Path, line and column of a location's start.
    #[must_use]
    pub fn place(&self, location: Location) -> Option<(&str, LineColumn)> {
        let file = self.get(location.file)?;
        Some((file.path.as_str(), file.line_column(location.span.start)))
    }
}
