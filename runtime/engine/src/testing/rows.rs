//! Rows that are there before a test's first record, and rows as expectations read them.

use std::collections::HashMap;

use nsf_plan::{Expr, ExprKind, Handle, HandleId, HandleTarget, Literal, Plan, StateId, TestCase, TestRows};

use super::memory::MemoryStore;
use crate::{
    cell::Cell,
    dimension::{
        Dimensions,
        row::{Row as DimensionRow, RowWrite},
        stamp::{Stamp, WrittenBy},
    },
    encode::{json, key::write_cell_part},
    frame::Rows,
    run::stage::WriteKind,
    state::{Row, StateShape},
    store::{Store, StoreBatch, StoreTable},
};

/// The rows of tables as JSON lines, by the table's name.
pub(super) fn tables(plan: &Plan, case: &TestCase) -> HashMap<String, Vec<Vec<u8>>> {
    let mut tables: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    for rows in &case.with {
        let HandleTarget::Table(id) = rows.target else { continue };
        let Some(table) = plan.tables.get(id.index()) else { continue };
        let lines = tables.entry(table.name.clone()).or_default();
        for (_, fields) in &rows.rows {
            lines.push(table_line(table, fields));
        }
    }
    tables
}

fn table_line(table: &nsf_plan::Table, fields: &[(u32, Literal)]) -> Vec<u8> {
    let mut object = serde_json::Value::Object(serde_json::Map::new());
    for (index, literal) in fields {
        let Some(field) = table.encoding.fields.get(*index as usize) else { continue };
        let mut text = Vec::new();
        json::write_cell(&field.ty, &Cell::from_literal(&field.ty, literal), &mut text);
        let mut at = &mut object;
        for name in &field.path {
            at = &mut at[name.as_str()];
        }
        *at = serde_json::from_slice(&text).unwrap_or_default();
    }
    object.to_string().into_bytes()
}

/// Puts the rows of states and dimensions into the store.
pub(super) fn fill(plan: &Plan, case: &TestCase, store: &MemoryStore) {
    let mut batch = StoreBatch::default();
    for rows in &case.with {
        match rows.target {
            HandleTarget::State(id) => fill_state(plan, id, rows, &mut batch),
            HandleTarget::Dimension(id) => fill_dimension(plan, id, rows, &mut batch),
            HandleTarget::Table(_) => {}
        }
    }
    batch.sort();
    // A store in memory that was just made takes everything.
    let _ = store.commit(&batch);
}

/// A state's number in a new store: its place in the plan.
fn shape(plan: &Plan, id: StateId) -> Option<StateShape> {
    StateShape::new(plan, plan.states.get(id.index())?, id.0 as u16, crate::store::Form::Binary).ok()
}

fn fill_state(plan: &Plan, id: StateId, rows: &TestRows, batch: &mut StoreBatch) {
    let Some(shape) = shape(plan, id) else { return };
    for (keys, fields) in &rows.rows {
        let key = state_key(&shape, keys);
        let mut row = Row::absent(&shape, &key[2..]);
        row.exists = true;
        // Saved before the first record, whenever that is.
        row.saved = i64::MAX / 2;
        for (index, literal) in fields {
            if let (Some(field), Some(ty)) = (row.fields.get_mut(*index as usize), shape.fields.get(*index as usize)) {
                *field = Cell::from_literal(ty, literal);
            }
        }
        batch.table(StoreTable::State).put_with(&key, |out| row.encode(&shape, out));
    }
}

fn state_key(shape: &StateShape, keys: &[Literal]) -> Vec<u8> {
    let mut key = shape.number.to_be_bytes().to_vec();
    for (ty, literal) in shape.keys.iter().zip(keys) {
        write_cell_part(ty, &Cell::from_literal(ty, literal), &mut key);
    }
    key
}

fn fill_dimension(plan: &Plan, id: nsf_plan::DimensionId, rows: &TestRows, batch: &mut StoreBatch) {
    let (Ok(dimensions), Some(dimension)) = (Dimensions::new(plan), plan.dimensions.get(id.index())) else { return };
    for (keys, fields) in &rows.rows {
        let cells = |types: &mut dyn Iterator<Item = (&nsf_plan::Type, &Literal)>| -> Vec<Cell> {
            types.map(|(ty, literal)| Cell::from_literal(ty, literal)).collect()
        };
        let keys = cells(&mut dimension.keys.iter().map(|(_, ty)| ty).zip(keys));
        let fields: Vec<(u32, Cell)> = fields
            .iter()
            .filter_map(|(index, literal)| {
                let field = dimension.fields.get(*index as usize)?;
                Some((*index, Cell::from_literal(&field.ty, literal)))
            })
            .collect();
        let mut row = DimensionRow::new(dimension.fields.len());
        row.apply(&RowWrite { kind: WriteKind::Assign, fields: &fields, stamp: oldest() });
        let mut key = Vec::new();
        dimensions.write_key(id, &keys, &mut key);
        batch.table(StoreTable::Dimension).put_with(&key, |out| dimensions.write_row(id, &row, out));
    }
}

/// Older than every record of a test.
fn oldest() -> Stamp {
    Stamp { time: i64::MIN / 2, by: WrittenBy::Ingest, writer: "test".into(), partition: 0, offset: 0 }
}

/// The rows that an expectation reads.
pub(super) struct StoredRows {
    rows: Vec<(Option<Vec<Cell>>, bool)>,
}

impl StoredRows {
    /// Reads the rows of handles whose keys are constants.
    pub(super) fn read(plan: &Plan, handles: &[Handle], store: &MemoryStore) -> Self {
        let rows = handles.iter().map(|handle| {
            let keys: Vec<Literal> = handle.keys.iter().filter_map(constant).collect();
            match handle.target {
                HandleTarget::State(id) => state_row(plan, id, &keys, store),
                HandleTarget::Dimension(id) => dimension_row(plan, id, &keys, store),
                // Tables do not change: their rows are what the test says.
                HandleTarget::Table(_) => (None, false),
            }
        });
        Self { rows: rows.collect() }
    }
}

fn constant(expr: &Expr) -> Option<Literal> {
    match &expr.kind {
        ExprKind::Literal(literal) => Some(literal.clone()),
        _ => None,
    }
}

fn state_row(plan: &Plan, id: StateId, keys: &[Literal], store: &MemoryStore) -> (Option<Vec<Cell>>, bool) {
    let Some(shape) = shape(plan, id) else { return (None, false) };
    let key = state_key(&shape, keys);
    let stored = store.get(StoreTable::State, &key).and_then(|bytes| Row::decode(&shape, &key[2..], &bytes).ok());
    let exists = stored.as_ref().is_some_and(|row| row.exists);
    (Some(stored.map_or_else(|| shape.defaults.to_vec(), |row| row.fields.to_vec())), exists)
}

fn dimension_row(
    plan: &Plan,
    id: nsf_plan::DimensionId,
    keys: &[Literal],
    store: &MemoryStore,
) -> (Option<Vec<Cell>>, bool) {
    let (Ok(dimensions), Some(dimension)) = (Dimensions::new(plan), plan.dimensions.get(id.index())) else {
        return (None, false);
    };
    let keys: Vec<Cell> =
        dimension.keys.iter().zip(keys).map(|((_, ty), literal)| Cell::from_literal(ty, literal)).collect();
    let mut key = Vec::new();
    dimensions.write_key(id, &keys, &mut key);
    let stored = store.get(StoreTable::Dimension, &key).and_then(|bytes| dimensions.read_row(id, &bytes).ok());
    match stored.filter(DimensionRow::exists) {
        Some(row) => (Some(dimensions.values(id, &row)), true),
        None => (Some(dimensions.values(id, &DimensionRow::new(dimension.fields.len()))), false),
    }
}

impl Rows for StoredRows {
    fn fields(&self, handle: HandleId) -> Option<&[Cell]> {
        self.rows.get(handle.index()).and_then(|(fields, _)| fields.as_deref())
    }

    fn exists(&self, handle: HandleId) -> bool {
        self.rows.get(handle.index()).is_some_and(|(_, exists)| *exists)
    }
}
