//! What the engine asks of tables whose rows are looked up at a server.

use nsf_plan::{Table, Type};

use crate::{cell::Cell, connector::ConnectorResult};

/// A member of a table's rows: a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupMember {
    /// Its name.
    pub name: String,
    /// The type of its values; [`Type::Json`] where the program reads parts of it.
    pub ty: Type,
    /// Whether it may be left out where it is null: the program says what it is then.
    pub has_default: bool,
}

/// What a table of the program wants of the rows that it looks up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The members of the key, in their order.
    pub key: Vec<LookupMember>,
    /// All members that are wanted, those of the key among them.
    pub members: Vec<LookupMember>,
}

impl Wanted {
    /// What a table wants.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        let fields = &table.encoding.fields;
        let mut members: Vec<LookupMember> = Vec::new();
        for (at, field) in fields.iter().enumerate() {
            let is_key = table.key.contains(&(at as u32));
            let Some(name) = field.path.first().filter(|_| field.used || is_key) else { continue };
            let ty = if field.path.len() == 1 { field.ty.clone() } else { Type::Json.nullable() };
            match members.iter_mut().find(|member| member.name == *name) {
                Some(member) if member.ty != ty => member.ty = Type::Json.nullable(),
                Some(_) => {}
                None => members.push(LookupMember { name: name.clone(), ty, has_default: field.default.is_some() }),
            }
        }
        let key = table.key.iter().filter_map(|at| fields.get(*at as usize)).map(|field| LookupMember {
            name: field.path.join("."),
            ty: field.ty.clone(),
            has_default: false,
        });
        Self { key: key.collect(), members }
    }
}

/// A table whose rows are found by key.
pub trait Lookup: Send + Sync {
    /// Finds the rows of several keys, each the values of the key's members in their order, none of them null. Calls
    /// `found` with each row that is there, in any order, as a JSON object of the members that were asked for, in the forms
    /// of [`crate::encode::json`]. Rows of keys that are only alike (other case of letters) may be among them.
    ///
    /// # Errors
    /// Where the server does not answer, or a row is not as it was said to be.
    fn find(&self, keys: &[Vec<Cell>], found: &mut dyn FnMut(&[u8])) -> ConnectorResult<()>;
}
