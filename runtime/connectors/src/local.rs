//! The `dev` profile: everything is a local file, a standard stream or the embedded store under `.nsf/`.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use nsf_engine::{
    connector::{
        ConnectorError, ConnectorErrorKind, ConnectorResult, Connectors, Export, Framing, Sink, Source, StreamRequest,
    },
    store::Store,
};

use crate::{
    embedded::EmbeddedStore,
    file::{FileExport, FileSink, FileSource, Waiting},
    standard::{StandardInput, StandardOutput},
};

/// Where the `dev` profile finds things.
#[derive(Clone, Debug, Default)]
pub struct LocalSettings {
    /// The project's folder; `.nsf/` and relative paths of `file("…")` lie in it.
    pub project: PathBuf,
    /// `--input NAME=FILE`; `-` is standard input.
    pub inputs: Vec<(String, PathBuf)>,
    /// `--output NAME=FILE`; `-` is standard output.
    pub outputs: Vec<(String, PathBuf)>,
    /// `--follow`: inputs that end may go on.
    pub follow: bool,
    /// `--fresh`: earlier runs are forgotten.
    pub fresh: bool,
}

/// The `dev` profile's connectors.
pub struct Local {
    settings: LocalSettings,
    store: Mutex<Option<Arc<EmbeddedStore>>>,
    files: Mutex<Files>,
}

/// The files of a run, by their resolved paths.
struct Files {
    /// Those that something is written to, and whether an `--output` names it.
    written: Vec<(PathBuf, bool)>,
    /// Those that sources and tables read without an `--input`.
    read: Vec<PathBuf>,
}

/// Folder of the embedded things inside the project's.
pub const FOLDER: &str = ".nsf";

impl Local {
    /// The profile for these settings; nothing is opened yet.
    #[must_use]
    pub const fn new(settings: LocalSettings) -> Self {
        let files = Files { written: Vec::new(), read: Vec::new() };
        Self { settings, store: Mutex::new(None), files: Mutex::new(files) }
    }

    /// The file of a topic: `.nsf/topics/NAME.ndjson`.
    #[must_use]
    pub fn topic_file(project: &Path, topic: &str) -> PathBuf {
        project.join(FOLDER).join("topics").join(format!("{}.ndjson", file_name(topic)))
    }

    fn given<'s>(places: &'s [(String, PathBuf)], names: &[&str]) -> Option<&'s Path> {
        places.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, path)| path.as_path())
    }

    fn waiting(&self, request: &StreamRequest<'_>) -> Waiting {
        if self.settings.follow || request.written { Waiting::ForMore } else { Waiting::No }
    }

    fn read_given(&self, path: &Path, framing: Framing, waiting: Waiting) -> Box<dyn Source> {
        if path == Path::new("-") {
            return Box::new(StandardInput::new(framing));
        }
        Box::new(FileSource::new(path, framing, waiting, waiting == Waiting::ForMore))
    }

    /// Takes a file for an output; two outputs in one file would overwrite one another, and an output what is read.
    fn take<'f>(&self, path: &'f Path, named: bool) -> ConnectorResult<&'f Path> {
        let known = resolved(path);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.written.iter().any(|(other, _)| *other == known) {
            let message = format!("`{}` is named for two outputs", path.display());
            return Err(
                ConnectorError::new(ConnectorErrorKind::Other, message).with_help("give each a file of its own")
            );
        }
        let is_input = self.settings.inputs.iter().any(|(_, input)| resolved(input) == known);
        // A device such as `/dev/null` holds nothing that could be lost.
        let holds = known.is_file() || !known.exists();
        if holds && (is_input || (named && files.read.contains(&known))) {
            return Err(Self::read_and_written(path));
        }
        files.written.push((known, named));
        Ok(path)
    }

    /// A file that a source or table reads by itself. (A topic that the project writes too is one file.)
    fn reads(&self, path: PathBuf) -> ConnectorResult<PathBuf> {
        let known = resolved(&path);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.written.contains(&(known.clone(), true)) {
            return Err(Self::read_and_written(&path));
        }
        files.read.push(known);
        Ok(path)
    }

    fn read_and_written(path: &Path) -> ConnectorError {
        let message = format!("`{}` is read, and an output would be written over it", path.display());
        ConnectorError::new(ConnectorErrorKind::Other, message).with_help("give the output a file of its own")
    }

    fn cannot(request: &StreamRequest<'_>, what: &str) -> ConnectorError {
        let kind = &request.connector.kind;
        let message = format!("`{kind}` {what} in the dev profile");
        ConnectorError::new(ConnectorErrorKind::Other, message)
    }
}

/// The one path of a file, links and `..` followed as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(whole) = path.canonicalize() {
        return whole;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    match (absolute.parent().and_then(|folder| folder.canonicalize().ok()), absolute.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => absolute,
    }
}

/// A topic's name as a file's name: what no file name should hold is written `%XX`.
fn file_name(topic: &str) -> String {
    use std::fmt::Write as _;
    let mut name = String::with_capacity(topic.len());
    for (at, character) in topic.char_indices() {
        let plain = character.is_alphanumeric() || matches!(character, '_' | '-') || (character == '.' && at > 0);
        if plain {
            name.push(character);
        } else {
            let mut bytes = [0_u8; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
    name
}

impl Connectors for Local {
    fn source(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        let waiting = self.waiting(request);
        if let Some(path) = Self::given(&self.settings.inputs, &request.names) {
            let waiting = if self.settings.follow { Waiting::ForMore } else { Waiting::No };
            return Ok(self.read_given(path, request.framing, waiting));
        }
        let name = &request.connector.name;
        match request.connector.kind.as_str() {
            "kafka" => {
                let path = Self::given(&self.settings.outputs, &request.names)
                    .map_or_else(|| Self::topic_file(&self.settings.project, name), Path::to_path_buf);
                Ok(Box::new(FileSource::new(self.reads(path)?, request.framing, waiting, true)))
            }
            "file" => {
                let path = self.reads(self.settings.project.join(name))?;
                Ok(Box::new(FileSource::new(path, request.framing, waiting, waiting == Waiting::ForMore)))
            }
            "stdin" => Ok(Box::new(StandardInput::new(request.framing))),
            _ => Err(Self::cannot(request, "cannot be read")),
        }
    }

    fn table(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        if let Some(path) = Self::given(&self.settings.inputs, &request.names) {
            return Ok(self.read_given(path, request.framing, Waiting::No));
        }
        let name = &request.connector.name;
        let (path, optional) = if request.connector.kind == "file" {
            (self.settings.project.join(name), false)
        } else {
            let extension = if request.framing == Framing::Csv { "csv" } else { "ndjson" };
            let folder = self.settings.project.join(FOLDER).join("tables");
            (folder.join(format!("{}.{extension}", file_name(name))), true)
        };
        Ok(Box::new(FileSource::new(self.reads(path)?, request.framing, Waiting::No, optional)))
    }

    fn sink(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Sink>> {
        if let Some(path) = Self::given(&self.settings.outputs, &request.names) {
            if path == Path::new("-") {
                return Ok(Box::new(StandardOutput));
            }
            return Ok(Box::new(FileSink::new(self.take(path, true)?)));
        }
        match request.connector.kind.as_str() {
            "kafka" => {
                let path = Self::topic_file(&self.settings.project, &request.connector.name);
                Ok(Box::new(FileSink::new(self.take(&path, false)?)))
            }
            "file" => {
                let path = self.settings.project.join(&request.connector.name);
                Ok(Box::new(FileSink::new(self.take(&path, false)?)))
            }
            "stdout" => Ok(Box::new(StandardOutput)),
            _ => Err(Self::cannot(request, "cannot be written")),
        }
    }

    fn export(&self, names: &[&str]) -> ConnectorResult<Option<Box<dyn Export>>> {
        match Self::given(&self.settings.outputs, names) {
            None => Ok(None),
            Some(path) if path == Path::new("-") => Ok(Some(Box::new(StandardOutput))),
            Some(path) => Ok(Some(Box::new(FileExport::new(self.take(path, true)?)))),
        }
    }

    fn store(&self) -> ConnectorResult<Arc<dyn Store>> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*store {
            return Ok(Arc::clone(store) as Arc<dyn Store>);
        }
        let path = self.settings.project.join(FOLDER).join("store.redb");
        let opened = Arc::new(EmbeddedStore::open(path, self.settings.fresh)?);
        *store = Some(Arc::clone(&opened));
        Ok(opened)
    }
}
