//! The shapes of records on edges.
//!
//! A flow's record grows step by step, so a shape is kept as what was added to another one: all shapes of a flow take
//! as much memory as its fields, however many steps it has.

use std::collections::HashSet;

use nsf_plan::Type;

/// A shape, and the moment at which it is looked at: fields that no step reads from then on are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordAt {
    /// The last field that was added; none for a record without fields.
    pub last: Option<u32>,
    /// The position of the step that the record goes to.
    pub at: u32,
}

/// A field and the one before it.
#[derive(Clone, Debug)]
struct Field {
    before: Option<u32>,
    name: String,
    ty: Type,
    /// The position of the last step that reads it.
    until: u32,
}

/// Every shape of the program.
#[derive(Clone, Debug, Default)]
pub struct Records {
    fields: Vec<Field>,
}

impl Records {
    /// A shape with one field more; `until` is the position of the last step that reads it.
    pub fn add(&mut self, record: RecordAt, name: &str, ty: &Type, until: u32) -> RecordAt {
        self.fields.push(Field { before: record.last, name: name.to_owned(), ty: ty.clone(), until });
        RecordAt { last: Some(self.fields.len() as u32 - 1), at: record.at }
    }

    /// A shape of fields that are all looked at.
    pub fn of<'field>(&mut self, fields: impl IntoIterator<Item = (&'field str, &'field Type)>) -> RecordAt {
        fields.into_iter().fold(RecordAt::default(), |record, (name, ty)| self.add(record, name, ty, u32::MAX))
    }

    /// Names and types of a shape, in the order in which they were added, each name once.
    #[must_use]
    pub fn fields(&self, record: RecordAt) -> Vec<(&str, &Type)> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut next = record.last;
        while let Some(field) = next.and_then(|index| self.fields.get(index as usize)) {
            if field.until >= record.at && seen.insert(field.name.as_str()) {
                found.push((field.name.as_str(), &field.ty));
            }
            next = field.before;
        }
        found.reverse();
        found
    }
}
