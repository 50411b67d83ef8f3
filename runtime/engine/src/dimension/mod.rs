//! Dimensions: rows with several writers, field by field the last write wins.
//!
//! | file | holds |
//! |---|---|
//! | `stamp` | the version of a field: what decides which of two writes stays |
//! | `row` | a row and what a write does to it |
//! | `codec`, `bytes` | a row as bytes of the store |
//! | `stage` | applies the writes of a round and tells subscriptions |
//!
//! This file holds what the plan says of dimensions in the form that the others need: [`Dimensions`].

mod bytes;
mod codec;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod live;
pub mod row;
mod stage;
pub mod stamp;
mod text_codec;

use std::sync::Arc;

use ahash::AHashMap;
use nsf_plan::{DimensionId, Plan, Type};

use crate::{
    cell::Cell,
    connector::{ConnectorError, ConnectorErrorKind, ConnectorResult},
    encode::{json, key},
    expression::{Build, BuildError},
    run::stage::DimensionRows,
    store::Form,
    text::{self, TextRow},
};

pub use codec::RowError;
pub use stage::Stage;

use row::Row;

/// A dimension of the plan.
#[derive(Debug)]
pub struct Dimension {
    /// Its name, module in front.
    pub name: String,
    /// Its code.
    pub code: u32,
    /// Names and types of its keys.
    pub keys: Vec<(String, Type)>,
    /// Its fields.
    pub fields: Vec<DimensionField>,
    by_id: AHashMap<u64, usize>,
    /// Rows as JSON, where the store's rows are to be read by people.
    text: Option<TextRow>,
}

/// A field of a dimension.
#[derive(Debug)]
pub struct DimensionField {
    /// Its name.
    pub name: String,
    /// The type it is stored as: a field without a value is null, whatever its type says.
    pub ty: Type,
    /// The 14-digit field id.
    pub id: u64,
    /// What a reader gets while it has no value.
    pub empty: Cell,
}

impl Dimension {
    /// The index of the field with an id.
    #[must_use]
    pub fn index_of(&self, id: u64) -> Option<usize> {
        self.by_id.get(&id).copied()
    }
}

/// All dimensions of a plan: keys and rows to bytes and back.
#[derive(Debug)]
pub struct Dimensions {
    list: Vec<Dimension>,
}

impl Dimensions {
    /// Takes the dimensions of a plan.
    ///
    /// # Errors
    /// Where two dimensions have one code, or two fields one id: rows would be mixed up.
    pub fn new(plan: &Plan) -> Build<Self> {
        Self::in_form(plan, Form::Binary)
    }

    /// The same for a store whose keys and rows are written so.
    ///
    /// # Errors
    /// As [`Dimensions::new`].
    pub fn in_form(plan: &Plan, form: Form) -> Build<Self> {
        let mut codes = AHashMap::new();
        let mut list = Vec::with_capacity(plan.dimensions.len());
        for dimension in &plan.dimensions {
            if let Some(first) = codes.insert(dimension.code, &dimension.name) {
                let message =
                    format!("the dimensions `{first}` and `{}` have one code, {}", dimension.name, dimension.code);
                return Err(BuildError::new(message, Some(dimension.origin)));
            }
            list.push(build(dimension, form)?);
        }
        Ok(Self { list })
    }

    /// The dimension of an index.
    #[must_use]
    pub fn get(&self, id: DimensionId) -> Option<&Dimension> {
        self.list.get(id.index())
    }

    /// Appends the key of a row: the dimension's code, then the keys.
    pub fn write_key(&self, id: DimensionId, keys: &[Cell], out: &mut Vec<u8>) {
        let types = self.get(id).map_or(&[][..], |dimension| &dimension.keys);
        if let Some(dimension) = self.get(id).filter(|dimension| dimension.text.is_some()) {
            let mut parts = Vec::new();
            types.iter().zip(keys).for_each(|((_, ty), cell)| key::write_cell_part(ty, cell, &mut parts));
            // The parts were just written as these types.
            let _ = text::write_key(&dimension.name, types.iter().map(|(_, ty)| ty), &parts, out);
            return;
        }
        out.extend_from_slice(&self.code(id));
        types.iter().zip(keys).for_each(|((_, ty), cell)| key::write_cell_part(ty, cell, out));
    }

    /// The values of the keys in a row's key; none where the key is damaged or of another dimension.
    #[must_use]
    pub fn read_key(&self, id: DimensionId, bytes: &[u8]) -> Option<Vec<Cell>> {
        let types = self.get(id)?.keys.iter().map(|(_, ty)| ty);
        let parts;
        let mut rest = if self.get(id)?.text.is_some() {
            parts = text::read_key(&self.get(id)?.name, types.clone(), bytes)?;
            parts.as_slice()
        } else {
            bytes.strip_prefix(&self.code(id)[..])?
        };
        let keys: Option<Vec<Cell>> = types.map(|ty| key::read_part(ty, &mut rest).ok()).collect();
        keys.filter(|_| rest.is_empty())
    }

    fn code(&self, id: DimensionId) -> [u8; 4] {
        self.get(id).map_or(u32::MAX, |dimension| dimension.code).to_be_bytes()
    }

    /// Appends a row's bytes.
    pub fn write_row(&self, id: DimensionId, row: &Row, out: &mut Vec<u8>) {
        let Some(dimension) = self.get(id) else { return };
        match &dimension.text {
            Some(text) => text_codec::write_row(out, dimension, text, row),
            None => codec::write_row(out, dimension, row),
        }
    }

    /// Reads a row's bytes.
    ///
    /// # Errors
    /// Where they are damaged or of a newer format.
    pub fn read_row(&self, id: DimensionId, bytes: &[u8]) -> Result<Row, RowError> {
        let dimension = self.get(id).ok_or(RowError::Damaged)?;
        match &dimension.text {
            Some(text) => text_codec::read_row(bytes, dimension, text),
            None => codec::read_row(bytes, dimension),
        }
    }

    /// What is to be said of a row whose bytes cannot be read.
    #[must_use]
    pub fn unreadable(&self, id: DimensionId, key: &[u8], error: RowError) -> ConnectorError {
        let name = self.get(id).map_or("?", |dimension| dimension.name.as_str());
        let mut keys = Vec::new();
        if let (Some(dimension), Some(cells)) = (self.get(id), self.read_key(id, key)) {
            for ((name, ty), cell) in dimension.keys.iter().zip(&cells) {
                keys.extend_from_slice(if keys.is_empty() { b"" } else { b", " });
                keys.extend_from_slice(name.as_bytes());
                keys.push(b' ');
                json::write_cell(ty, cell, &mut keys);
            }
        }
        let keys = String::from_utf8_lossy(&keys);
        let message = format!("a row of the dimension `{name}` ({keys}) cannot be read: {error}");
        let help = match error {
            RowError::Damaged => "restore the store from a copy, or run with --fresh to build it anew from the inputs",
            RowError::Newer => "run with the version of nsf that wrote it, or with --fresh to build it anew",
        };
        ConnectorError::new(ConnectorErrorKind::Damaged, message).with_help(help)
    }

    /// What a reader of a row gets, by field: its value, else its `empty` value, else null.
    #[must_use]
    pub fn values(&self, id: DimensionId, row: &Row) -> Vec<Cell> {
        let fields = self.get(id).map_or(&[][..], |dimension| &dimension.fields);
        let value = |(field, plan): (&row::Field, &DimensionField)| {
            if field.value.is_null() { plan.empty.clone() } else { field.value.clone() }
        };
        row.fields.iter().zip(fields).map(value).collect()
    }

    /// Appends a row as the JSON object of `--output DIM=FILE`: its keys, then its fields.
    pub fn write_json(&self, id: DimensionId, keys: &[Cell], values: &[Cell], out: &mut Vec<u8>) {
        let Some(dimension) = self.get(id) else { return };
        let names = dimension.keys.iter().map(|(name, ty)| (name, ty)).zip(keys);
        let fields = dimension.fields.iter().map(|field| (&field.name, &field.ty)).zip(values);
        out.push(b'{');
        for (index, ((name, ty), cell)) in names.chain(fields).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            json::write_text(name, out);
            out.push(b':');
            json::write_cell(ty, cell, out);
        }
        out.push(b'}');
    }
}

fn build(dimension: &nsf_plan::Dimension, form: Form) -> Build<Dimension> {
    let mut by_id = AHashMap::new();
    let mut fields = Vec::with_capacity(dimension.fields.len());
    for (index, field) in dimension.fields.iter().enumerate() {
        if by_id.insert(field.id, index).is_some() {
            let message = format!("two fields of the dimension `{}` have the id {:014}", dimension.name, field.id);
            return Err(BuildError::new(message, Some(dimension.origin)));
        }
        let empty = field.empty.as_ref().map_or(Cell::Null, |literal| Cell::from_literal(&field.ty, literal));
        fields.push(DimensionField { name: field.name.clone(), ty: field.ty.clone().nullable(), id: field.id, empty });
    }
    let text = match form {
        Form::Binary => None,
        Form::Text => Some(TextRow::new(fields.iter().map(|field| (field.name.as_str(), &field.ty)))?),
    };
    let (name, keys) = (dimension.name.clone(), dimension.keys.clone());
    Ok(Dimension { name, code: dimension.code, keys, fields, by_id, text })
}

/// [`Dimensions`] as workers and outputs see them.
impl DimensionRows for Arc<Dimensions> {
    fn key(&self, dimension: DimensionId, keys: &[Cell], key: &mut Vec<u8>) {
        self.write_key(dimension, keys, key);
    }

    fn prefix(&self, dimension: DimensionId) -> Vec<u8> {
        if let Some(own) = self.get(dimension).filter(|own| own.text.is_some()) {
            return text::prefix(&own.name);
        }
        self.code(dimension).to_vec()
    }

    fn keys(&self, dimension: DimensionId, key: &[u8]) -> Option<Vec<Cell>> {
        self.read_key(dimension, key)
    }

    fn fields(&self, dimension: DimensionId, key: &[u8], row: &[u8]) -> ConnectorResult<Option<Vec<Cell>>> {
        let row = self.read_row(dimension, row).map_err(|error| self.unreadable(dimension, key, error))?;
        Ok(row.exists().then(|| self.values(dimension, &row)))
    }
}
