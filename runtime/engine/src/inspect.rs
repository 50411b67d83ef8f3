//! Rows of states and dimensions for people who look into a store whose form is [`crate::store::Form::Text`]: their keys
//! from words of a command line, and what was found as JSON.

use nsf_plan::{Plan, Type};

use crate::{
    encode::{json, key},
    store::StoreTable,
    text,
};

/// A state or dimension of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'p> {
    /// Its name, module in front.
    pub name: &'p str,
    /// What the keys of its rows begin with: a state's stable identity, a dimension's name.
    pub id: &'p str,
    /// Names and types of its keys.
    pub keys: &'p [(String, Type)],
    /// The table that its rows stand in.
    pub table: StoreTable,
}

/// Why words are no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyMistake {
    /// There are more or fewer words than parts.
    Count {
        /// How many there are to be.
        wanted: usize,
        /// How many were given.
        given: usize,
    },
    /// A word is no value of its part's type.
    Part {
        /// The part.
        name: String,
        /// Its type.
        ty: String,
        /// The word.
        given: String,
    },
}

impl std::fmt::Display for KeyMistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count { wanted, given } => write!(f, "the key has {wanted} parts, and {given} were given"),
            Self::Part { name, ty, given } => {
                write!(f, "the key's part `{name}` is of type {ty}, and `{given}` is not")
            }
        }
    }
}

/// All states and dimensions of a plan.
pub fn all(plan: &Plan) -> impl Iterator<Item = Kept<'_>> {
    let states = plan.states.iter().map(|state| Kept {
        name: &state.name,
        id: &state.id,
        keys: &state.keys,
        table: StoreTable::State,
    });
    let dimensions = plan.dimensions.iter();
    let dimensions =
        dimensions.map(|own| Kept { name: &own.name, id: &own.name, keys: &own.keys, table: StoreTable::Dimension });
    states.chain(dimensions)
}

impl Kept<'_> {
    /// The key of a row in the store. A part that is null is given as `~`.
    ///
    /// # Errors
    /// Where the words are no such key.
    pub fn key(&self, words: &[&str]) -> Result<Vec<u8>, KeyMistake> {
        if words.len() != self.keys.len() {
            return Err(KeyMistake::Count { wanted: self.keys.len(), given: words.len() });
        }
        let mut parts = Vec::new();
        for ((name, ty), word) in self.keys.iter().zip(words) {
            let cell = text::word(ty, word);
            let mistake = || KeyMistake::Part { name: name.clone(), ty: ty.to_string(), given: (*word).to_owned() };
            key::write_cell_part(ty, &cell.ok_or_else(mistake)?, &mut parts);
        }
        let mut stored = Vec::new();
        // The parts were just written as these types.
        let _ = text::write_key(self.id, self.types(), &parts, &mut stored);
        Ok(stored)
    }

    /// What the keys of all its rows begin with.
    #[must_use]
    pub fn prefix(&self) -> Vec<u8> {
        text::prefix(self.id)
    }

    /// A row as a line of JSON: `{"key":{…},"row":{…}}`. None where the key is another's. What is no JSON stands as a text
    /// under `damaged`.
    #[must_use]
    pub fn line(&self, stored: &[u8], row: &[u8]) -> Option<String> {
        let parts = text::read_key(self.id, self.types(), stored)?;
        let mut rest = parts.as_slice();
        let mut line = b"{\"key\":{".to_vec();
        for (at, (name, ty)) in self.keys.iter().enumerate() {
            if at > 0 {
                line.push(b',');
            }
            json::write_text(name, &mut line);
            line.push(b':');
            json::write_cell(ty, &key::read_part(ty, &mut rest).ok()?, &mut line);
        }
        line.push(b'}');
        let row = String::from_utf8_lossy(row);
        if serde_json::from_str::<serde::de::IgnoredAny>(&row).is_ok() {
            line.extend_from_slice(b",\"row\":");
            line.extend_from_slice(row.as_bytes());
        } else {
            line.extend_from_slice(b",\"damaged\":");
            json::write_text(&row, &mut line);
        }
        line.push(b'}');
        String::from_utf8(line).ok()
    }

    fn types(&self) -> impl Iterator<Item = &Type> {
        self.keys.iter().map(|(_, ty)| ty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(keys: &[(String, Type)]) -> Kept<'_> {
        Kept { name: "shop.sums", id: "shop.totals", keys, table: StoreTable::State }
    }

    #[test]
    fn keys_are_made_of_words_and_read_again() {
        let keys = [("id".to_owned(), Type::INT64), ("name".to_owned(), Type::Text.nullable())];
        let kept = kept(&keys);
        let stored = kept.key(&["42", "a:b {x}"]).unwrap();
        assert_eq!(String::from_utf8_lossy(&stored), "shop.totals:42:a%3Ab%20%7Bx%7D");
        assert!(stored.starts_with(&kept.prefix()));
        let line = kept.line(&stored, br#"{"sum":1}"#).unwrap();
        assert_eq!(line, r#"{"key":{"id":42,"name":"a:b {x}"},"row":{"sum":1}}"#);
        let null = kept.key(&["42", "~"]).unwrap();
        assert_eq!(kept.line(&null, b"{").unwrap(), r#"{"key":{"id":42,"name":null},"damaged":"{"}"#);
        assert_eq!(kept.line(b"shop.totals2:1:2", b"{}"), None);
    }

    #[test]
    fn words_that_are_no_key_are_told() {
        let keys = [("id".to_owned(), Type::INT64)];
        let kept = kept(&keys);
        assert_eq!(kept.key(&[]), Err(KeyMistake::Count { wanted: 1, given: 0 }));
        let mistake = kept.key(&["x"]).unwrap_err().to_string();
        assert_eq!(mistake, "the key's part `id` is of type int64, and `x` is not");
        assert!(kept.key(&["~"]).is_err(), "null is no int64");
        assert!(kept.key(&["1,\"@\":{}"]).is_err() && kept.key(&["{}"]).is_err());
    }
}
