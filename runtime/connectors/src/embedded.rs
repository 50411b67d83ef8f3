//! The embedded store: one redb file, one row a key, one durable transaction a commit.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind, ConnectorResult},
    store::{Store, StoreBatch, StoreTable},
};
use redb::{
    Builder, CommitError, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, SetDurabilityError,
    StorageError, TableDefinition, TableError, TransactionError,
};

/// Version of the tables' layout; a runtime reads its own alone.
const LAYOUT: u32 = 1;

/// Upper bound of the store's own page cache, in bytes. States keep their rows in memory themselves, and the operating
/// system keeps the file, so a larger one is no faster. It fills only once logs of states are folded: at 16 MiB a long run
/// took 13 % more memory than a short one, so it is small beside what any run takes.
const CACHE: usize = 2 * 1024 * 1024;

const LAYOUT_KEY: &[u8] = b"layout";

/// What the name of a store that is being created has behind its own; the process's number follows.
const UNFINISHED: &str = ".new-";

type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

const fn rows(table: StoreTable) -> Rows {
    TableDefinition::new(table.name())
}

/// A store in one file.
pub struct EmbeddedStore {
    path: PathBuf,
    database: Database,
}

/// What the library said, by what it means for the user.
enum Failure {
    Locked,
    Full,
    Permission,
    ReadOnly,
    NotAStore,
    OtherFormat,
    Damaged,
    MustReopen,
    Other(String),
}

impl EmbeddedStore {
    /// Opens or creates the store; with `fresh` an earlier one is deleted first. Checks the whole file.
    ///
    /// # Errors
    /// Where it is locked, damaged, of another version, or may not be written.
    pub fn open(path: impl Into<PathBuf>, fresh: bool) -> ConnectorResult<Self> {
        let path = path.into();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| crate::fault::file("written", folder, &error))?;
        }
        if fresh {
            forget(&path)?;
        }
        // A link that leads nowhere is there too: it is for the user to mend.
        if path.symlink_metadata().is_err() {
            return Self::create(path);
        }
        let database = builder().open(&path).map_err(|error| Failure::from(error).describe(&path))?;
        let store = Self { path, database };
        store.prepare()?;
        Ok(store)
    }

    /// Creates a store beside its place and puts it there whole: a run that is killed meanwhile, or finds no room, leaves
    /// no half store, and an empty file in its place is known to be damage.
    fn create(path: PathBuf) -> ConnectorResult<Self> {
        clear_unfinished(&path);
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(format!("{UNFINISHED}{}", std::process::id()));
        let unfinished = PathBuf::from(unfinished);
        let made = builder().create(&unfinished).map_err(|error| Failure::from(error).describe(&path));
        let made = made.map(|database| Self { path, database }).and_then(|store| {
            store.prepare()?;
            store.publish(&unfinished)?;
            Ok(store)
        });
        // Its place has it by another name now, or it is of no use.
        let _ = fs::remove_file(&unfinished);
        made
    }

    /// Gives the new store its place, unless another process was faster.
    fn publish(&self, unfinished: &Path) -> ConnectorResult<()> {
        use std::io::ErrorKind as Kind;
        let placed = fs::hard_link(unfinished, &self.path).or_else(|error| match error.kind() {
            Kind::AlreadyExists | Kind::NotFound => Err(Failure::Locked),
            // Not every file system has links.
            _ if self.path.exists() => Err(Failure::Locked),
            _ => fs::rename(unfinished, &self.path).map_err(|error| StorageError::Io(error).into()),
        });
        placed.map_err(|failure| failure.describe(&self.path))?;
        // So that the file's name outlives a loss of power; not every file system takes it.
        if let Some(folder) = self.path.parent().and_then(|folder| fs::File::open(folder).ok()) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    /// Creates the tables of a new store; checks the layout of an older one.
    fn prepare(&self) -> ConnectorResult<()> {
        let layout = self.create_tables().map_err(|failure| failure.describe(&self.path))?;
        if layout == LAYOUT {
            return Ok(());
        }
        let message = format!("`{}` was written by another version of the runtime", self.path.display());
        Err(ConnectorError::new(ConnectorErrorKind::Damaged, message)
            .with_help("run it with that version, or give --fresh to forget what it holds"))
    }

    fn create_tables(&self) -> Result<u32, Failure> {
        let transaction = self.database.begin_write()?;
        let layout = {
            for table in StoreTable::ALL {
                transaction.open_table(rows(table))?;
            }
            let mut meta = transaction.open_table(rows(StoreTable::Meta))?;
            let found = meta.get(LAYOUT_KEY)?.map(|row| <[u8; 4]>::try_from(row.value()));
            match found {
                Some(Ok(bytes)) => u32::from_le_bytes(bytes),
                Some(Err(_)) => 0,
                None => {
                    meta.insert(LAYOUT_KEY, LAYOUT.to_le_bytes().as_slice())?;
                    LAYOUT
                }
            }
        };
        transaction.commit()?;
        Ok(layout)
    }

    fn write(&self, batch: &StoreBatch) -> Result<(), Failure> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        for (table, changes) in batch.tables() {
            if changes.is_empty() {
                continue;
            }
            let mut open = transaction.open_table(rows(table))?;
            for (key, value) in changes.rows() {
                match value {
                    Some(value) => drop(open.insert(key, value)?),
                    None => drop(open.remove(key)?),
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Deletes an earlier store, unless another process uses it.
fn forget(path: &Path) -> ConnectorResult<()> {
    if !path.exists() {
        return Ok(());
    }
    if let Err(failure @ (Failure::Locked | Failure::Permission | Failure::ReadOnly)) =
        Builder::new().open(path).map_err(Failure::from)
    {
        return Err(failure.describe(path));
    }
    fs::remove_file(path).map_err(|error| crate::fault::file("written", path, &error))
}

/// Deletes what earlier runs began to create and did not finish; the file of a run that does it now is locked.
fn clear_unfinished(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else { return };
    let start = format!("{name}{UNFINISHED}");
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_one = entry.file_name().to_str().is_some_and(|name| name.starts_with(&start));
        if is_one && !matches!(Builder::new().open(entry.path()).map_err(Failure::from), Err(Failure::Locked)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    // The library verifies no checksum when it reads: without this a damaged file would give wrong values.
    builder.set_check_integrity_on_open(true);
    builder
}

impl Store for EmbeddedStore {
    fn get_many(&self, table: StoreTable, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        let mut read = || -> Result<(), Failure> {
            let open = self.database.begin_read()?.open_table(rows(table))?;
            for (index, key) in keys.iter().enumerate() {
                if let Some(row) = open.get(*key)? {
                    found(index, row.value());
                }
            }
            Ok(())
        };
        read().map_err(|failure| failure.describe(&self.path))
    }

    fn scan(&self, table: StoreTable, prefix: &[u8], row: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> ConnectorResult<()> {
        self.scan_from(table, prefix, prefix, row)
    }

    fn scan_from(
        &self,
        table: StoreTable,
        prefix: &[u8],
        from: &[u8],
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> ConnectorResult<()> {
        let mut read = || -> Result<(), Failure> {
            let open = self.database.begin_read()?.open_table(rows(table))?;
            for entry in open.range::<&[u8]>(from..)? {
                let (key, value) = entry?;
                if !key.value().starts_with(prefix) || !row(key.value(), value.value()) {
                    break;
                }
            }
            Ok(())
        };
        read().map_err(|failure| failure.describe(&self.path))
    }

    fn commit(&self, batch: &StoreBatch) -> ConnectorResult<()> {
        self.write(batch).map_err(|failure| failure.describe(&self.path))
    }
}

impl Failure {
    fn describe(self, path: &Path) -> ConnectorError {
        let place = path.display();
        let fresh = "put back a copy of it, or give --fresh to forget what it holds";
        let (kind, message, help) = match self {
            Self::Locked => (
                ConnectorErrorKind::Locked,
                format!("another process uses the store `{place}`"),
                "wait until it has ended, or end it".to_owned(),
            ),
            Self::Full => (
                ConnectorErrorKind::Full,
                format!("there is no room left to write the store `{place}`"),
                "make room and run again; the run goes on from its last commit".to_owned(),
            ),
            Self::Permission => (
                ConnectorErrorKind::Permission,
                format!("the store `{place}` may not be written by this user"),
                "give the user the right to write that folder".to_owned(),
            ),
            Self::ReadOnly => (
                ConnectorErrorKind::Permission,
                format!("the store `{place}` is on a file system that is read-only"),
                "make it writable, or run a copy of the project elsewhere".to_owned(),
            ),
            Self::NotAStore => {
                (ConnectorErrorKind::Damaged, format!("`{place}` is not a store of this runtime"), fresh.to_owned())
            }
            Self::OtherFormat => (
                ConnectorErrorKind::Damaged,
                format!("the store `{place}` was written by another version of the runtime"),
                "run it with that version, or give --fresh to forget what it holds".to_owned(),
            ),
            Self::Damaged => (ConnectorErrorKind::Damaged, format!("the store `{place}` is damaged"), fresh.to_owned()),
            Self::MustReopen => (
                ConnectorErrorKind::Other,
                format!("the store `{place}` takes no more writes after an earlier one failed"),
                "run again; the run goes on from its last commit".to_owned(),
            ),
            Self::Other(detail) => (
                ConnectorErrorKind::Other,
                format!("the store `{place}` failed ({detail})"),
                "run again; the run goes on from its last commit".to_owned(),
            ),
        };
        ConnectorError::new(kind, message).with_help(help)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        use std::io::ErrorKind as Kind;
        match error {
            // A file of a newer format has no kind of its own in the library.
            StorageError::Corrupted(words) if words.contains("file format version") => Self::OtherFormat,
            StorageError::Corrupted(_) => Self::Damaged,
            StorageError::Io(error) => match error.kind() {
                Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Self::Full,
                Kind::PermissionDenied => Self::Permission,
                Kind::ReadOnlyFilesystem => Self::ReadOnly,
                Kind::InvalidData | Kind::UnexpectedEof | Kind::IsADirectory => Self::NotAStore,
                _ => Self::Other("the file could not be read or written".to_owned()),
            },
            StorageError::PreviousIo | StorageError::DatabaseClosed | StorageError::LockPoisoned(_) => Self::MustReopen,
            StorageError::ValueTooLarge(_) => Self::Other("a value is larger than it takes".to_owned()),
            _ => Self::Other("an inner error".to_owned()),
        }
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => Self::Locked,
            DatabaseError::UpgradeRequired(_) => Self::OtherFormat,
            DatabaseError::Storage(error) => error.into(),
            _ => Self::Other("it could not be opened".to_owned()),
        }
    }
}

impl From<TransactionError> for Failure {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            _ => Self::Other("a transaction could not begin".to_owned()),
        }
    }
}

impl From<TableError> for Failure {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            TableError::TableTypeMismatch { .. } | TableError::TableDoesNotExist(_) => Self::NotAStore,
            _ => Self::Other("a table could not be opened".to_owned()),
        }
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Storage(error) => error.into(),
            _ => Self::Other("a transaction could not be committed".to_owned()),
        }
    }
}

impl From<SetDurabilityError> for Failure {
    fn from(_: SetDurabilityError) -> Self {
        Self::Other("a transaction could not be made durable".to_owned())
    }
}
