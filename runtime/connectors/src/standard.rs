//! Standard input and output: a source that cannot be resumed and a sink that cannot be cut back.

use std::{
    io::{self, Read, Write},
    path::Path,
};

use nsf_engine::connector::{ConnectorResult, Export, Framing, OutputBatch, Polled, Position, RawBatch, Sink, Source};

use crate::{fault, file::Cutter};

/// Standard input, line by line.
pub struct StandardInput {
    framing: Framing,
    cutter: Cutter,
    header: Vec<u8>,
    ended: bool,
}

impl StandardInput {
    /// Standard input as a source.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        Self { framing, cutter: Cutter::new(framing, 1), header: Vec::new(), ended: false }
    }

    fn read_header(&mut self) -> ConnectorResult<()> {
        let mut byte = [0_u8];
        let mut input = io::stdin().lock();
        while let Ok(1) = input.read(&mut byte) {
            if byte[0] == b'\n' {
                break;
            }
            self.header.push(byte[0]);
        }
        if self.header.last() == Some(&b'\r') {
            self.header.pop();
        }
        self.cutter = Cutter::new(self.framing, 2);
        Ok(())
    }
}

impl Source for StandardInput {
    /// Positions are not used: what was read before is gone.
    fn open(&mut self, _: &[(u32, Position)]) -> ConnectorResult<()> {
        if self.framing == Framing::Csv { self.read_header() } else { Ok(()) }
    }

    fn header(&self) -> Option<&[u8]> {
        (self.framing == Framing::Csv).then_some(self.header.as_slice())
    }

    fn poll(&mut self, batch: &mut RawBatch, bytes: usize) -> ConnectorResult<Polled> {
        if self.ended {
            return Ok(Polled::End);
        }
        self.cutter.begin(batch);
        let from = batch.bytes.len();
        batch.bytes.resize(from + bytes.clamp(64 * 1024, 1024 * 1024), 0);
        let count = loop {
            match io::stdin().lock().read(&mut batch.bytes[from..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(fault::file("read", Path::new("standard input"), &error)),
                Ok(count) => break count,
            }
        };
        batch.bytes.truncate(from + count);
        self.ended = count == 0;
        self.cutter.cut(batch, self.ended);
        batch.end.next = self.cutter.line();
        Ok(match (batch.messages.is_empty(), self.ended) {
            (false, _) => Polled::Batch,
            (true, true) => Polled::End,
            (true, false) => Polled::Idle,
        })
    }

    fn resumable(&self) -> bool {
        false
    }
}

/// Standard output, line by line.
#[derive(Debug, Default)]
pub struct StandardOutput;

impl Sink for StandardOutput {
    fn open(&mut self, _: Option<&[u8]>) -> ConnectorResult<()> {
        Ok(())
    }

    fn append(&mut self, batch: &OutputBatch) -> ConnectorResult<()> {
        write_out(&batch.bytes)
    }

    fn flush(&mut self) -> ConnectorResult<Vec<u8>> {
        io::stdout().lock().flush().map_err(|error| fault::file("written", Path::new("standard output"), &error))?;
        Ok(Vec::new())
    }

    fn belongs_to_commit(&self) -> bool {
        false
    }
}

impl Export for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> ConnectorResult<()> {
        write_out(bytes)
    }

    fn finish(&mut self) -> ConnectorResult<()> {
        self.flush().map(|_| ())
    }
}

fn write_out(bytes: &[u8]) -> ConnectorResult<()> {
    let written = io::stdout().lock().write_all(bytes);
    written.map_err(|error| fault::file("written", Path::new("standard output"), &error))
}
