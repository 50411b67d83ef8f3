//! A file as a sink: its length belongs to the commit and is cut back when a run resumes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::PathBuf,
};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult, OutputBatch, Sink};

use crate::fault;

/// A file that lines are appended to.
pub struct FileSink {
    path: PathBuf,
    file: Option<File>,
    length: u64,
    dirty: bool,
    /// Whether it is a device or a pipe, which cannot be cut back.
    special: bool,
}

impl FileSink {
    /// A file as a sink; nothing is opened yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None, length: 0, dirty: false, special: false }
    }

    fn fault(&self, error: &io::Error) -> ConnectorError {
        fault::file("written", &self.path, error)
    }

    /// The position: the length, then the path, so that an output named anew begins anew.
    fn position(&self) -> Vec<u8> {
        let mut position = self.length.to_le_bytes().to_vec();
        position.extend_from_slice(self.path.as_os_str().as_encoded_bytes());
        position
    }
}

impl Sink for FileSink {
    fn open(&mut self, position: Option<&[u8]>) -> ConnectorResult<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|error| fault::file("written", folder, &error))?;
        }
        self.special = super::is_special(&self.path);
        if self.special {
            let file = OpenOptions::new().write(true).open(&self.path).map_err(|error| self.fault(&error))?;
            self.file = Some(file);
            return Ok(());
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path);
        let mut file = file.map_err(|error| self.fault(&error))?;
        let there = file.metadata().map_err(|error| self.fault(&error))?.len();
        // Known by where it really is, from whatever folder it is named.
        self.path = fs::canonicalize(&self.path).map_err(|error| self.fault(&error))?;
        let own = self.path.as_os_str().as_encoded_bytes();
        let known = position.and_then(|position| position.split_first_chunk::<8>()).filter(|(_, path)| *path == own);
        self.length = known.map_or(0, |(length, _)| u64::from_le_bytes(*length));
        if there < self.length {
            let message = format!(
                "`{}` is shorter than what was committed to it: {there} bytes, and {} were written",
                self.path.display(),
                self.length
            );
            return Err(ConnectorError::new(ConnectorErrorKind::Changed, message)
                .with_help("put it back, or give --fresh to forget earlier runs and write it anew"));
        }
        file.set_len(self.length).map_err(|error| self.fault(&error))?;
        file.seek(SeekFrom::End(0)).map_err(|error| self.fault(&error))?;
        self.file = Some(file);
        Ok(())
    }

    fn append(&mut self, batch: &OutputBatch) -> ConnectorResult<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        self.dirty = true;
        file.write_all(&batch.bytes).map_err(|error| fault::file("written", &self.path, &error))?;
        self.length += batch.bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> ConnectorResult<Vec<u8>> {
        if let Some(file) = &self.file
            && self.dirty
            && !self.special
        {
            file.sync_data().map_err(|error| self.fault(&error))?;
            self.dirty = false;
        }
        Ok(self.position())
    }

    fn belongs_to_commit(&self) -> bool {
        !self.special
    }
}
