//! How texts, comments and words are told apart, byte by byte: shared by the splitter and the token list, so that both
//! see the same borders.

/// Brackets and interpolations may be nested this deep.
pub(crate) const MAX_NESTING: usize = 256;

/// Where a text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextEnd {
    /// After its closing quote.
    Closed(usize),
    /// Its line ends first; the brace of an interpolation that was still open, if that is why.
    Unclosed { end: usize, brace: Option<usize> },
    /// Interpolations are nested deeper than [`MAX_NESTING`].
    TooDeep { end: usize, at: usize },
}

impl TextEnd {
    /// The offset after the text, or after what could be read of it.
    pub(crate) fn end(self) -> usize {
        match self {
            Self::Closed(end) | Self::Unclosed { end, .. } | Self::TooDeep { end, .. } => end,
        }
    }
}

/// The end of the text whose opening quote stands at `start`. Texts inside its interpolations are understood.
pub(crate) fn text_end(bytes: &[u8], start: usize) -> TextEnd {
    // Each interpolation that is open: where its brace stands and how many braces are open inside it.
    let mut open: Vec<(usize, u32)> = Vec::new();
    let mut in_text = true;
    let mut at = start + 1;
    loop {
        let Some(&byte) = bytes.get(at).filter(|byte| **byte != b'\n') else {
            return unclosed(bytes, start, at, open.first().map(|(brace, _)| *brace));
        };
        match (in_text, byte) {
            (true, b'"') if open.is_empty() => return TextEnd::Closed(at + 1),
            (_, b'"') => in_text = !in_text,
            (true, b'\\') if bytes.get(at + 1) == Some(&b'u') && bytes.get(at + 2) == Some(&b'{') => at += 2,
            (true, b'\\') if bytes.get(at + 1).is_some_and(|next| *next != b'\n') => at += 1,
            // No expression has a backslash: `"{\"a\": 1}"` was meant as a text with braces.
            (false, b'\\') => {
                return unclosed(bytes, start, line_end(bytes, at), open.first().map(|(brace, _)| *brace));
            }
            (true, b'{') => {
                if open.len() == MAX_NESTING {
                    return TextEnd::TooDeep { end: line_end(bytes, at), at };
                }
                open.push((at, 0));
                in_text = false;
            }
            (false, b'{') => {
                if let Some((_, inner)) = open.last_mut() {
                    *inner += 1;
                }
            }
            (false, b'}') => match open.last_mut() {
                Some((_, inner)) if *inner > 0 => *inner -= 1,
                _ => {
                    open.pop();
                    in_text = true;
                }
            },
            (false, b'r') if !continues_word(bytes, at) => {
                if let Some(hashes) = raw_text_start(bytes, at) {
                    let limit = line_end(bytes, at);
                    if let Some(end) = find_raw_end(bytes, at + 2 + hashes, limit, hashes) {
                        at = end;
                        continue;
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// What can be said of a text whose line ends: if a quote stands on the line, an open interpolation is to blame and the
/// text is taken to end at that quote.
fn unclosed(bytes: &[u8], start: usize, line_end: usize, brace: Option<usize>) -> TextEnd {
    let end = if bytes.get(line_end.wrapping_sub(1)) == Some(&b'\r') { line_end - 1 } else { line_end };
    let Some(brace) = brace else { return TextEnd::Unclosed { end, brace: None } };
    let mut at = start + 1;
    while at < end {
        match bytes.get(at) {
            Some(b'\\') => at += 1,
            Some(b'"') => return TextEnd::Unclosed { end: at + 1, brace: Some(brace) },
            _ => {}
        }
        at += 1;
    }
    TextEnd::Unclosed { end, brace: None }
}

/// More `#` than this do not start a raw text.
const MAX_HASHES: usize = 16;

/// The number of `#` when a raw text (`r"`, `r#"`) starts at `at`.
pub(crate) fn raw_text_start(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'r') {
        return None;
    }
    let hashes = bytes.get(at + 1..)?.iter().take(MAX_HASHES).take_while(|byte| **byte == b'#').count();
    (bytes.get(at + 1 + hashes) == Some(&b'"')).then_some(hashes)
}

/// Finds the ends of raw texts, and remembers up to where there is none, so that many unclosed ones take linear time.
#[derive(Debug, Default)]
pub(crate) struct RawTexts {
    /// For each number of `#`: before this offset no raw text ends.
    none_before: [usize; MAX_HASHES + 1],
}

impl RawTexts {
    /// The end of the raw text that starts at `start`. It may span lines, but a line that starts an item ends it, because
    /// an item keyword in column 0 always starts an item.
    pub(crate) fn end(&mut self, bytes: &[u8], start: usize, hashes: usize) -> TextEnd {
        let unclosed = TextEnd::Unclosed { end: line_end(bytes, start), brace: None };
        if self.none_before.get(hashes).is_some_and(|before| *before > start) {
            return unclosed;
        }
        let mut line = start + 2 + hashes;
        loop {
            let end = line_end(bytes, line);
            if let Some(closed) = find_raw_end(bytes, line, end, hashes) {
                return TextEnd::Closed(closed);
            }
            if end >= bytes.len() || item_keyword(bytes, end + 1).is_some() {
                if let Some(none_before) = self.none_before.get_mut(hashes) {
                    *none_before = end;
                }
                return unclosed;
            }
            line = end + 1;
        }
    }
}

/// The end of the raw text that starts at `start`, as [`RawTexts::end`] finds it.
pub(crate) fn raw_text_end(bytes: &[u8], start: usize, hashes: usize) -> TextEnd {
    RawTexts::default().end(bytes, start, hashes)
}

fn find_raw_end(bytes: &[u8], from: usize, limit: usize, hashes: usize) -> Option<usize> {
    let mut at = from;
    while at < limit {
        if bytes.get(at) == Some(&b'"') {
            let after = bytes.get(at + 1..(at + 1 + hashes).min(limit))?;
            if after.len() == hashes && after.iter().all(|byte| *byte == b'#') {
                return Some(at + 1 + hashes);
            }
        }
        at += 1;
    }
    None
}

/// The offset of the line feed that ends the line of `at`, or the end of the text.
pub(crate) fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')).map_or(bytes.len(), |found| at + found)
}

/// Whether a byte can be part of a word; every byte beyond ASCII counts, the grammar knows better.
pub(crate) const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether the byte before `at` belongs to the same word.
fn continues_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && bytes.get(at - 1).is_some_and(|byte| is_word_byte(*byte))
}

/// Every word that starts an item when it stands in column 0.
pub const ITEM_KEYWORDS: [&str; 24] = [
    "use",
    "const",
    "type",
    "fn",
    "builtin",
    "mapping",
    "tenant",
    "primary",
    "dimension",
    "fields",
    "space",
    "source",
    "table",
    "ingest",
    "subscription",
    "state",
    "verify",
    "calculate",
    "load",
    "save",
    "expand",
    "flow",
    "monitor",
    "test",
];

/// The item keyword that stands at `at`.
pub(crate) fn item_keyword(bytes: &[u8], at: usize) -> Option<&'static str> {
    let rest = bytes.get(at..)?;
    let length = rest.iter().take(13).take_while(|byte| is_word_byte(**byte)).count();
    let word = rest.get(..length)?;
    if !matches!(word.first(), Some(b'a'..=b'z')) {
        return None;
    }
    ITEM_KEYWORDS.iter().copied().find(|keyword| keyword.as_bytes() == word)
}

/// Whether what follows the item keyword can be the rest of an item. Inside braces a misplaced setting or step that is
/// called like an item (`source: text`, `save total { … }`) is told from an item by this.
pub(crate) fn reads_as_item(bytes: &[u8], at: usize, keyword: &str) -> bool {
    let blanks = |from: usize| {
        from + bytes.get(from..).map_or(0, |rest| rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count())
    };
    let after = blanks(at + keyword.len());
    match bytes.get(after) {
        Some(b':' | b'=' | b'.' | b'+') => false,
        Some(byte) if matches!(keyword, "verify" | "calculate" | "load" | "save" | "expand") => {
            let word = bytes.get(after..).map_or(0, |rest| rest.iter().take_while(|byte| is_word_byte(**byte)).count());
            let open = blanks(after + word);
            // A connector's name stands in the brackets of a step, and not inputs.
            is_word_byte(*byte) && bytes.get(open) == Some(&b'(') && bytes.get(blanks(open + 1)) != Some(&b'"')
        }
        _ => true,
    }
}
