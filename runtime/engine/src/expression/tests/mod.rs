//! What expressions give, table by table: values, nulls and faults.

use std::collections::BTreeMap;

use bumpalo::Bump;
use nsf_plan::{
    BinaryOperator as Op, Expr, ExprKind, HandleId, IntegerWidth, Literal, Mapping, MappingElse, MappingId, MatchArm,
    Origin, Pattern, Plan, PlanVersion, Slot, SlotId, Type,
};

mod compound;
mod scalars;

use super::*;
use crate::{
    encode::json::{write_cell, write_value},
    frame::{Layout, Rows},
};

pub(super) fn plan() -> Plan {
    let arms = vec![
        (Literal::Integer(0), Literal::Text("未提交".into())),
        (Literal::Integer(1), Literal::Text("已提交".into())),
    ];
    let mapping = |otherwise| Mapping {
        name: "homework_state".into(),
        from: Type::Integer(IntegerWidth::Int32),
        to: Type::Text,
        pairs: arms.clone(),
        otherwise,
    };
    Plan {
        version: PlanVersion::CURRENT,
        name: String::new(),
        files: Vec::new(),
        tenants: Vec::new(),
        mappings: vec![
            mapping(MappingElse::Keep),
            mapping(MappingElse::Reject),
            mapping(MappingElse::Value(Literal::Text("?".into()))),
        ],
        topics: Vec::new(),
        sources: Vec::new(),
        ingests: Vec::new(),
        tables: Vec::new(),
        states: Vec::new(),
        spaces: Vec::new(),
        primaries: Vec::new(),
        dimensions: Vec::new(),
        subscriptions: Vec::new(),
        pipelines: Vec::new(),
        monitors: Vec::new(),
    }
}

pub(super) const ORIGIN: Option<Origin> = Some(Origin { file: 0, line: 7 });

pub(super) fn expr(kind: ExprKind, ty: Type) -> Expr {
    Expr { kind, ty, origin: ORIGIN }
}

pub(super) fn lit(literal: Literal, ty: Type) -> Expr {
    expr(ExprKind::Literal(literal), ty)
}

pub(super) fn int(value: i64) -> Expr {
    lit(Literal::Integer(value), Type::INT64)
}

pub(super) fn float(value: f64) -> Expr {
    lit(Literal::Float(value), Type::Float64)
}

pub(super) fn text(value: &str) -> Expr {
    lit(Literal::Text(value.into()), Type::Text)
}

pub(super) fn decimal(value: &str) -> Expr {
    lit(Literal::Decimal(value.parse().unwrap()), Type::Decimal)
}

pub(super) fn span(value: i64) -> Expr {
    lit(Literal::Integer(value), Type::Duration)
}

pub(super) fn null(ty: Type) -> Expr {
    lit(Literal::Null, ty.nullable())
}

pub(super) fn slot(index: u32, ty: Type) -> Expr {
    expr(ExprKind::Slot(SlotId(index)), ty)
}

pub(super) fn bin(op: Op, left: Expr, right: Expr, ty: Type) -> Expr {
    expr(ExprKind::Binary(op, Box::new(left), Box::new(right)), ty)
}

pub(super) fn widen(inner: Expr, ty: Type) -> Expr {
    expr(ExprKind::Widen(Box::new(inner)), ty)
}

pub(super) fn narrow(width: IntegerWidth, value: i64) -> Expr {
    lit(Literal::Integer(value), Type::Integer(width))
}

pub(super) fn list(items: Vec<Expr>, item: Type) -> Expr {
    expr(ExprKind::List(items), Type::List(Box::new(item)))
}

/// The slots of every test: 0 int64, 1 text, 2 float64?, 3 int32?, 4 text?, 5 list<int64>, 6 uint64, 7 bool, 8 map<text, int64>,
/// then scratch: 9 int64, 10 text, 11 decimal?.
pub(super) fn slots() -> Vec<Slot> {
    let map = Type::Map(Box::new(Type::Text), Box::new(Type::INT64));
    [
        Type::INT64,
        Type::Text,
        Type::Float64.nullable(),
        Type::Integer(IntegerWidth::Int32).nullable(),
        Type::Text.nullable(),
        Type::List(Box::new(Type::INT64)),
        Type::Integer(IntegerWidth::UInt64),
        Type::Bool,
        map,
        Type::INT64,
        Type::Text,
        Type::Decimal.nullable(),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, ty)| Slot { name: format!("s{index}"), ty })
    .collect()
}

/// One loaded row, `HandleId(0)`: total int64, name text?, by map<text, { n: int64 }>, list<int64>; `HandleId(1)` is missing.
pub(super) struct Row(Vec<Cell>);

impl Row {
    fn new() -> Self {
        let by: BTreeMap<Cell, Cell> = [("a", 1), ("b", 2)]
            .map(|(key, n)| (Cell::Text(key.into()), Cell::Record(Box::new([Cell::Integer(n)]))))
            .into();
        Self(vec![Cell::Integer(40), Cell::Null, Cell::Map(by), Cell::List(vec![Cell::Integer(5), Cell::Integer(6)])])
    }
}

impl Rows for Row {
    fn fields(&self, handle: HandleId) -> Option<&[Cell]> {
        (handle.0 == 0).then_some(&self.0)
    }

    fn exists(&self, handle: HandleId) -> bool {
        handle.0 == 0
    }
}

/// Evaluates an expression in every way that it can be compiled; all must agree. Gives JSON or `CODE: message`.
pub(super) fn value(expression: &Expr) -> String {
    let slots = slots();
    let layout = Layout::new(&slots);
    let plan = plan();
    let scope = Scope { plan: &plan, slots: &slots, layout: &layout, handles: &[] };
    let arena = Bump::new();
    let frame = Frame::new(&layout);
    let rows = Row::new();
    let context = Context { frame: &frame, arena: &arena, rows: &rows };
    frame.begin(1_684_627_200_000);
    let items = [Value::Integer(7), Value::Integer(8)];
    let pairs = [(Value::Text("k"), Value::Integer(1))];
    for (index, value) in [
        Value::Integer(42),
        Value::Text("abc"),
        Value::Null,
        Value::Integer(3),
        Value::Null,
        Value::List(&items),
        Value::Unsigned(u64::MAX),
        Value::Bool(true),
        Value::Map(&pairs),
    ]
    .into_iter()
    .enumerate()
    {
        frame.set(layout.place(SlotId(index as u32)).unwrap(), value);
    }
    let ty = &expression.ty;
    let shown = |value: Fallible<Value<'_>>| match value {
        Ok(value) => {
            let mut out = Vec::new();
            write_value(ty, value, &mut out);
            String::from_utf8(out).unwrap()
        }
        Err(fault) => {
            assert!(fault.origin == ORIGIN, "a fault has its place: {fault:?}");
            format!("{}: {}", fault.code.id(), fault.message)
        }
    };
    let by_value = shown(scope.any_value(expression).unwrap().value(&context));
    let by_cell = match scope.any_cell(expression).unwrap().cell(&context) {
        Ok(cell) => {
            let mut out = Vec::new();
            write_cell(ty, &cell, &mut out);
            String::from_utf8(out).unwrap()
        }
        Err(fault) => format!("{}: {}", fault.code.id(), fault.message),
    };
    assert_eq!(by_value, by_cell);
    let mut out = Vec::new();
    let by_message = match scope.message(expression).unwrap().write(&context, &mut out) {
        Ok(()) => String::from_utf8(out).unwrap(),
        Err(fault) => format!("{}: {}", fault.code.id(), fault.message),
    };
    assert_eq!(by_value, by_message);
    if *ty == Type::Bool {
        let held = scope.condition(expression).unwrap().holds(&context);
        assert_eq!(by_value, shown(held.map(Value::Bool)));
    }
    // Into a slot of the same type and out again.
    let target = [Slot { name: "to".into(), ty: ty.clone() }];
    let wide: Vec<Slot> = slots.iter().cloned().chain(target).collect();
    let wide_layout = Layout::new(&wide);
    let wide_scope = Scope { plan: &plan, slots: &wide, layout: &wide_layout, handles: &[] };
    let wide_frame = Frame::new(&wide_layout);
    for index in 0..slots.len() as u32 {
        wide_frame.copy_slot(wide_layout.place(SlotId(index)).unwrap(), &frame, layout.place(SlotId(index)).unwrap());
    }
    wide_frame.begin(frame.now());
    let to = SlotId(slots.len() as u32);
    let run = wide_scope.assignment(to, expression).unwrap();
    let done = run.run(&Context { frame: &wide_frame, arena: &arena, rows: &rows });
    assert_eq!(by_value, shown(done.map(|()| wide_frame.get(wide_layout.place(to).unwrap()))));
    by_value
}

pub(super) fn check(cases: Vec<(Expr, &str)>) {
    for (expression, wanted) in cases {
        assert_eq!(value(&expression), wanted, "{:?}", expression.kind);
    }
}
