//! Writes lines to a file through one buffer of a mebibyte.

use std::fs::File;
use std::io::{self, Write};

const LIMIT: usize = 1 << 20;

/// A file that is being written.
pub struct Output {
    file: File,
    /// Bytes that are not yet in the file; a peer appends to it directly.
    pub buffer: Vec<u8>,
    /// Lines written so far.
    pub lines: u64,
}

impl Output {
    /// Creates the file, or empties it.
    pub fn create(path: &str) -> io::Result<Self> {
        Ok(Self { file: File::create(path)?, buffer: Vec::with_capacity(LIMIT + (64 << 10)), lines: 0 })
    }

    /// Ends a line and passes the buffer on when it is full.
    #[inline]
    pub fn end_line(&mut self) -> io::Result<()> {
        self.buffer.push(b'\n');
        self.lines += 1;
        if self.buffer.len() >= LIMIT {
            self.file.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Writes what is left and says how many lines there are.
    pub fn finish(mut self) -> io::Result<u64> {
        self.file.write_all(&self.buffer)?;
        Ok(self.lines)
    }
}
