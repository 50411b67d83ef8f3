//! Tables whose rows are looked up at a server, and kept for a time.
//!
//! A row, or that there is none, is kept for the table's `cache` ([`KEPT`] where it names none) by the machine's clock, and
//! besides until the next commit in the lane that used it. At most [`CACHED_ROWS`] are kept of a table; the oldest go first.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bumpalo::Bump;
use hashbrown::HashMap;
use nsf_plan::{Format, Plan, Table, Type};

use super::{TableReader, patience::Patience};
use crate::{
    cell::Cell,
    connector::{ConnectorError, ConnectorErrorKind, ConnectorResult},
    decode::{MessageMeta, Payload},
    encode::key::read_part,
    expression::Build,
    fault::Fault,
    frame::Frame,
    lookup::{Lookup, LookupMember, Wanted},
};

/// How long a row is kept where the table does not say.
const KEPT: Duration = Duration::from_secs(60);

/// How many rows of a table are kept.
const CACHED_ROWS: usize = 100_000;

/// A row, or that there is none.
pub(crate) type MaybeRow = Option<Arc<[Cell]>>;

/// What a table asks for, and how its rows are read.
pub(crate) struct LookupShape {
    reader: TableReader,
    key_types: Vec<Type>,
    kept: Duration,
    /// The members of the key.
    pub key: Vec<LookupMember>,
    /// All members that are wanted.
    pub members: Vec<LookupMember>,
}

impl LookupShape {
    /// The shape of a table's rows.
    ///
    /// # Errors
    /// The plan is damaged.
    pub(crate) fn new(plan: &Plan, table: &Table) -> Build<Self> {
        let mut own = table.clone();
        // Rows come as JSON, whatever a file of the table would hold.
        own.encoding.format = Format::Json;
        own.encoding.strict = false;
        let Wanted { key, members } = Wanted::of(table);
        let key_fields = own.key.iter().filter_map(|at| own.encoding.fields.get(*at as usize));
        let key_types = key_fields.map(|field| field.ty.clone()).collect();
        let kept = own.cache.map_or(KEPT, |cache| Duration::from_millis(u64::try_from(cache).unwrap_or(0)));
        Ok(Self { reader: TableReader::new(plan, &own)?, key_types, kept, key, members })
    }
}

/// A table whose rows are looked up.
pub(crate) struct LookedUp {
    lookup: Arc<dyn Lookup>,
    reader: TableReader,
    /// Readers that are not used at the moment.
    spare: Mutex<Vec<TableReader>>,
    key_types: Vec<Type>,
    kept: Duration,
    cached: Mutex<HashMap<Box<[u8]>, Cached>>,
    number: AtomicU64,
    capacity: usize,
    patience: Patience,
    /// A key that was asked for and not answered.
    unanswered: Mutex<Option<Box<[u8]>>>,
}

struct Cached {
    row: MaybeRow,
    until: Instant,
    /// Counts what is put in, so that the oldest can go.
    number: u64,
}

impl LookedUp {
    /// A table of a shape.
    pub(crate) fn new(shape: LookupShape, lookup: Arc<dyn Lookup>) -> Self {
        let LookupShape { reader, key_types, kept, .. } = shape;
        let (spare, cached) = (Mutex::default(), Mutex::default());
        Self {
            lookup,
            reader,
            spare,
            key_types,
            kept,
            cached,
            number: AtomicU64::new(0),
            capacity: CACHED_ROWS,
            patience: Patience::default(),
            unanswered: Mutex::default(),
        }
    }

    /// How many rows are kept.
    pub(crate) fn len(&self) -> usize {
        locked(&self.cached).values().filter(|cached| cached.row.is_some()).count()
    }

    /// The rows of keys, in their order. Those that are not kept are asked for together.
    ///
    /// # Errors
    /// Where the server does not answer, or a row cannot be read.
    pub(crate) fn find(&self, keys: &[&[u8]]) -> ConnectorResult<Vec<MaybeRow>> {
        self.find_by(keys, |missing| self.ask(missing))
    }

    /// The same where records need not wait for the server: [`Patience`] says how long it is asked.
    ///
    /// # Errors
    /// As [`LookedUp::find`].
    pub(crate) fn find_patiently(&self, keys: &[&[u8]]) -> ConnectorResult<Vec<MaybeRow>> {
        self.find_by(keys, |missing| {
            let asked = || missing.keys().filter(|key| self.cells(key).is_some());
            if asked().next().is_none() {
                // The server is not asked for nulls, and what it would say is not known.
                return Ok(missing);
            }
            let answer = self.patience.ask(|| self.ask(missing.clone()));
            if answer.is_err() {
                *locked(&self.unanswered) = asked().min().map(|key| Box::from(*key));
            }
            answer
        })
    }

    /// The table's name.
    pub(crate) fn name(&self) -> &str {
        &self.reader.name
    }

    /// Whether the server did not answer when it was last asked with patience.
    pub(crate) fn is_away(&self) -> bool {
        self.patience.is_away()
    }

    /// What is to be said of a server that does not answer.
    pub(crate) fn failure(&self) -> Option<String> {
        let error = self.patience.failure()?;
        Some(format!("table `{}` does not answer: {}", self.reader.name, error.message))
    }

    /// Whether the server answers as far as is known; where it did not, it is asked again now and then.
    pub(crate) fn answers(&self) -> bool {
        if self.patience.is_away() {
            let key = locked(&self.unanswered).clone();
            // What it says is kept or not; whether it says anything is the question.
            drop(key.map(|key| self.find_patiently(&[&key])));
        }
        !self.patience.is_away()
    }

    fn find_by<'k>(
        &self,
        keys: &[&'k [u8]],
        ask: impl FnOnce(HashMap<&'k [u8], MaybeRow>) -> ConnectorResult<HashMap<&'k [u8], MaybeRow>>,
    ) -> ConnectorResult<Vec<MaybeRow>> {
        let mut rows: Vec<Option<MaybeRow>> = Vec::with_capacity(keys.len());
        {
            let (cached, now) = (locked(&self.cached), Instant::now());
            let kept = |key: &&[u8]| cached.get(*key).filter(|found| found.until > now).map(|found| found.row.clone());
            rows.extend(keys.iter().map(kept));
        }
        let missing: HashMap<&[u8], MaybeRow> =
            keys.iter().zip(&rows).filter(|(_, row)| row.is_none()).map(|(key, _)| (*key, None)).collect();
        if missing.is_empty() {
            return Ok(rows.into_iter().map(Option::flatten).collect());
        }
        let missing = ask(missing)?;
        let row = |(key, row): (&&[u8], Option<MaybeRow>)| match row {
            Some(row) => row,
            None => missing.get(*key).cloned().flatten(),
        };
        let rows = keys.iter().zip(rows).map(row).collect();
        self.keep(missing);
        Ok(rows)
    }

    /// Asks the server for rows.
    fn ask<'k>(&self, mut missing: HashMap<&'k [u8], MaybeRow>) -> ConnectorResult<HashMap<&'k [u8], MaybeRow>> {
        let mut asked: Vec<&[u8]> = missing.keys().copied().collect();
        asked.sort_unstable();
        // A key that has a null is that of no row: null equals nothing.
        let asked: Vec<Vec<Cell>> = asked.into_iter().filter_map(|key| self.cells(key)).collect();
        if asked.is_empty() {
            return Ok(missing);
        }
        let mut reader = locked(&self.spare).pop().unwrap_or_else(|| self.reader.clone());
        let (mut arena, mut key, mut wrong) = (Bump::new(), Vec::new(), None);
        let answered = self.lookup.find(&asked, &mut |bytes| {
            {
                let layout = reader.layout.clone();
                let frame = Frame::new(&layout);
                let row = reader.row(Payload::Bytes(bytes), &MessageMeta::default(), (&frame, &arena), &mut key);
                match row {
                    // Of rows whose keys are only alike, none is the one that was asked for.
                    Ok(row) => missing.get_mut(key.as_slice()).map_or((), |own| *own = Some(row.into())),
                    Err(fault) => wrong = wrong.take().or_else(|| Some(self.row_error(bytes, &fault))),
                }
            }
            arena.reset();
        });
        locked(&self.spare).push(reader);
        answered.and(wrong.map_or(Ok(missing), Err))
    }

    /// The values of a key; none where one is null.
    fn cells(&self, mut key: &[u8]) -> Option<Vec<Cell>> {
        let part = |ty: &Type| read_part(ty, &mut key).ok().filter(|cell| !cell.is_null());
        self.key_types.iter().map(part).collect()
    }

    fn keep(&self, rows: HashMap<&[u8], MaybeRow>) {
        let now = Instant::now();
        let Some(until) = now.checked_add(self.kept) else { return };
        if self.kept.is_zero() {
            return;
        }
        let mut cached = locked(&self.cached);
        cached.extend(rows.into_iter().map(|(key, row)| {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            (Box::from(key), Cached { row, until, number })
        }));
        if cached.len() <= self.capacity {
            return;
        }
        cached.retain(|_, kept| kept.until > now);
        if cached.len() > self.capacity {
            let mut numbers: Vec<u64> = cached.values().map(|kept| kept.number).collect();
            let oldest = numbers.len() - self.capacity / 2;
            let (_, limit, _) = numbers.select_nth_unstable(oldest - 1);
            let limit = *limit;
            cached.retain(|_, kept| kept.number > limit);
        }
    }

    fn row_error(&self, row: &[u8], fault: &Fault) -> ConnectorError {
        let (name, place) = (&self.reader.name, &self.reader.place);
        let shown: String = String::from_utf8_lossy(row).chars().take(200).collect();
        let message =
            format!("a row of table `{name}` in `{place}` cannot be read: {}; the row is {shown}", fault.message);
        ConnectorError::new(ConnectorErrorKind::Other, message)
            .with_help("mend that row, or the table's `record`; records that need it wait")
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
