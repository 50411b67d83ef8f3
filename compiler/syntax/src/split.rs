//! Cuts a file into items in one pass, and collects its comments.
//!
//! An item keyword in column 0 starts an item, whatever stands before it; texts and comments are understood, and nothing
//! nested deeper than the limit reaches the parser.

use nsf_diagnostics::Span;

use crate::ast::Comment;
use crate::scan::{MAX_NESTING, RawTexts, TextEnd, item_keyword, line_end, raw_text_start, reads_as_item, text_end};

/// The text of one item, or of what stands before the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The keyword it starts with.
    pub(crate) keyword: Option<&'static str>,
    /// Offset of its first token.
    pub(crate) start: usize,
    /// Offset after its last token.
    pub(crate) end: usize,
    /// Whether a text in it is not closed or its brackets do not match in number: the parser would fail.
    pub(crate) broken: bool,
    /// Where the nesting limit was passed.
    pub(crate) too_deep: Option<usize>,
    /// Tokens other than `}` that stand in column 0 inside braces.
    pub(crate) column_zero: Vec<u32>,
}

/// What the splitter found.
#[derive(Debug, Default)]
pub(crate) struct Split {
    /// The items in order.
    pub(crate) chunks: Vec<Chunk>,
    /// All comments in order, doc comments among them.
    pub(crate) comments: Vec<Comment>,
}

/// Cuts `text`, from `start` on, into items.
pub(crate) fn split(text: &str, start: usize) -> Split {
    let mut splitter = Splitter {
        bytes: text.as_bytes(),
        at: start,
        line_start: start,
        last_end: start,
        depth: 0,
        braces: 0,
        chunk: None,
        raw_texts: RawTexts::default(),
        split: Split::default(),
    };
    splitter.run();
    splitter.split
}

struct Splitter<'t> {
    bytes: &'t [u8],
    at: usize,
    /// Where the current line starts.
    line_start: usize,
    /// The end of the last token or comment.
    last_end: usize,
    /// Brackets that are open.
    depth: usize,
    /// Braces that are open.
    braces: usize,
    chunk: Option<Chunk>,
    raw_texts: RawTexts,
    split: Split,
}

impl Splitter<'_> {
    fn run(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line_start = self.at;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'/' if self.bytes.get(self.at + 1) == Some(&b'/') => self.comment(),
                _ => self.token(byte),
            }
        }
        self.finish_chunk();
    }

    fn token(&mut self, byte: u8) {
        if self.at == self.line_start
            && let Some(keyword) = item_keyword(self.bytes, self.at)
            && (self.depth == 0 || reads_as_item(self.bytes, self.at, keyword))
        {
            self.finish_chunk();
            self.chunk = Some(Chunk { keyword: Some(keyword), ..Chunk::at(self.at) });
        } else if self.chunk.is_none() {
            self.chunk = Some(Chunk::at(self.at));
        }
        if self.at == self.line_start && self.braces > 0 && byte != b'}' && !self.is_blank() {
            let at = self.at as u32;
            if let Some(chunk) = &mut self.chunk {
                chunk.column_zero.push(at);
            }
        }
        match byte {
            b'"' => self.text(text_end(self.bytes, self.at)),
            b'(' | b'[' | b'{' => self.open(),
            b')' | b']' | b'}' => self.close(),
            b'r' if let Some(hashes) = raw_text_start(self.bytes, self.at) => {
                let end = self.raw_texts.end(self.bytes, self.at, hashes);
                self.text(end);
            }
            _ if crate::scan::is_word_byte(byte) => {
                while self.bytes.get(self.at).is_some_and(|byte| crate::scan::is_word_byte(*byte)) {
                    self.at += 1;
                }
            }
            _ => self.at += 1,
        }
        self.last_end = self.at;
    }

    /// Whether a blank of another kind stands here: it indents, though it is a mistake of its own.
    fn is_blank(&self) -> bool {
        let character = self.bytes.get(self.at..).unwrap_or_default();
        let character = character.get(..4).unwrap_or(character);
        character.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()).is_some_and(char::is_whitespace)
    }

    fn comment(&mut self) {
        let mut end = line_end(self.bytes, self.at);
        if self.bytes.get(end.wrapping_sub(1)) == Some(&b'\r') {
            end -= 1;
        }
        let before = self.bytes.get(self.last_end..self.at).unwrap_or_default();
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        let own_line = lines > 0 || self.last_end == self.line_start;
        self.split.comments.push(Comment {
            span: Span::new(self.at as u32, end as u32),
            own_line,
            blank_before: lines > 1,
        });
        self.at = end;
        self.last_end = end;
    }

    fn text(&mut self, end: TextEnd) {
        match end {
            TextEnd::Closed(_) => {}
            TextEnd::Unclosed { .. } => self.mark_broken(),
            TextEnd::TooDeep { at, .. } => self.mark_too_deep(at),
        }
        // A raw text may span lines.
        let passed = self.bytes.get(self.at..end.end()).unwrap_or_default();
        if let Some(newline) = passed.iter().rposition(|byte| *byte == b'\n') {
            self.line_start = self.at + newline + 1;
        }
        self.at = end.end();
    }

    fn open(&mut self) {
        if self.depth == MAX_NESTING {
            self.mark_too_deep(self.at);
        }
        self.depth += 1;
        self.braces += usize::from(self.bytes.get(self.at) == Some(&b'{'));
        self.at += 1;
    }

    fn close(&mut self) {
        if self.depth == 0 {
            self.mark_broken();
        }
        self.depth = self.depth.saturating_sub(1);
        self.braces = self.braces.saturating_sub(usize::from(self.bytes.get(self.at) == Some(&b'}')));
        self.at += 1;
    }

    fn mark_broken(&mut self) {
        if let Some(chunk) = &mut self.chunk {
            chunk.broken = true;
        }
    }

    fn mark_too_deep(&mut self, at: usize) {
        if let Some(chunk) = &mut self.chunk {
            chunk.too_deep.get_or_insert(at);
        }
    }

    fn finish_chunk(&mut self) {
        if let Some(mut chunk) = self.chunk.take() {
            chunk.end = self.end_of_tokens(chunk.start);
            chunk.broken |= self.depth > 0;
            self.split.chunks.push(chunk);
        }
        self.depth = 0;
        self.braces = 0;
    }

    /// The end of the last token; comments that stand after it do not count.
    fn end_of_tokens(&self, start: usize) -> usize {
        crate::trim::trimmed_end(self.bytes, &self.split.comments, start, self.last_end)
    }
}

impl Chunk {
    fn at(start: usize) -> Self {
        Self { keyword: None, start, end: start, broken: false, too_deep: None, column_zero: Vec::new() }
    }
}
