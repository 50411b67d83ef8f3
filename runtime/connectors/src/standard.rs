//! Standard input and output, and pipes: a source that cannot be resumed and a sink that cannot be cut back.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use nsf_engine::connector::{
    ConnectorError, ConnectorResult, Export, Framing, OutputBatch, Polled, Position, RawBatch, Sink, Source,
};

use crate::{fault, file::Cutter};

/// Standard input or a pipe, line by line.
pub struct StandardInput {
    /// The pipe; none for standard input.
    path: Option<PathBuf>,
    input: Option<Box<dyn Read + Send>>,
    framing: Framing,
    cutter: Cutter,
    header: Vec<u8>,
    ended: bool,
}

impl StandardInput {
    /// Standard input as a source.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        Self { path: None, input: None, framing, cutter: Cutter::new(framing, 1), header: Vec::new(), ended: false }
    }

    /// A named pipe or a device as a source.
    #[must_use]
    pub fn pipe(path: impl Into<PathBuf>, framing: Framing) -> Self {
        Self { path: Some(path.into()), ..Self::new(framing) }
    }

    fn begin(&mut self) -> ConnectorResult<()> {
        self.input = Some(match &self.path {
            None => Box::new(io::stdin()),
            Some(path) => Box::new(std::fs::File::open(path).map_err(|error| self.fault(&error))?),
        });
        if self.framing == Framing::Csv { self.read_header() } else { Ok(()) }
    }

    fn fault(&self, error: &io::Error) -> ConnectorError {
        fault::file("read", self.path.as_deref().unwrap_or(Path::new("standard input")), error)
    }

    fn read_header(&mut self) -> ConnectorResult<()> {
        let mut byte = [0_u8];
        let Some(input) = &mut self.input else { return Ok(()) };
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
    /// Positions are not used: what was read before is gone. Nothing is read yet either, as that may take for ever.
    fn open(&mut self, _: &[(u32, Position)]) -> ConnectorResult<()> {
        Ok(())
    }

    fn header(&self) -> Option<&[u8]> {
        (self.framing == Framing::Csv).then_some(self.header.as_slice())
    }

    fn poll(&mut self, batch: &mut RawBatch, bytes: usize) -> ConnectorResult<Polled> {
        if self.ended {
            return Ok(Polled::End);
        }
        if self.input.is_none() {
            self.begin()?;
        }
        self.cutter.begin(batch);
        let from = batch.bytes.len();
        batch.bytes.resize(from + bytes.clamp(64 * 1024, 1024 * 1024), 0);
        let count = loop {
            let Some(input) = &mut self.input else { break 0 };
            match input.read(&mut batch.bytes[from..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fault(&error)),
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
