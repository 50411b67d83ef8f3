//! Reads a file line by line in bounded memory: blocks of a mebibyte, validated as UTF-8 once a block.

use std::fs::File;
use std::io::{self, Read};

/// How much one read asks for, in bytes.
const BLOCK: usize = 1 << 20;

/// What was read.
#[derive(Debug, Default, Clone, Copy)]
pub struct LineCount {
    /// Lines handed on.
    pub lines: u64,
    /// Lines that are not UTF-8; they are not handed on.
    pub not_utf8: u64,
}

/// Calls `each` with every line of the file at `path`, without its newline.
pub fn for_each_line(path: &str, mut each: impl FnMut(&str) -> io::Result<()>) -> io::Result<LineCount> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0_u8; 2 * BLOCK];
    let mut filled = 0;
    let mut count = LineCount::default();
    loop {
        if buffer.len() - filled < BLOCK {
            buffer.resize(filled + BLOCK, 0);
        }
        let read = file.read(&mut buffer[filled..])?;
        if read == 0 {
            break;
        }
        filled += read;
        let Some(last) = memchr::memrchr(b'\n', &buffer[..filled]) else { continue };
        each_line_of(&buffer[..last], &mut count, &mut each)?;
        buffer.copy_within(last + 1..filled, 0);
        filled -= last + 1;
    }
    if filled > 0 {
        each_line_of(&buffer[..filled], &mut count, &mut each)?;
    }
    Ok(count)
}

fn each_line_of(block: &[u8], count: &mut LineCount, each: &mut impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    let Ok(text) = simdutf8::basic::from_utf8(block) else {
        return each_checked_line_of(block, count, each);
    };
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', block) {
        count.lines += 1;
        each(&text[start..end])?;
        start = end + 1;
    }
    count.lines += 1;
    each(&text[start..])
}

/// The slow way, for a block that holds a line that is not UTF-8.
fn each_checked_line_of(
    block: &[u8],
    count: &mut LineCount,
    each: &mut impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    for line in block.split(|byte| *byte == b'\n') {
        match simdutf8::basic::from_utf8(line) {
            Ok(text) => {
                count.lines += 1;
                each(text)?;
            }
            Err(_) => count.not_utf8 += 1,
        }
    }
    Ok(())
}
