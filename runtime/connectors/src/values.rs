//! Values of keys in a file: a line each, with the key beside the value.

use nsf_engine::{
    connector::{ConnectorResult, OutputBatch, Sink},
    encode::json,
};

/// Lines of `{"key": …, "value": …}` in another sink.
pub struct KeyedLines {
    lines: Box<dyn Sink>,
    batch: OutputBatch,
}

impl KeyedLines {
    /// Lines in a sink.
    #[must_use]
    pub fn new(lines: Box<dyn Sink>) -> Self {
        Self { lines, batch: OutputBatch::default() }
    }
}

impl Sink for KeyedLines {
    fn open(&mut self, position: Option<&[u8]>) -> ConnectorResult<()> {
        self.lines.open(position)
    }

    fn append(&mut self, batch: &OutputBatch) -> ConnectorResult<()> {
        self.batch.clear();
        for (key, value) in batch.messages() {
            let bytes = &mut self.batch.bytes;
            bytes.extend_from_slice(b"{\"key\":");
            json::write_text(&String::from_utf8_lossy(key), bytes);
            bytes.extend_from_slice(b",\"value\":");
            bytes.extend_from_slice(value);
            bytes.push(b'}');
            self.batch.end_message();
        }
        self.lines.append(&self.batch)
    }

    fn flush(&mut self) -> ConnectorResult<Vec<u8>> {
        self.lines.flush()
    }

    fn belongs_to_commit(&self) -> bool {
        self.lines.belongs_to_commit()
    }
}
