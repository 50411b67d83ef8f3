//! `nsf.lock`: what stored data depends on, as it was when data was stored last.
//!
//! Codes of dimensions and numbers of their fields, and identities, keys and values of states. It is a YAML text of one
//! fixed form, written by `nsfc check --fix` and kept under version control. A number that it knows is never given to
//! another name; a field that is gone stays in it as `retired`.

mod read;
mod write;

use std::collections::BTreeMap;

use nsf_diagnostics::{FileId, Location, Span, TextEdit};
use nsf_plan::{RecordType, State, Type};

pub use read::LockError;

use crate::graph::{Dag, number};

/// A lock file as data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// Its text in the source map, where it was read from one.
    pub file: Option<FileId>,
    /// Dimensions by full name.
    pub dimensions: BTreeMap<String, LockedDimension>,
    /// States by full name, marks of `unique` included.
    pub states: BTreeMap<String, LockedState>,
}

/// A dimension that stores data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedDimension {
    /// Its code.
    pub code: u32,
    /// Its fields by number.
    pub fields: BTreeMap<u32, LockedField>,
    /// The line of its name.
    pub span: Span,
}

/// A number that was given to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedField {
    /// The field's name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether a flow computes it.
    pub derived: bool,
    /// Whether the field is gone.
    pub retired: bool,
    /// Its line.
    pub span: Span,
}

/// A state that stores data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedState {
    /// The identity under which values are stored; its first name.
    pub id: String,
    /// Its keys.
    pub keys: RecordType,
    /// The fields of its value.
    pub value: RecordType,
    /// The names under which fields are stored that were renamed since.
    pub stored_as: BTreeMap<String, String>,
    /// The line of its name.
    pub span: Span,
    /// All its lines.
    pub whole: Span,
}

impl LockedDimension {
    /// The number of a field that is not gone.
    #[must_use]
    pub fn number_of(&self, name: &str) -> Option<u32> {
        self.fields.iter().find(|(_, field)| !field.retired && field.name == name).map(|(number, _)| *number)
    }
}

impl LockedState {
    /// The name under which a field is stored.
    #[must_use]
    pub fn stored_name<'n>(&'n self, field: &'n str) -> &'n str {
        self.stored_as.get(field).map_or(field, String::as_str)
    }

    /// A state as it is in a program.
    fn of(state: &State) -> Self {
        let renamed = state.fields.iter().filter_map(|field| Some((field.name.clone(), field.stored_as.clone()?)));
        Self {
            id: state.id.clone(),
            keys: state.keys.clone(),
            value: state.fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect(),
            stored_as: renamed.collect(),
            ..Self::default()
        }
    }

    /// Its lines in the lock file, as `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        write::state(name, self)
    }
}

impl Lock {
    /// Reads a text of the source map.
    ///
    /// # Errors
    /// The first line that is not as `nsfc` writes it.
    pub fn read(text: &str, file: Option<FileId>) -> Result<Self, LockError> {
        read::read(text, file)
    }

    /// The place of a span in the lock file, if it is one of the texts at hand.
    #[must_use]
    pub fn at(&self, span: Span) -> Option<Location> {
        self.file.map(|file| span.in_file(file))
    }

    /// What a program's stored data depends on: everything in it, and the numbers of what is gone.
    #[must_use]
    pub fn of(dag: &Dag, before: Option<&Self>) -> Self {
        let mut lock = Self::default();
        for node in &dag.index.dimensions {
            let Some(crate::graph::Node::Dimension(dimension)) = dag.graph.node_weight(*node) else { continue };
            let dimension = &dimension.part.value;
            let mut locked = LockedDimension { code: dimension.code, ..LockedDimension::default() };
            for field in &dimension.fields {
                let (name, ty, derived) = (field.name.clone(), field.ty.clone(), field.derived);
                let field_lock = LockedField { name, ty, derived, retired: false, span: Span::default() };
                locked.fields.insert(number::of(field), field_lock);
            }
            lock.dimensions.insert(dimension.name.clone(), locked);
        }
        for (name, old) in before.iter().flat_map(|before| &before.dimensions) {
            let locked = lock
                .dimensions
                .entry(name.clone())
                .or_insert_with(|| LockedDimension { code: old.code, ..LockedDimension::default() });
            for (number, field) in &old.fields {
                locked.fields.entry(*number).or_insert_with(|| LockedField { retired: true, ..field.clone() });
            }
        }
        for node in &dag.index.states {
            let Some(crate::graph::Node::State(state)) = dag.graph.node_weight(*node) else { continue };
            lock.states.insert(state.value.name.clone(), LockedState::of(&state.value));
        }
        lock
    }

    /// The text of the lock file.
    #[must_use]
    pub fn text(&self) -> String {
        write::write(self)
    }
}

/// The edits that write a number to every field that has none: ` #100003` behind its type. The numbers are those
/// that the plan has already, so that nothing that is stored changes its place.
#[must_use]
pub fn missing_numbers(dag: &Dag) -> Vec<TextEdit> {
    let mut edits = Vec::new();
    for node in &dag.index.dimensions {
        let Some(crate::graph::Node::Dimension(dimension)) = dag.graph.node_weight(*node) else { continue };
        for (field, place) in dimension.part.value.fields.iter().zip(&dimension.fields) {
            if place.number.is_none() {
                edits.push(TextEdit { location: place.after_type, replacement: format!(" #{}", number::of(field)) });
            }
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# nsf.lock: numbers and shapes that stored data depends on.
# Written by `nsfc check --fix`. Keep it under version control; the compiler compares the program with it.
version: 1
dimensions:
  \"shop.order\":
    code: 1001
    fields:
      100001: \"total: decimal? derived\"
      100002: \"note: text retired\"
states:
  \"shop.seen\":
    id: \"shop.old\"
    keys: \"{ id: int64 }\"
    value: \"{ count: int64, by: map<text, int64> }\"
    stored_as:
      \"count\": \"visits\"
";

    #[test]
    fn a_lock_is_read_and_written_alike() {
        let lock = Lock::read(TEXT, None).unwrap();
        assert_eq!(lock.text(), TEXT);
        let order = &lock.dimensions["shop.order"];
        assert_eq!((order.number_of("total"), order.number_of("note")), (Some(100_001), None));
        assert_eq!(lock.states["shop.seen"].id, "shop.old");
        assert_eq!(lock.states["shop.seen"].stored_name("count"), "visits");
        assert_eq!(lock.states["shop.seen"].stored_name("by"), "by");
        assert_eq!(Lock::read(&TEXT.replace('\n', "\r\n"), None).unwrap().text(), TEXT);
    }

    #[test]
    fn a_line_of_another_form_is_named() {
        let reason = |from: &str, to: &str| Lock::read(&TEXT.replace(from, to), None).unwrap_err().reason;
        assert_eq!(reason("version: 1", "version: 2"), "it was written by another version of nsfc");
        assert_eq!(reason("version: 1\n", ""), "its first line `version: 1` is missing");
        assert_eq!(reason("code: 1001", "code: many"), "`many` is not a number");
        assert_eq!(reason("int64 }\"\n    value", "int }\"\n    value"), "`{ id: int }` is not a type");
        assert_eq!(reason("states:", "<<<<<<< HEAD"), "it is not a name, a colon and a value");
        assert_eq!(reason("100002", "100001"), "number 100001 stands here twice");
        assert_eq!(reason("\"count\": \"visits\"", "\"counts\": \"visits\""), "the state has no field `counts`");
        assert_eq!(
            reason("\"count\": \"visits\"", "\"count\": \"by\""),
            "`count` and `by` of the state are both stored as `by`"
        );
        assert_eq!(reason("    stored_as:\n", ""), "it belongs to no `stored_as`");
    }
}
