//! Schema evolution: whether values that one program stored can be read by another, and how.
//!
//! There is one rule, for the compiler that compares programs and for the runtime that opens stores:
//!
//! | a field of a state | its stored values |
//! |---|---|
//! | is new | get its default |
//! | has another place | stay |
//! | has another name, and [`StateField::stored_as`](crate::StateField) says so | stay |
//! | has a wider type, [`reads_as`] | are widened |
//! | is gone, or of any other type | are lost |
//!
//! Keys, whether values are kept for a time, and which write wins, must stay.

use crate::{Order, RecordType, State, Type};

/// Whether every stored value of a type is one of another, and stays the same value: integers become wider ones or decimals,
/// `float32` becomes `float64`, `T` becomes `T?` or one of a mapping's values, or back; also inside lists, sets, maps and
/// the members of records, which must be the same ones.
#[must_use]
pub fn reads_as(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (from, to) if from == to => true,
        (Type::Nullable(from), Type::Nullable(to)) => reads_as(from, to),
        (from, Type::Nullable(to)) => reads_as(from, to),
        (Type::Integer(from), Type::Integer(to)) => from.fits(*to),
        (Type::Integer(_), Type::Decimal) | (Type::Float32, Type::Float64) => true,
        (Type::List(from), Type::List(to)) => reads_as(from, to),
        (Type::Set(from), Type::Set(to)) | (Type::Multi(from), Type::Multi(to)) => reads_as_key(from, to),
        (Type::Map(from, from_value), Type::Map(to, to_value)) => {
            reads_as_key(from, to) && reads_as(from_value, to_value)
        }
        (Type::Record(from), Type::Record(to)) => {
            let is_there = |(name, ty): &(String, Type)| to.iter().any(|(own, to)| own == name && reads_as(ty, to));
            from.len() == to.len() && from.iter().all(is_there)
        }
        (Type::Select(from), Type::Select(to)) => reads_as(from, to),
        (Type::Select(from), to) => reads_as(from, to),
        (from, Type::Select(to)) => reads_as(from, to),
        _ => false,
    }
}

/// The same for what must stay different: a key of a map, an element of a set. A null among them would have another form.
fn reads_as_key(from: &Type, to: &Type) -> bool {
    from.is_nullable() == to.is_nullable() && reads_as(from, to)
}

/// What the stored values of a state depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredState {
    /// Its keys.
    pub keys: RecordType,
    /// The fields of its value, by the names under which they are stored.
    pub fields: RecordType,
    /// Whether values are kept for a time: `keep`.
    pub kept: bool,
    /// Whether the latest record time wins, field by field: `order: time`.
    pub by_time: bool,
}

impl StoredState {
    /// What a state's own program stores.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let field = |field: &crate::StateField| (field.stored_name().to_owned(), field.ty.clone());
        Self {
            keys: state.keys.clone(),
            fields: state.fields.iter().map(field).collect(),
            kept: state.keep.is_some(),
            by_time: state.order == Order::Time,
        }
    }

    /// How values that are stored so stand to a state.
    #[must_use]
    pub fn evolve(&self, state: &State) -> Evolution {
        let mut evolution = Evolution { fields: Vec::new(), gone: Vec::new(), obstacles: Vec::new() };
        if self.keys != state.keys {
            let (before, after) = (self.keys.clone(), state.keys.clone());
            evolution.obstacles.push(Obstacle::Keys { before, after });
        }
        for field in &state.fields {
            let Some(at) = self.fields.iter().position(|(name, _)| name == field.stored_name()) else {
                evolution.fields.push(FieldSource::Default);
                continue;
            };
            let before = &self.fields[at].1;
            evolution.fields.push(if *before == field.ty { FieldSource::Stored(at) } else { FieldSource::Widened(at) });
            if !reads_as(before, &field.ty) {
                let (name, before, after) = (field.name.clone(), before.clone(), field.ty.clone());
                evolution.obstacles.push(Obstacle::Type { name, before, after });
            }
        }
        let known = |name: &str| state.fields.iter().any(|field| field.stored_name() == name);
        evolution.gone = (0..self.fields.len()).filter(|at| !known(&self.fields[*at].0)).collect();
        if self.kept != state.keep.is_some() {
            evolution.obstacles.push(Obstacle::Keep);
        }
        if self.by_time != (state.order == Order::Time) {
            evolution.obstacles.push(Obstacle::Order);
        }
        evolution
    }
}

/// How stored values of a state become those of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evolution {
    /// By the program's fields: where the value comes from.
    pub fields: Vec<FieldSource>,
    /// Stored fields that the program does not have, by their places.
    pub gone: Vec<usize>,
    /// Why the values cannot be read; empty where they can.
    pub obstacles: Vec<Obstacle>,
}

/// Where the value of a field comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldSource {
    /// A stored field as it is, by its place.
    Stored(usize),
    /// A stored field of a narrower type, by its place.
    Widened(usize),
    /// It is new: the default.
    Default,
}

impl Evolution {
    /// Whether values are read as they are stored, field by field in their order.
    #[must_use]
    pub fn is_same(&self) -> bool {
        let in_place = |(at, from): (usize, &FieldSource)| *from == FieldSource::Stored(at);
        self.obstacles.is_empty() && self.gone.is_empty() && self.fields.iter().enumerate().all(in_place)
    }
}

/// Why stored values of a state cannot be read by a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Its keys are others.
    Keys {
        /// As stored.
        before: RecordType,
        /// In the program.
        after: RecordType,
    },
    /// A field's type is another, and no wider one.
    Type {
        /// The field's name in the program.
        name: String,
        /// As stored.
        before: Type,
        /// In the program.
        after: Type,
    },
    /// `keep` was added or taken away.
    Keep,
    /// `order: time` was added or taken away.
    Order,
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys { before, after } => {
                write!(f, "it was stored by ({}), now it is by ({})", key_words(before), key_words(after))
            }
            Self::Type { name, before, after } => {
                write!(f, "its field `{name}` was stored as {before}, now it is {after}")
            }
            Self::Keep => f.write_str("its `keep` was added or taken away"),
            Self::Order => f.write_str("its `order: time` was added or taken away"),
        }
    }
}

/// `stu_id: int64, plan_id: int64`.
#[must_use]
pub fn key_words(keys: &RecordType) -> String {
    keys.iter().map(|(name, ty)| format!("{name}: {ty}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(text: &str) -> Type {
        text.parse().unwrap()
    }

    #[test]
    fn types_are_widened_and_never_narrowed() {
        for (from, to) in [
            ("int32", "int64"),
            ("uint32", "int64"),
            ("uint8", "decimal"),
            ("uint64", "decimal"),
            ("float32", "float64"),
            ("text", "text?"),
            ("int8?", "int16?"),
            ("int8", "int16?"),
            ("list<int32>", "list<int64?>"),
            ("map<int32, float32>", "map<decimal, float64>"),
            ("set<uint8>", "set<int16>"),
            ("{ a: int32, b: text }", "{ b: text?, a: int64 }"),
            ("select<int32>", "int32"),
            ("int32", "select<int64>"),
            ("select<text>", "select<text>?"),
        ] {
            assert!(reads_as(&ty(from), &ty(to)), "{from} as {to}");
            assert!(from.contains("select") || !reads_as(&ty(to), &ty(from)), "{to} as {from}");
        }
        for (from, to) in [
            ("int64", "uint64"),
            ("int32", "float64"),
            ("uint64", "int64"),
            ("decimal", "float64"),
            ("text", "json"),
            ("timestamp", "int64"),
            ("list<int32>", "set<int32>"),
            ("multi<text>", "list<text>"),
            ("set<text>", "set<text?>"),
            ("{ a: int32 }", "{ a: int32, b: text? }"),
            ("{ a: int32, b: text? }", "{ a: int32 }"),
            ("{ a: int32 }", "{ b: int32 }"),
        ] {
            assert!(!reads_as(&ty(from), &ty(to)), "{from} as {to}");
        }
    }

    fn stored(fields: &str) -> StoredState {
        let Type::Record(fields) = ty(fields) else { unreachable!() };
        StoredState { keys: vec![("id".into(), Type::INT64)], fields, kept: true, by_time: false }
    }

    fn state(fields: &[(&str, &str, Option<&str>)]) -> State {
        let field = |(name, own, stored): &(&str, &str, Option<&str>)| crate::StateField {
            name: (*name).into(),
            ty: ty(own),
            default: crate::Literal::Null,
            stored_as: stored.map(str::to_owned),
        };
        State {
            id: "seen".into(),
            name: "seen".into(),
            keys: vec![("id".into(), Type::INT64)],
            store: None,
            keep: Some(1),
            closes: None,
            order: Order::Flow,
            fields: fields.iter().map(field).collect(),
            marks: false,
            origin: crate::Origin::default(),
        }
    }

    #[test]
    fn fields_are_found_by_the_names_under_which_they_are_stored() {
        let stored = stored("{ count: int32, last: text }");
        assert!(stored.evolve(&state(&[("count", "int32", None), ("last", "text", None)])).is_same());
        assert!(stored.evolve(&state(&[("total", "int32", Some("count")), ("last", "text", None)])).is_same());
        let evolution =
            stored.evolve(&state(&[("last", "text", None), ("total", "int64", Some("count")), ("new", "text", None)]));
        assert_eq!(evolution.fields, [FieldSource::Stored(1), FieldSource::Widened(0), FieldSource::Default]);
        assert_eq!((evolution.gone, evolution.obstacles), (vec![], vec![]));
        // What has the old name now is another field.
        let evolution = stored.evolve(&state(&[("count", "text", Some("more")), ("last", "text", None)]));
        assert_eq!((evolution.fields[0], evolution.gone), (FieldSource::Default, vec![0]));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let stored = stored("{ count: int64 }");
        let mut other = state(&[("count", "int32", None)]);
        other.keys[0].1 = Type::Text;
        (other.keep, other.order) = (None, Order::Time);
        let words: Vec<String> = stored.evolve(&other).obstacles.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "it was stored by (id: int64), now it is by (id: text)",
                "its field `count` was stored as int64, now it is int32",
                "its `keep` was added or taken away",
                "its `order: time` was added or taken away",
            ]
        );
    }
}
