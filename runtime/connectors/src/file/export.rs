//! A file that is written whole: beside the old one, then put in its place.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::PathBuf,
};

use nsf_engine::connector::{ConnectorError, ConnectorResult, Export};

use crate::fault;

/// A file that is replaced by a new one, all or nothing.
pub struct FileExport {
    path: PathBuf,
    beside: PathBuf,
    writer: Option<BufWriter<File>>,
}

impl FileExport {
    /// A file to be replaced; nothing is opened yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".new");
        Self { beside: path.with_file_name(name), path, writer: None }
    }

    fn fault(&self, error: &std::io::Error) -> ConnectorError {
        fault::file("written", &self.path, error)
    }

    fn writer(&mut self) -> ConnectorResult<&mut BufWriter<File>> {
        if self.writer.is_none() {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder).map_err(|error| fault::file("written", folder, &error))?;
            }
            let file = File::create(&self.beside).map_err(|error| self.fault(&error))?;
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
        let done = writer.flush().and_then(|()| writer.get_ref().sync_data());
        drop(writer);
        done.and_then(|()| fs::rename(&self.beside, &self.path)).map_err(|error| self.fault(&error))
    }
}

impl Drop for FileExport {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            // What was begun and not finished; the file itself is as it was.
            let _ = fs::remove_file(&self.beside);
        }
    }
}
