//! A file that is written whole: beside the old one, then put in its place. What is no file, a device or a pipe, is
//! written as it is.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    path::PathBuf,
};

use nsf_engine::connector::{ConnectorError, ConnectorResult, Export};

use super::is_special;
use crate::fault;

/// A file that is replaced by a new one, all or nothing.
pub struct FileExport {
    path: PathBuf,
    /// Where it is written first; none where the place itself is.
    beside: Option<PathBuf>,
    writer: Option<BufWriter<File>>,
}

impl FileExport {
    /// A file to be replaced; nothing is opened yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), beside: None, writer: None }
    }

    fn fault(&self, error: &std::io::Error) -> ConnectorError {
        fault::file("written", &self.path, error)
    }

    fn writer(&mut self) -> ConnectorResult<&mut BufWriter<File>> {
        if self.writer.is_none() {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder).map_err(|error| fault::file("written", folder, &error))?;
            }
            // Behind a link, what it leads to is replaced and not the link.
            if let Ok(place) = fs::canonicalize(&self.path) {
                self.path = place;
            }
            let file = if is_special(&self.path) {
                OpenOptions::new().write(true).open(&self.path)
            } else {
                let mut name = self.path.file_name().unwrap_or_default().to_os_string();
                name.push(".new");
                File::create(self.beside.insert(self.path.with_file_name(name)))
            };
            let file = file.map_err(|error| self.fault(&error))?;
            self.writer = Some(BufWriter::with_capacity(256 * 1024, file));
        }
        let Self { writer, path, .. } = self;
        writer.as_mut().ok_or_else(|| fault::file("written", path, &std::io::ErrorKind::Other.into()))
    }
}

impl Export for FileExport {
    fn write(&mut self, bytes: &[u8]) -> ConnectorResult<()> {
        let written = self.writer()?.write_all(bytes);
        written.map_err(|error| self.fault(&error))
    }

    fn finish(&mut self) -> ConnectorResult<()> {
        self.writer()?;
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let written = writer.flush();
        let done = match &self.beside {
            None => written,
            Some(beside) => written
                .and_then(|()| writer.get_ref().sync_data())
                .and_then(|()| fs::rename(beside, &self.path))
                .inspect(|()| self.beside = None),
        };
        done.map_err(|error| self.fault(&error))
    }
}

impl Drop for FileExport {
    fn drop(&mut self) {
        if let Some(beside) = self.beside.take() {
            // What was begun and not finished; the file itself is as it was.
            let _ = fs::remove_file(beside);
        }
    }
}
