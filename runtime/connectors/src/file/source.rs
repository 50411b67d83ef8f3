//! A file as a source: read in blocks cut at line ends, resumed at a byte, known again by its beginning.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use nsf_engine::connector::{
    ConnectorError, ConnectorErrorKind, ConnectorResult, Framing, Polled, Position, RawBatch, Source,
};

use super::{
    Cutter,
    identity::{FilePosition, beginning},
};
use crate::fault;

/// What a file's end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The stream ends; a last line without a line end is a message.
    No,
    /// More may come; a line counts when its line end is there.
    ForMore,
}

/// A file read as a stream of one partition.
pub struct FileSource {
    path: PathBuf,
    framing: Framing,
    waiting: Waiting,
    /// Whether a file that is not there is an empty stream.
    optional: bool,
    file: Option<File>,
    cutter: Cutter,
    header: Vec<u8>,
    /// What was taken as messages.
    position: FilePosition,
    /// Bytes read from the file's beginning.
    read: u64,
    /// Position to start at once the file is there.
    start: Option<Position>,
    ended: bool,
}

impl FileSource {
    /// A file as a source; nothing is opened yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, framing: Framing, waiting: Waiting, optional: bool) -> Self {
        Self {
            path: path.into(),
            framing,
            waiting,
            optional,
            file: None,
            cutter: Cutter::new(framing, 1),
            header: Vec::new(),
            position: FilePosition::default(),
            read: 0,
            start: None,
            ended: false,
        }
    }

    fn fault(&self, error: &io::Error) -> ConnectorError {
        fault::file("read", &self.path, error)
    }

    /// Opens the file and goes to where reading starts; false where it is not there and need not be.
    fn begin(&mut self) -> ConnectorResult<bool> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.optional && !self.has_taken() => {
                return Ok(false);
            }
            Err(error) => return Err(self.fault(&error)),
        };
        let metadata = file.metadata().map_err(|error| self.fault(&error))?;
        if metadata.is_dir() {
            return Err(self.fault(&io::ErrorKind::IsADirectory.into()));
        }
        let header_length = if self.framing == Framing::Csv { self.read_header(&mut file)? } else { skip_mark(&file) };
        if self.framing == Framing::Csv && self.header.is_empty() {
            return Ok(false);
        }
        let mut line = if self.framing == Framing::Csv { 2 } else { 1 };
        self.position.bytes = header_length;
        if let Some(position) = self.start.take() {
            let taken = self.check(&file, metadata.len(), &position)?;
            if taken.bytes > 0 {
                self.position = taken;
                line = position.next;
            }
        }
        file.seek(SeekFrom::Start(self.position.bytes)).map_err(|error| self.fault(&error))?;
        self.read = self.position.bytes;
        self.cutter = Cutter::new(self.framing, line);
        self.file = Some(file);
        Ok(true)
    }

    fn has_taken(&self) -> bool {
        self.start.as_ref().and_then(FilePosition::load).is_some_and(|position| position.bytes > 0)
    }

    /// Reads the first line as the header; gives its length. Nothing while its line end is not there.
    fn read_header(&mut self, file: &mut File) -> ConnectorResult<u64> {
        let mut bytes = Vec::new();
        let mut block = [0_u8; 4096];
        loop {
            let count = file.read(&mut block).map_err(|error| self.fault(&error))?;
            bytes.extend_from_slice(&block[..count]);
            let end = memchr::memchr(b'\n', &bytes);
            if end.is_none() && count == 0 && self.waiting == Waiting::ForMore {
                return Ok(0);
            }
            if end.is_some() || count == 0 || bytes.len() > 1024 * 1024 {
                let end = end.unwrap_or(bytes.len());
                let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
                self.header = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).to_vec();
                return Ok((end + 1).min(bytes.len()) as u64);
            }
        }
    }

    /// Checks that the file is the one that a position belongs to.
    fn check(&self, file: &File, length: u64, position: &Position) -> ConnectorResult<FilePosition> {
        let place = self.path.display();
        let help = "give --fresh to forget earlier runs and read it from its beginning";
        let changed = |message: String| ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(help);
        let Some(mut taken) = FilePosition::load(position) else {
            return Err(changed(format!("the store's progress in `{place}` is not that of a file")));
        };
        if length < taken.bytes {
            return Err(changed(format!(
                "`{place}` is shorter than when it was last read: {length} bytes, and {} were taken",
                taken.bytes
            )));
        }
        let (_, hash) = beginning(file, taken.hashed).map_err(|error| self.fault(&error))?;
        if hash != taken.hash {
            return Err(changed(format!("`{place}` has another beginning than when it was last read")));
        }
        if !taken.unterminated && taken.bytes > 0 {
            let before = byte_at(file, taken.bytes - 1).map_err(|error| self.fault(&error))?;
            // A byte order mark is all that can have been taken without a line end.
            if before != Some(b'\n') && taken.bytes != skip_mark(file) {
                return Err(changed(format!("`{place}` has other lines than when it was last read")));
            }
        }
        if taken.unterminated && length > taken.bytes {
            let next = byte_at(file, taken.bytes).map_err(|error| self.fault(&error))?;
            if next == Some(b'\r') && byte_at(file, taken.bytes + 1).is_ok_and(|byte| byte == Some(b'\n')) {
                taken.bytes += 2;
            } else if next == Some(b'\n') {
                taken.bytes += 1;
            } else {
                return Err(changed(format!(
                    "the last line of `{place}` had no line end when it was last read, and has grown since"
                )));
            }
            taken.unterminated = false;
        }
        Ok(taken)
    }

    /// Reads behind what the batch holds until it has about `bytes` bytes or the file's end is met; gives whether it was.
    fn fill(&mut self, batch: &mut RawBatch, bytes: usize) -> ConnectorResult<bool> {
        let Some(file) = &mut self.file else { return Ok(true) };
        let wanted = bytes.max(1);
        batch.bytes.reserve((wanted + 64).saturating_sub(batch.bytes.len()));
        let read = file.by_ref().take(wanted as u64).read_to_end(&mut batch.bytes);
        match read {
            Ok(count) => {
                self.read += count as u64;
                Ok(count < wanted)
            }
            Err(error) => Err(fault::file("read", &self.path, &error)),
        }
    }

    /// Writes where the stream stands into the batch.
    fn mark(&mut self, batch: &mut RawBatch) -> ConnectorResult<()> {
        if let Some(file) = &self.file
            && self.position.hashed < 4096
        {
            let limit = self.position.bytes;
            let (hashed, hash) = beginning(file, limit).map_err(|error| self.fault(&error))?;
            (self.position.hashed, self.position.hash) = (hashed, hash);
        }
        self.position.store(self.cutter.line(), &mut batch.end);
        Ok(())
    }
}

impl Source for FileSource {
    fn open(&mut self, positions: &[(u32, Position)]) -> ConnectorResult<()> {
        self.start = positions.first().map(|(_, position)| position.clone());
        self.begin().map(|_| ())
    }

    fn header(&self) -> Option<&[u8]> {
        (self.framing == Framing::Csv).then_some(self.header.as_slice())
    }

    fn poll(&mut self, batch: &mut RawBatch, bytes: usize) -> ConnectorResult<Polled> {
        if self.ended || (self.file.is_none() && !self.begin()?) {
            return Ok(self.idle());
        }
        self.cutter.begin(batch);
        let end = self.fill(batch, bytes)?;
        let last = end && self.waiting == Waiting::No;
        let terminated = batch.bytes.last().is_none_or(|&byte| byte == b'\n');
        self.cutter.cut(batch, last);
        self.position.bytes = self.read - self.cutter.held();
        if last {
            self.position.unterminated = !terminated;
            self.ended = true;
        }
        if batch.messages.is_empty() {
            batch.bytes.clear();
            // Not at the end: inside a message longer than a block.
            return if end { self.still_there().map(|()| self.idle()) } else { Ok(Polled::Idle) };
        }
        self.mark(batch)?;
        Ok(Polled::Batch)
    }

    fn waiting(&self) -> Option<u64> {
        let length = self.file.as_ref()?.metadata().ok()?.len();
        Some(length.saturating_sub(self.position.bytes))
    }
}

impl FileSource {
    /// Where more may come: that it can still come, that is, that nobody has cut the file or put another in its place.
    fn still_there(&self) -> ConnectorResult<()> {
        let (Some(file), Waiting::ForMore) = (&self.file, self.waiting) else { return Ok(()) };
        let own = file.metadata().map_err(|error| self.fault(&error))?;
        let place = self.path.display();
        let changed = |what: &str| {
            let help = "what was taken is committed; give --fresh to forget earlier runs and read the new one from its \
                        beginning";
            Err(ConnectorError::new(ConnectorErrorKind::Changed, format!("`{place}` {what}")).with_help(help))
        };
        if own.len() < self.read {
            return changed("was cut while it was followed");
        }
        match fs::metadata(&self.path) {
            Ok(there) if (there.dev(), there.ino()) == (own.dev(), own.ino()) => Ok(()),
            Ok(_) => changed("was replaced by another file while it was followed"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                changed("was deleted or renamed while it was followed")
            }
            Err(error) => Err(self.fault(&error)),
        }
    }

    fn idle(&self) -> Polled {
        if self.waiting == Waiting::No {
            return Polled::End;
        }
        thread::sleep(Duration::from_millis(20));
        Polled::Idle
    }
}

/// Length of a byte order mark at the file's beginning.
fn skip_mark(file: &File) -> u64 {
    let is_mark = byte_at(file, 0).is_ok_and(|byte| byte == Some(0xEF))
        && byte_at(file, 1).is_ok_and(|byte| byte == Some(0xBB))
        && byte_at(file, 2).is_ok_and(|byte| byte == Some(0xBF));
    if is_mark { 3 } else { 0 }
}

fn byte_at(file: &File, at: u64) -> io::Result<Option<u8>> {
    use std::os::unix::fs::FileExt;
    let mut byte = [0_u8];
    Ok((file.read_at(&mut byte, at)? == 1).then_some(byte[0]))
}

/// Where a source is, for messages.
impl FileSource {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
