//! Fenced blocks of Markdown pages: what the tests execute of the reference, the READMEs and the catalogue.

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What stands behind the opening fence: `nsf`, `nsf error E0204`, `sh`.
    pub info: String,
    /// The lines between the fences.
    pub text: String,
    /// The line of the opening fence, counted from 1.
    pub line: usize,
}

/// Every fenced block of a page, in order. A fence is three backticks in column 0.
#[must_use]
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some(Block { info: info.trim().to_owned(), text: String::new(), line: index + 1 });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The files of a block: one, `default`, unless lines `// file: NAME` divide it.
#[must_use]
pub fn files(text: &str, default: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("// file:") {
            files.push((name.trim().to_owned(), String::new()));
            continue;
        }
        if files.is_empty() {
            files.push((default.to_owned(), String::new()));
        }
        if let Some((_, text)) = files.last_mut() {
            text.push_str(line);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::{blocks, files};

    #[test]
    fn blocks_carry_their_info_and_line() {
        let found = blocks("x\n```nsf error E0204\na\nb\n```\n```\nc\n```\n");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].info.as_str(), found[0].text.as_str(), found[0].line), ("nsf error E0204", "a\nb\n", 2));
    }

    #[test]
    fn a_block_may_hold_several_files() {
        let found = files("// file: a.nsf\nx\n// file: b.nsf\ny\n", "example.nsf");
        assert_eq!(found, [("a.nsf".to_owned(), "x\n".to_owned()), ("b.nsf".to_owned(), "y\n".to_owned())]);
    }
}
