//! The rows that a record's steps see: working copies of the lane, tables, and committed rows of dimensions and of
//! states in other lanes.

use std::sync::Arc;

use hashbrown::HashMap;
use nsf_plan::{DimensionId, HandleId, StateId, TableId};

use super::program::{HandleProgram, Target};
use crate::{
    cell::Cell,
    connector::{ConnectorError, ConnectorErrorKind, ConnectorResult},
    expression::AnyCell,
    fault::Fallible,
    frame::{Context, Rows},
    observe::Observer,
    run::{Clock, stage::DimensionRows},
    state::{Ends, LaneRows, Origins, Row, RowId, StateShape},
    store::{Held, LaneStore, Store, StoreTable},
    table::{TableSource, looked_up::MaybeRow},
};

/// What all workers and lanes share.
pub(crate) struct Shared {
    /// States by their index in the plan.
    pub states: Vec<StateShape>,
    /// Tables by their index in the plan.
    pub tables: Vec<TableSource>,
    /// Rows of dimensions.
    pub dimensions: Arc<dyn DimensionRows>,
    /// What a dimension's fields are where there is no row; none where all are null.
    pub absent: Vec<Option<Box<[Cell]>>>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// Who is told of records.
    pub observer: Option<Arc<dyn Observer>>,
    /// What `clock()` gives.
    pub clock: Clock,
    /// Streams whose partitions are shared with other workers.
    pub origins: Arc<Origins>,
}

/// Working copies of one lane, by state.
#[derive(Debug, Default)]
pub(crate) struct LaneStates {
    /// By the state's index in the plan.
    pub states: Vec<LaneRows>,
    /// When their values end, of states whose ends flows are told of.
    pub ends: Ends,
    /// How the lane is held, where the store commits lane by lane.
    pub link: Option<Link>,
}

/// A lane of a store that commits lane by lane, as it is held.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// The lane.
    pub lane: u16,
    /// By partition: what the store must say.
    pub held: Vec<Held>,
}

impl LaneStates {
    /// No rows yet, of so many states; whether the store keeps their ends.
    pub(crate) fn new(states: usize, ends_stored: bool) -> Self {
        let states = (0..states).map(|_| LaneRows::default()).collect();
        Self { states, ends: Ends::new(ends_stored), link: None }
    }

    /// The working copy of a row, read from the store if there is none yet.
    ///
    /// # Errors
    /// Where the store cannot be read or the row is damaged.
    pub(crate) fn load(&mut self, shared: &Shared, state: StateId, key: &[u8]) -> ConnectorResult<RowId> {
        let shape = &shared.states[state.index()];
        if let Some(row) = self.states[state.index()].find(key) {
            return Ok(row);
        }
        let (row, stored) = self.read_row(shared, shape, key)?;
        Ok(self.states[state.index()].insert(row, stored))
    }
}

impl LaneStates {
    /// Reads rows of the lane by their keys in the store, in ascending order.
    ///
    /// # Errors
    /// Where the store cannot be read, or the lane is not as it is held.
    pub(crate) fn read(
        &self,
        shared: &Shared,
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, &[u8]),
    ) -> ConnectorResult<()> {
        match (&self.link, shared.store.lanes()) {
            (Some(link), Some(lanes)) => LaneStore::load(lanes, link.lane, &link.held, keys, found),
            _ => shared.store.get_many(StoreTable::State, keys, found),
        }
    }

    fn read_row(&self, shared: &Shared, shape: &StateShape, key: &[u8]) -> ConnectorResult<(Row, usize)> {
        read_row(shape, key, |keys, found| self.read(shared, keys, found))
    }
}

/// Reads rows by their keys in the store.
type ReadMany<'f> = &'f mut dyn FnMut(usize, &[u8]);

/// Reads a row of a state; gives it and how long its stored form is.
fn read_row(
    shape: &StateShape,
    key: &[u8],
    read: impl FnOnce(&[&[u8]], ReadMany<'_>) -> ConnectorResult<()>,
) -> ConnectorResult<(Row, usize)> {
    let mut stored_key = Vec::new();
    shape.write_stored_key(key, &mut stored_key);
    let mut found = None;
    read(&[&stored_key], &mut |_, bytes| {
        found = Some(Row::decode(shape, key, bytes).map(|row| (row, bytes.len())));
    })?;
    match found {
        None => Ok((Row::absent(shape, key), 0)),
        Some(Ok(row)) => Ok(row),
        Some(Err(_)) => Err(damaged_row(shape)),
    }
}

/// The error of a stored row that cannot be read.
pub(crate) fn damaged_row(shape: &StateShape) -> crate::connector::ConnectorError {
    use crate::connector::{ConnectorError, ConnectorErrorKind};
    let message = format!("a stored row of state `{}` is damaged", shape.name);
    let help = if shape.text.is_some() {
        "if a later version of the program runs beside this one, it may have stored what this one cannot hold (a wider type): \
         stop the workers of this one; else put back a copy of the store"
    } else {
        "put back a copy of the store, or give --fresh to forget what it holds"
    };
    ConnectorError::new(ConnectorErrorKind::Damaged, message).with_help(help)
}

/// Rows as committed, read at most once a commit each.
#[derive(Debug, Default)]
pub(crate) struct Committed {
    index: HashMap<(u32, Box<[u8]>), u32>,
    rows: Vec<Option<CommittedRow>>,
    /// Whether records are set apart that need what does not answer.
    pub sets_apart: bool,
    /// Tables that did not answer in this round: each is asked once.
    away: HashMap<u32, ConnectorError>,
}

#[derive(Debug)]
enum CommittedRow {
    Fields(Box<[Cell]>),
    State(Box<Row>),
    Table(Arc<[Cell]>),
}

impl Committed {
    /// Forgets all: a commit has changed them.
    pub(crate) fn clear(&mut self) {
        self.index.clear();
        self.rows.clear();
    }

    /// A round begins; whether records are set apart in it that need what does not answer.
    pub(crate) fn begin_round(&mut self, sets_apart: bool) {
        self.sets_apart = sets_apart;
        self.away.clear();
    }

    /// What an answer says of whoever was asked for the rest of the round.
    fn noted<T>(&mut self, tag: u32, answer: ConnectorResult<T>) -> ConnectorResult<T> {
        if let (Err(error), true) = (&answer, self.sets_apart)
            && error.kind == ConnectorErrorKind::Unavailable
        {
            self.away.insert(tag, error.clone());
        }
        answer
    }

    /// The committed row of a dimension.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub(crate) fn dimension(&mut self, shared: &Shared, dimension: DimensionId, keys: &[Cell]) -> ConnectorResult<u32> {
        let mut key = Vec::new();
        shared.dimensions.key(dimension, keys, &mut key);
        let tag = dimension.0 * 2 + 1;
        if let Some(&at) = self.index.get(&(tag, key.as_slice()) as &dyn Tagged) {
            return Ok(at);
        }
        let mut found = Ok(None);
        shared.store.get_many(StoreTable::Dimension, &[&key], &mut |_, bytes| {
            found = shared.dimensions.fields(dimension, &key, bytes);
        })?;
        Ok(self.add(tag, &key, found?.map(|fields| CommittedRow::Fields(fields.into()))))
    }

    /// The committed row of a state.
    ///
    /// # Errors
    /// Where the store cannot be read or the row is damaged.
    pub(crate) fn state(&mut self, shared: &Shared, state: StateId, key: &[u8]) -> ConnectorResult<u32> {
        let tag = state.0 * 2;
        if let Some(&at) = self.index.get(&(tag, key) as &dyn Tagged) {
            return Ok(at);
        }
        let committed = |keys: &[&[u8]], found: ReadMany<'_>| shared.store.get_many(StoreTable::State, keys, found);
        let (row, _) = read_row(&shared.states[state.index()], key, committed)?;
        Ok(self.add(tag, key, Some(CommittedRow::State(Box::new(row)))))
    }

    /// The row of a table that is looked up.
    ///
    /// # Errors
    /// Where the table does not answer.
    pub(crate) fn table(&mut self, shared: &Shared, table: TableId, key: &[u8]) -> ConnectorResult<u32> {
        let tag = table_tag(table);
        if let Some(&at) = self.index.get(&(tag, key) as &dyn Tagged) {
            return Ok(at);
        }
        if let Some(error) = self.away.get(&tag) {
            return Err(error.clone());
        }
        let TableSource::LookedUp(source) = &shared.tables[table.index()] else { return Ok(self.add(tag, key, None)) };
        let rows = if self.sets_apart { source.find_patiently(&[key]) } else { source.find(&[key]) };
        let row = self.noted(tag, rows)?.pop().flatten();
        Ok(self.add(tag, key, row.map(CommittedRow::Table)))
    }

    /// Looks up rows of a table together.
    ///
    /// # Errors
    /// Where the table does not answer.
    pub(crate) fn tables(&mut self, shared: &Shared, table: TableId, keys: &[&[u8]]) -> ConnectorResult<()> {
        let TableSource::LookedUp(source) = &shared.tables[table.index()] else { return Ok(()) };
        let tag = table_tag(table);
        let is_new = |key: &&[u8]| !self.index.contains_key(&(tag, *key) as &dyn Tagged);
        let keys: Vec<&[u8]> = keys.iter().copied().filter(is_new).collect();
        let answer = if self.sets_apart { source.find_patiently(&keys) } else { source.find(&keys) };
        let rows: Vec<MaybeRow> = match self.noted(tag, answer) {
            Ok(rows) => rows,
            // It is met again by each record that needs it.
            Err(_) if self.away.contains_key(&tag) => return Ok(()),
            Err(error) => return Err(error),
        };
        for (key, row) in keys.into_iter().zip(rows) {
            self.add(tag, key, row.map(CommittedRow::Table));
        }
        Ok(())
    }

    fn add(&mut self, tag: u32, key: &[u8], row: Option<CommittedRow>) -> u32 {
        let at = self.rows.len() as u32;
        self.rows.push(row);
        self.index.insert((tag, key.into()), at);
        at
    }
}

/// Tells rows of a table from those of states (even) and dimensions (odd), which are counted from below.
const fn table_tag(table: TableId) -> u32 {
    u32::MAX - table.0
}

/// A borrowed key of [`Committed`].
trait Tagged {
    fn parts(&self) -> (u32, &[u8]);
}

impl Tagged for (u32, &[u8]) {
    fn parts(&self) -> (u32, &[u8]) {
        (self.0, self.1)
    }
}

impl Tagged for (u32, Box<[u8]>) {
    fn parts(&self) -> (u32, &[u8]) {
        (self.0, &self.1)
    }
}

impl std::hash::Hash for dyn Tagged + '_ {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let (tag, key) = self.parts();
        tag.hash(state);
        key.hash(state);
    }
}

impl hashbrown::Equivalent<(u32, Box<[u8]>)> for dyn Tagged + '_ {
    fn equivalent(&self, key: &(u32, Box<[u8]>)) -> bool {
        self.parts() == (key.0, &key.1)
    }
}

/// Which row a handle stands for at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Binding {
    /// None yet.
    #[default]
    Unbound,
    /// A working copy that was found beforehand; no step has loaded or saved it yet.
    Known { state: StateId, row: RowId },
    /// A working copy, and whether the record sees it.
    Own { state: StateId, row: RowId, live: bool },
    /// A table's row, if there is one.
    Table { table: u32, row: Option<u32> },
    /// A committed row, and whether the record sees it.
    Committed { at: u32, live: bool },
}

/// The rows as expressions read them.
pub(crate) struct RowsView<'v> {
    pub handles: &'v [HandleProgram],
    pub bindings: &'v [Binding],
    pub lane: &'v LaneStates,
    pub committed: &'v Committed,
    pub shared: &'v Shared,
}

impl RowsView<'_> {
    /// What a handle's fields are where there is no row.
    fn without_row(&self, handle: HandleId) -> Option<&[Cell]> {
        match self.handles.get(handle.index())?.target {
            Target::Own(state) | Target::Foreign(state) => Some(&self.shared.states[state.index()].defaults),
            Target::Dimension(dimension) => self.shared.absent[dimension.index()].as_deref(),
            Target::Table(_) => None,
        }
    }
}

impl Rows for RowsView<'_> {
    fn fields(&self, handle: HandleId) -> Option<&[Cell]> {
        let there = match self.bindings.get(handle.index()).copied().unwrap_or_default() {
            Binding::Own { state, row, live: true } => Some(&*self.lane.states[state.index()].row(row).fields),
            Binding::Table { table, row: Some(row) } => match &self.shared.tables[table as usize] {
                TableSource::Whole(rows) => Some(rows.row(row)),
                TableSource::LookedUp(_) => None,
            },
            Binding::Committed { at, live: true } => match &self.committed.rows[at as usize] {
                Some(CommittedRow::Fields(fields)) => Some(&**fields),
                Some(CommittedRow::State(row)) => Some(&*row.fields),
                Some(CommittedRow::Table(fields)) => Some(&**fields),
                None => None,
            },
            _ => None,
        };
        there.or_else(|| self.without_row(handle))
    }

    fn exists(&self, handle: HandleId) -> bool {
        match self.bindings.get(handle.index()).copied().unwrap_or_default() {
            Binding::Own { live, .. } => live,
            Binding::Table { row, .. } => row.is_some(),
            Binding::Committed { at, live } => live && self.committed.rows[at as usize].is_some(),
            Binding::Unbound | Binding::Known { .. } => false,
        }
    }
}

impl Committed {
    /// Whether a record at this watermark sees a committed row.
    pub(crate) fn is_live(&self, shared: &Shared, target: Target, at: u32, watermark: i64, late: i64) -> bool {
        match (&self.rows[at as usize], target) {
            (Some(CommittedRow::State(row)), Target::Foreign(state)) => {
                row.is_live(&shared.states[state.index()], watermark, late)
            }
            (Some(_), _) => true,
            (None, _) => false,
        }
    }
}

/// The keys of a row as cells.
pub(crate) fn key_cells(parts: &[AnyCell], context: &Context<'_, '_>) -> Fallible<Vec<Cell>> {
    parts.iter().map(|part| part.cell(context)).collect()
}
