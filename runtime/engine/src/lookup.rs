//! What the engine asks of tables whose rows are looked up at a server.

use nsf_plan::Type;

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
