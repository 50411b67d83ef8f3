//! Rows that an earlier program stored, read by a later one: random states that change twice by the steps that are allowed, rows
//! of every time between, in both forms of stores.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::convert::Infallible;

use nsf_plan::{IntegerWidth, Literal, Order, Origin, Plan, State, StateField, Type};
use proptest::{collection, prelude::*, sample::select};
use rust_decimal::Decimal;

use super::*;
use crate::{cell::Cell, observe::RecordId, state::FieldVersion, state::Row, store::Form};

/// A type, and what it is widened to.
#[derive(Clone, Debug)]
enum Pair {
    Integer(IntegerWidth, IntegerWidth),
    Decimal(IntegerWidth),
    Float,
    Same(Type),
    /// Whether it may be null before.
    Nullable(bool, Box<Pair>),
    List(Box<Pair>),
    Set(Box<Pair>),
    Map(Box<Pair>, Box<Pair>),
    /// Members, and which of them stand at the end afterwards.
    Record(Vec<Pair>, usize),
    /// Whether it is one of a mapping's values afterwards, or was before.
    Select(bool, Box<Pair>),
}

impl Pair {
    /// The types before and after.
    fn types(&self) -> (Type, Type) {
        let both = |pair: &Self, make: fn(Box<Type>) -> Type| {
            let (from, to) = pair.types();
            (make(Box::new(from)), make(Box::new(to)))
        };
        match self {
            Self::Integer(from, to) => (Type::Integer(*from), Type::Integer(*to)),
            Self::Decimal(from) => (Type::Integer(*from), Type::Decimal),
            Self::Float => (Type::Float32, Type::Float64),
            Self::Same(ty) => (ty.clone(), ty.clone()),
            Self::Nullable(before, pair) => {
                let (from, to) = pair.types();
                (if *before { from.nullable() } else { from }, to.nullable())
            }
            Self::List(pair) => both(pair, Type::List),
            Self::Set(pair) => both(pair, Type::Set),
            Self::Map(key, value) => {
                let ((key, wide_key), (value, wide_value)) = (key.types(), value.types());
                (Type::map(key, value), Type::map(wide_key, wide_value))
            }
            Self::Record(pairs, turn) => {
                let named = |at: usize, ty: Type| (format!("m{at}"), ty);
                let from = pairs.iter().enumerate().map(|(at, pair)| named(at, pair.types().0)).collect();
                let mut to: Vec<_> = pairs.iter().enumerate().map(|(at, pair)| named(at, pair.types().1)).collect();
                to.rotate_left(*turn);
                (Type::Record(from), Type::Record(to))
            }
            Self::Select(after, pair) => {
                let (from, to) = pair.types();
                if *after { (from, Type::Select(Box::new(to))) } else { (Type::Select(Box::new(from)), to) }
            }
        }
    }

    /// A value before, and the same after.
    fn value(&self) -> BoxedStrategy<(Cell, Cell)> {
        match self.clone() {
            Self::Integer(from, to) => integer(from).prop_map(move |v| (cell(from, v), cell(to, v))).boxed(),
            Self::Decimal(from) => {
                integer(from).prop_map(move |v| (cell(from, v), Cell::Decimal(Decimal::from(v)))).boxed()
            }
            Self::Float => {
                let finite =
                    prop_oneof![proptest::num::f32::NORMAL, proptest::num::f32::SUBNORMAL, Just(0.0), Just(0.1)];
                finite.prop_map(|v| (Cell::Float(v.into()), Cell::Float(v.into()))).boxed()
            }
            Self::Same(ty) => same(&ty).prop_map(|cell| (cell.clone(), cell)).boxed(),
            Self::Nullable(false, pair) => pair.value(),
            Self::Nullable(true, pair) => prop_oneof![1 => Just((Cell::Null, Cell::Null)), 4 => pair.value()].boxed(),
            Self::List(pair) => collection::vec(pair.value(), 0..4)
                .prop_map(|items| {
                    let (from, to): (Vec<_>, Vec<_>) = items.into_iter().unzip();
                    (Cell::List(from), Cell::List(to))
                })
                .boxed(),
            Self::Set(pair) => collection::vec(pair.value(), 0..4)
                .prop_map(|items| map(items.into_iter().map(|key| (key, (Cell::Null, Cell::Null)))))
                .boxed(),
            Self::Map(key, value) => collection::vec((key.value(), value.value()), 0..4).prop_map(map).boxed(),
            Self::Record(pairs, turn) => pairs
                .iter()
                .map(Self::value)
                .collect::<Vec<_>>()
                .prop_map(move |members| {
                    let (from, mut to): (Vec<_>, Vec<_>) = members.into_iter().unzip();
                    to.rotate_left(turn);
                    (Cell::Record(from.into()), Cell::Record(to.into()))
                })
                .boxed(),
            Self::Select(_, pair) => pair.value(),
        }
    }
}

fn integer(width: IntegerWidth) -> impl Strategy<Value = i128> {
    let (least, most) = width.range();
    prop_oneof![Just(least), Just(most), least..=most, (-100_i128..100).prop_map(move |v| v.clamp(least, most))]
}

fn cell(width: IntegerWidth, value: i128) -> Cell {
    match width {
        IntegerWidth::UInt64 => Cell::Unsigned(value.try_into().unwrap()),
        _ => Cell::Integer(value.try_into().unwrap()),
    }
}

fn map(pairs: impl IntoIterator<Item = ((Cell, Cell), (Cell, Cell))>) -> (Cell, Cell) {
    let (from, to): (Vec<_>, Vec<_>) =
        pairs.into_iter().map(|(key, value)| ((key.0, value.0), (key.1, value.1))).unzip();
    (Cell::Map(from.into_iter().collect()), Cell::Map(to.into_iter().collect()))
}

fn same(ty: &Type) -> BoxedStrategy<Cell> {
    match ty {
        Type::Timestamp => (0..2_000_000_000_000_i64).prop_map(Cell::Integer).boxed(),
        Type::Json => select(vec!["{\"a\":[1,null]}", "\"x\"", "7"]).prop_map(|text| Cell::Json(text.into())).boxed(),
        Type::Bool => any::<bool>().prop_map(Cell::Bool).boxed(),
        Type::Float64 => proptest::num::f64::NORMAL.prop_map(Cell::Float).boxed(),
        _ => "[a-z\"\\\\é班]{0,6}".prop_map(|text| Cell::Text(text.into())).boxed(),
    }
}

fn widening() -> impl Strategy<Value = Pair> {
    let width = || select(IntegerWidth::ALL.to_vec());
    let wider = (width(), width()).prop_filter("wider", |(from, to)| from.fits(*to)).boxed();
    let whole = || wider.clone().prop_map(|(from, to)| Pair::Integer(from, to));
    let plain = select(vec![Type::Text, Type::Timestamp, Type::Json, Type::Bool, Type::Float64]);
    let scalar = prop_oneof![whole(), width().prop_map(Pair::Decimal), Just(Pair::Float), plain.prop_map(Pair::Same),];
    let key = prop_oneof![whole(), width().prop_map(Pair::Decimal), Just(Pair::Same(Type::Text))].boxed();
    scalar.prop_recursive(3, 12, 3, move |inner| {
        let nullable = (any::<bool>(), inner.clone())
            .prop_filter("not twice", |(_, pair)| !pair.types().0.is_nullable() && !pair.types().1.is_nullable())
            .prop_map(|(before, pair)| Pair::Nullable(before, Box::new(pair)));
        prop_oneof![
            nullable,
            inner.clone().prop_map(|pair| Pair::List(Box::new(pair))),
            key.clone().prop_map(|pair| Pair::Set(Box::new(pair))),
            (key.clone(), inner.clone()).prop_map(|(key, value)| Pair::Map(Box::new(key), Box::new(value))),
            (collection::vec(inner, 1..4), 0..3_usize).prop_map(|(pairs, turn)| {
                let turn = turn % pairs.len();
                Pair::Record(pairs, turn)
            }),
            (any::<bool>(), key.clone()).prop_map(|(after, pair)| Pair::Select(after, Box::new(pair))),
        ]
    })
}

/// How often the program changes.
const CHANGES: usize = 2;

/// A field over the programs.
#[derive(Clone, Debug)]
struct Field {
    pair: Pair,
    value: (Cell, Cell),
    /// Since which program it is there, widened, and renamed; [`CHANGES`] + 1 for never.
    since: usize,
    widened: usize,
    renamed: usize,
    /// Where it stands among the others, by program.
    places: Vec<u32>,
}

fn field() -> impl Strategy<Value = Field> {
    let time = || prop_oneof![Just(0), Just(1), Just(2), Just(CHANGES + 1)];
    widening().prop_flat_map(move |pair| {
        let since = prop_oneof![2 => Just(0), 1 => 1..=CHANGES];
        let places = collection::vec(any::<u32>(), CHANGES + 1);
        (Just(pair.clone()), pair.value(), since, time(), time(), places).prop_map(
            |(pair, value, since, widened, renamed, places)| Field { pair, value, since, widened, renamed, places },
        )
    })
}

impl Field {
    /// The field in a program; `at` makes its names.
    fn of(&self, at: usize, program: usize) -> StateField {
        let (first, second) = (format!("f{at}"), format!("g{at}"));
        let (name, stored_as) =
            if program < self.renamed || self.renamed <= self.since { (first, None) } else { (second, Some(first)) };
        let (from, to) = self.pair.types();
        let ty = if program < self.widened { from } else { to };
        let default = empty(&ty);
        StateField { name, ty, default, stored_as }
    }

    /// What the last program finds in a row that a program stored.
    fn expected(&self, stored_by: usize, ty: &Type, default: &Literal) -> Cell {
        if stored_by < self.since { Cell::from_literal(ty, default) } else { self.cell(CHANGES) }
    }

    fn cell(&self, program: usize) -> Cell {
        if program < self.widened { self.value.0.clone() } else { self.value.1.clone() }
    }
}

/// A default, the same for what a type is widened to: which program's a row gets where it changes is not of interest here.
fn empty(ty: &Type) -> Literal {
    match ty {
        Type::Bool => Literal::Bool(true),
        Type::Integer(IntegerWidth::UInt64) => Literal::Unsigned(7),
        Type::Integer(_) | Type::Timestamp => Literal::Integer(7),
        Type::Float32 | Type::Float64 => Literal::Float(0.5),
        Type::Decimal => Literal::Decimal(Decimal::from(7)),
        Type::Json => Literal::Text("{}".into()),
        Type::List(_) | Type::Set(_) => Literal::List(Vec::new()),
        Type::Map(..) => Literal::Map(Vec::new()),
        Type::Record(members) => Literal::Record(members.iter().map(|(_, ty)| empty(ty)).collect()),
        Type::Select(inner) | Type::Nullable(inner) => empty(inner),
        _ => Literal::Text("new".into()),
    }
}

/// A state in a program: the places of its fields in the list, and the state.
fn state(fields: &[Field], program: usize, by_time: bool) -> (Vec<usize>, State) {
    let mut order: Vec<usize> = (0..fields.len()).filter(|at| fields[*at].since <= program).collect();
    order.sort_by_key(|at| fields[*at].places[program]);
    let state = State {
        id: "seen".to_owned(),
        name: "seen".to_owned(),
        keys: vec![("id".to_owned(), Type::INT64)],
        store: None,
        keep: None,
        closes: None,
        order: if by_time { Order::Time } else { Order::Flow },
        fields: order.iter().map(|at| fields[*at].of(*at, program)).collect(),
        marks: false,
        origin: Origin::default(),
    };
    (order, state)
}

fn key() -> Vec<u8> {
    let mut key = Vec::new();
    crate::encode::key::write_cell_part(&Type::INT64, &Cell::Integer(42), &mut key);
    key
}

fn version(at: usize) -> FieldVersion {
    FieldVersion { time: at as i64, record: RecordId { stream: 1, partition: 2, offset: at as u64 } }
}

/// The row that a program stores: each field as it is then, written at its own time.
fn stored(fields: &[Field], order: &[usize], program: usize, shape: &StateShape) -> Vec<u8> {
    let mut row = Row::absent(shape, &key());
    row.exists = true;
    for (own, at) in row.fields.iter_mut().zip(order) {
        *own = fields[*at].cell(program);
    }
    for (own, at) in row.versions.iter_mut().flatten().zip(order) {
        *own = version(*at);
    }
    let mut bytes = Vec::new();
    row.encode(shape, &mut bytes);
    bytes
}

/// Stores a row by each program in turn, and reads all of them by the last.
fn check(fields: &[Field], by_time: bool, form: Form) {
    let as_text = form == Form::Text;
    let plan: Plan = crate::dimension::fixture::plan();
    let mut known: Option<StoredShape> = None;
    let mut rows: Vec<Vec<u8>> = Vec::new();
    for program in 0..=CHANGES {
        let (order, state) = state(fields, program, by_time);
        let mut shape = StateShape::new(&plan, &state, 0, form).ok().unwrap();
        let own = known.clone().unwrap_or_else(|| StoredShape::new(&state, 0));
        shape.doubled = own.doubled();
        let fit = own.fit(&state, &shape, as_text, || Ok::<u16, Infallible>(program as u16));
        let own = match fit.unwrap_or_else(|never| match never {}) {
            Fit::Same => own,
            Fit::Refused(why, _) => panic!("{why}"),
            Fit::Migrate(migration) => {
                // What is under way stands in the store.
                let written = serde_json::to_string(&migration).unwrap();
                let migration: Migration = serde_json::from_str(&written).unwrap();
                if as_text {
                    shape.doubled = migration.shape.doubled();
                } else {
                    rows = rows.iter().map(|row| migration.row(row).unwrap()).collect();
                }
                migration.shape
            }
        };
        rows.push(stored(fields, &order, program, &shape));
        if program == CHANGES {
            for (by, bytes) in rows.iter().enumerate() {
                let row = Row::decode(&shape, &key(), bytes).ok();
                let row = row.unwrap_or_else(|| panic!("{:?} of {by}", String::from_utf8_lossy(bytes)));
                assert!(row.exists && row.carried.is_none());
                for ((at, field), cell) in order.iter().zip(&state.fields).zip(row.fields.iter()) {
                    assert_eq!(*cell, fields[*at].expected(by, &field.ty, &field.default), "{} by {by}", field.name);
                }
                for (at, own) in order.iter().zip(row.versions.iter().flatten()) {
                    let wanted = if by < fields[*at].since { FieldVersion::NEVER } else { version(*at) };
                    assert_eq!(*own, wanted);
                }
            }
        }
        known = Some(own);
    }
}

proptest! {
    #[test]
    fn rows_of_every_earlier_program_are_read_as_the_last_one_has_them(
        fields in collection::vec(field(), 1..5),
        by_time in any::<bool>(),
    ) {
        check(&fields, by_time, Form::Binary);
        check(&fields, by_time, Form::Text);
    }
}
