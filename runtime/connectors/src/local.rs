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
use nsf_plan::connector::{Connector, Descriptor, descriptor};

use crate::{
    embedded::EmbeddedStore,
    file::{FileExport, FileSink, FileSource, Waiting, is_special},
    standard::{StandardInput, StandardOutput},
    values::KeyedLines,
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
    /// Files that something is written to.
    taken: Mutex<Vec<PathBuf>>,
    /// Files that are read, but for topics which the run itself writes.
    read: Mutex<Vec<PathBuf>>,
}

/// Folder of the embedded things inside the project's.
pub const FOLDER: &str = ".nsf";

impl Local {
    /// The profile for these settings; nothing is opened yet.
    #[must_use]
    pub const fn new(settings: LocalSettings) -> Self {
        Self { settings, store: Mutex::new(None), taken: Mutex::new(Vec::new()), read: Mutex::new(Vec::new()) }
    }

    /// The file that stands for something of a server, in the project's `.nsf`: `topics/NAME.ndjson` for a topic,
    /// `webhooks/NAME.ndjson` for what would be sent to a webhook, `streams/NAME.ndjson` for a Redis stream,
    /// `redis/TEMPLATE.ndjson` for values of keys that a template gives; none for other connectors.
    fn file_of(&self, connector: &Connector) -> Option<PathBuf> {
        let folder = match connector.kind.as_str() {
            "kafka" => "topics",
            "webhook" => "webhooks",
            "redis_stream" => "streams",
            "redis" => "redis",
            _ => return None,
        };
        Some(self.settings.project.join(FOLDER).join(folder).join(format!("{}.ndjson", file_name(&connector.name))))
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
        if is_special(path) {
            return Box::new(StandardInput::pipe(path, framing));
        }
        self.reads(path);
        Box::new(FileSource::new(path, framing, waiting, waiting == Waiting::ForMore))
    }

    /// Takes a file for an output; two outputs in one file would overwrite one another, and an input that is written would
    /// be lost.
    fn take<'f>(&self, path: &'f Path) -> ConnectorResult<&'f Path> {
        if is_special(path) {
            return Ok(path);
        }
        let refused = |what: &str, help: &str| {
            let message = format!("`{}` is {what}", path.display());
            Err(ConnectorError::new(ConnectorErrorKind::Other, message).with_help(help))
        };
        let is_read = self.read.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|own| is_same(own, path));
        if is_read {
            return refused(
                "read by this run, and writing to it would destroy what it holds",
                "name another file to write",
            );
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.iter().any(|own| is_same(own, path)) {
            return refused("named for two outputs", "give each a file of its own");
        }
        taken.push(path.to_path_buf());
        Ok(path)
    }

    /// Remembers that a file is read.
    fn reads(&self, path: &Path) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_path_buf());
    }

    fn lines(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Sink>> {
        if let Some(path) = Self::given(&self.settings.outputs, &request.names) {
            if path == Path::new("-") {
                return Ok(Box::new(StandardOutput));
            }
            return Ok(Box::new(FileSink::new(self.take(path)?)));
        }
        if let Some(path) = self.file_of(request.connector) {
            return Ok(Box::new(FileSink::new(self.take(&path)?)));
        }
        match request.connector.kind.as_str() {
            "file" => {
                let path = self.settings.project.join(&request.connector.name);
                Ok(Box::new(FileSink::new(self.take(&path)?)))
            }
            "stdout" => Ok(Box::new(StandardOutput)),
            _ => Err(Self::cannot(request, "cannot be written")),
        }
    }

    fn cannot(request: &StreamRequest<'_>, what: &str) -> ConnectorError {
        let kind = &request.connector.kind;
        let message = format!("`{kind}` {what} in the dev profile");
        ConnectorError::new(ConnectorErrorKind::Other, message)
    }
}

/// Whether two paths name one file, by whatever links.
fn is_same(one: &Path, other: &Path) -> bool {
    if let (Ok(one), Ok(other)) = (std::fs::canonicalize(one), std::fs::canonicalize(other)) {
        return one == other || is_same_inode(&one, &other);
    }
    // One of them is not there yet: it is where its folder is.
    let place = |path: &Path| {
        let known = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let folder = known.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
        folder.zip(known.file_name().map(ToOwned::to_owned)).map_or(known, |(folder, name)| folder.join(name))
    };
    place(one) == place(other)
}

#[cfg(unix)]
fn is_same_inode(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let inode = |path: &Path| std::fs::metadata(path).ok().map(|there| (there.dev(), there.ino()));
    inode(one).is_some_and(|own| Some(own) == inode(other))
}

#[cfg(not(unix))]
fn is_same_inode(_: &Path, _: &Path) -> bool {
    false
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
            "kafka" | "redis_stream" => {
                let given = Self::given(&self.settings.outputs, &request.names).map(Path::to_path_buf);
                let path = given.or_else(|| self.file_of(request.connector)).unwrap_or_default();
                if !request.written {
                    self.reads(&path);
                }
                Ok(Box::new(FileSource::new(path, request.framing, waiting, true)))
            }
            "file" => {
                let path = self.settings.project.join(name);
                if !request.written {
                    self.reads(&path);
                }
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
        self.reads(&path);
        Ok(Box::new(FileSource::new(path, request.framing, Waiting::No, optional)))
    }

    fn sink(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Sink>> {
        let sink = self.lines(request)?;
        let keeps_values = descriptor(&request.connector.kind).is_some_and(Descriptor::keeps_values);
        Ok(if keeps_values { Box::new(KeyedLines::new(sink)) } else { sink })
    }

    fn export(&self, names: &[&str]) -> ConnectorResult<Option<Box<dyn Export>>> {
        match Self::given(&self.settings.outputs, names) {
            None => Ok(None),
            Some(path) if path == Path::new("-") => Ok(Some(Box::new(StandardOutput))),
            Some(path) => Ok(Some(Box::new(FileExport::new(self.take(path)?)))),
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
