//! What expressions give, table by table: values, nulls and faults.

use std::collections::BTreeMap;

use bumpalo::Bump;
use nsf_plan::{
    BinaryOperator as Op, Expr, ExprKind, HandleId, IntegerWidth, Literal, Mapping, MappingElse, MappingId, MatchArm,
    Origin, Pattern, Plan, PlanVersion, Slot, SlotId, Type,
};

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

const ORIGIN: Option<Origin> = Some(Origin { file: 0, line: 7 });

pub(super) fn expr(kind: ExprKind, ty: Type) -> Expr {
    Expr { kind, ty, origin: ORIGIN }
}

pub(super) fn lit(literal: Literal, ty: Type) -> Expr {
    expr(ExprKind::Literal(literal), ty)
}

pub(super) fn int(value: i64) -> Expr {
    lit(Literal::Integer(value), Type::INT64)
}

fn float(value: f64) -> Expr {
    lit(Literal::Float(value), Type::Float64)
}

fn text(value: &str) -> Expr {
    lit(Literal::Text(value.into()), Type::Text)
}

fn decimal(value: &str) -> Expr {
    lit(Literal::Decimal(value.parse().unwrap()), Type::Decimal)
}

fn span(value: i64) -> Expr {
    lit(Literal::Integer(value), Type::Duration)
}

fn null(ty: Type) -> Expr {
    lit(Literal::Null, ty.nullable())
}

fn slot(index: u32, ty: Type) -> Expr {
    expr(ExprKind::Slot(SlotId(index)), ty)
}

fn bin(op: Op, left: Expr, right: Expr, ty: Type) -> Expr {
    expr(ExprKind::Binary(op, Box::new(left), Box::new(right)), ty)
}

fn widen(inner: Expr, ty: Type) -> Expr {
    expr(ExprKind::Widen(Box::new(inner)), ty)
}

fn narrow(width: IntegerWidth, value: i64) -> Expr {
    lit(Literal::Integer(value), Type::Integer(width))
}

fn list(items: Vec<Expr>, item: Type) -> Expr {
    expr(ExprKind::List(items), Type::List(Box::new(item)))
}

/// The slots of every test: 0 int64, 1 text, 2 float64?, 3 int32?, 4 text?, 5 list<int64>, 6 uint64, 7 bool, 8 map<text, int64>,
/// then scratch: 9 int64, 10 text, 11 decimal?.
fn slots() -> Vec<Slot> {
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
struct Row(Vec<Cell>);

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
    frame.set_now(1_684_627_200_000);
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
    wide_frame.set_now(frame.now());
    let to = SlotId(slots.len() as u32);
    let run = wide_scope.assignment(to, expression).unwrap();
    let done = run.run(&Context { frame: &wide_frame, arena: &arena, rows: &rows });
    assert_eq!(by_value, shown(done.map(|()| wide_frame.get(wide_layout.place(to).unwrap()))));
    by_value
}

fn check(cases: Vec<(Expr, &str)>) {
    for (expression, wanted) in cases {
        assert_eq!(value(&expression), wanted, "{:?}", expression.kind);
    }
}

#[test]
fn integers_are_checked_against_their_width() {
    let i8 = Type::Integer(IntegerWidth::Int8);
    let u64_type = Type::Integer(IntegerWidth::UInt64);
    let most = lit(Literal::Unsigned(u64::MAX), u64_type.clone());
    let one = lit(Literal::Integer(1), u64_type.clone());
    check(vec![
        (bin(Op::Add, slot(0, Type::INT64), int(8), Type::INT64), "50"),
        (bin(Op::Subtract, int(8), slot(0, Type::INT64), Type::INT64), "-34"),
        (bin(Op::Multiply, slot(0, Type::INT64), slot(0, Type::INT64), Type::INT64), "1764"),
        (bin(Op::Remainder, int(-7), int(3), Type::INT64), "-1"),
        (bin(Op::Remainder, int(i64::MIN), int(-1), Type::INT64), "0"),
        (
            bin(Op::Add, int(i64::MAX), int(1), Type::INT64),
            "R0203: `9223372036854775807 + 1` is outside int64, which holds -9223372036854775808 to 9223372036854775807",
        ),
        (
            bin(Op::Add, narrow(IntegerWidth::Int8, 100), narrow(IntegerWidth::Int8, 28), i8.clone()),
            "R0203: `100 + 28` is outside int8, which holds -128 to 127",
        ),
        (
            bin(Op::Subtract, one.clone(), most.clone(), u64_type.clone()),
            "R0203: `1 - 18446744073709551615` is outside uint64, which holds 0 to 18446744073709551615",
        ),
        (bin(Op::Subtract, slot(6, u64_type.clone()), one.clone(), u64_type.clone()), "18446744073709551614"),
        (
            bin(Op::Remainder, int(1), bin(Op::Subtract, slot(0, Type::INT64), int(42), Type::INT64), Type::INT64),
            "R0202: `1 % 0` divides by zero",
        ),
        (
            expr(ExprKind::Negate(Box::new(int(i64::MIN))), Type::INT64),
            "R0203: `0 - -9223372036854775808` is outside int64, which holds -9223372036854775808 to 9223372036854775807",
        ),
        (bin(Op::Greater, most, one, Type::Bool), "true"),
        (widen(narrow(IntegerWidth::UInt8, 200), Type::INT64), "200"),
        (bin(Op::Divide, int(7), int(2), Type::Float64), "3.5"),
        (bin(Op::Divide, int(7), int(0), Type::Float64), "R0202: `7 / 0` divides by zero"),
        (expr(ExprKind::Now, Type::Timestamp), "\"2023-05-21T00:00:00Z\""),
    ]);
}

#[test]
fn floats_never_become_infinite_or_nan() {
    let single = lit(Literal::Float(f64::from(3e38_f32)), Type::Float32);
    check(vec![
        (bin(Op::Add, float(0.1), float(0.2), Type::Float64), "0.30000000000000004"),
        (
            bin(Op::Multiply, float(1e308), float(10.0), Type::Float64),
            &format!("R0203: `{} * 10` is too large for a float64", 1e308),
        ),
        (bin(Op::Divide, float(1.0), float(0.0), Type::Float64), "R0202: `1 / 0` divides by zero"),
        (bin(Op::Divide, float(0.0), float(-0.0), Type::Float64), "R0202: `0 / 0` divides by zero"),
        (
            bin(Op::Add, single.clone(), single, Type::Float32),
            &format!("R0203: `{0} + {0}` is too large for a float32", f64::from(3e38_f32)),
        ),
        (bin(Op::Equal, float(0.0), float(-0.0), Type::Bool), "true"),
        (expr(ExprKind::Negate(Box::new(float(1.5))), Type::Float64), "-1.5"),
    ]);
}

#[test]
fn durations_scale_with_rounding_half_to_even() {
    let at = lit(Literal::Integer(1_000), Type::Timestamp);
    check(vec![
        (bin(Op::Multiply, span(5), float(0.5), Type::Duration), "2"),
        (bin(Op::Multiply, float(0.5), span(7), Type::Duration), "4"),
        (bin(Op::Multiply, span(3_600_000), float(0.8), Type::Duration), "2880000"),
        (bin(Op::Divide, span(5), int(2), Type::Duration), "2"),
        (bin(Op::Divide, span(-7), int(2), Type::Duration), "-4"),
        (bin(Op::Divide, span(5), int(0), Type::Duration), "R0202: `5ms / 0` divides by zero"),
        (bin(Op::Multiply, span(15), decimal("0.1"), Type::Duration), "2"),
        (
            bin(Op::Multiply, span(i64::MAX), int(2), Type::Duration),
            "R0203: `106751991167d7h12min55s807ms * 2` is too large for a duration",
        ),
        (
            bin(Op::Multiply, span(i64::MAX), float(1e3), Type::Duration),
            "R0203: `106751991167d7h12min55s807ms * 1000` is too large for a duration",
        ),
        (bin(Op::Divide, span(90_000), span(60_000), Type::Float64), "1.5"),
        (bin(Op::Subtract, at.clone(), at.clone(), Type::Duration), "0"),
        (bin(Op::Add, at, span(500), Type::Timestamp), "\"1970-01-01T00:00:01.500Z\""),
    ]);
}

#[test]
fn decimals_are_exact() {
    check(vec![
        (bin(Op::Add, decimal("0.1"), decimal("0.2"), Type::Decimal), "0.3"),
        (bin(Op::Multiply, decimal("12.50"), widen(int(2), Type::Decimal), Type::Decimal), "25.00"),
        (bin(Op::Divide, decimal("1"), decimal("0"), Type::Decimal), "R0202: `1 / 0` divides by zero"),
        (
            bin(Op::Multiply, decimal("79228162514264337593543950335"), decimal("10"), Type::Decimal),
            "R0203: `79228162514264337593543950335 * 10` is too large for a decimal",
        ),
        (bin(Op::Equal, decimal("1.0"), decimal("1.00"), Type::Bool), "true"),
        (bin(Op::Less, decimal("-1.5"), decimal("1"), Type::Bool), "true"),
        (expr(ExprKind::Negate(Box::new(decimal("1.5"))), Type::Decimal), "-1.5"),
    ]);
}

#[test]
fn comparisons_and_logic_hold_for_every_kind() {
    let yes = || lit(Literal::Bool(true), Type::Bool);
    let fails = || bin(Op::Equal, bin(Op::Remainder, int(1), int(0), Type::INT64), int(0), Type::Bool);
    let eq = |left: Expr, right: Expr| bin(Op::Equal, left, right, Type::Bool);
    check(vec![
        (bin(Op::Less, text("ab"), text("b"), Type::Bool), "true"),
        (bin(Op::GreaterEqual, slot(1, Type::Text), text("abc"), Type::Bool), "true"),
        (bin(Op::NotEqual, slot(1, Type::Text), text("x"), Type::Bool), "true"),
        (bin(Op::Equal, slot(7, Type::Bool), yes(), Type::Bool), "true"),
        (bin(Op::LessEqual, slot(0, Type::INT64), int(41), Type::Bool), "false"),
        (expr(ExprKind::Not(Box::new(slot(7, Type::Bool))), Type::Bool), "false"),
        (bin(Op::Or, yes(), fails(), Type::Bool), "true"),
        (bin(Op::And, expr(ExprKind::Not(Box::new(yes())), Type::Bool), fails(), Type::Bool), "false"),
        (bin(Op::And, yes(), fails(), Type::Bool), "R0202: `1 % 0` divides by zero"),
        (bin(Op::Or, eq(slot(1, Type::Text), text("x")), eq(slot(1, Type::Text), text("abc")), Type::Bool), "true"),
        (bin(Op::Or, eq(slot(1, Type::Text), text("x")), eq(slot(1, Type::Text), text("y")), Type::Bool), "false"),
        (bin(Op::Or, eq(slot(1, Type::Text), text("x")), eq(slot(10, Type::Text), text("")), Type::Bool), "true"),
        (
            bin(
                Op::Equal,
                list(vec![int(7), int(8)], Type::INT64),
                slot(5, Type::List(Box::new(Type::INT64))),
                Type::Bool,
            ),
            "true",
        ),
    ]);
}

#[test]
fn in_looks_into_lists_maps_ranges_and_texts() {
    let ints = Type::List(Box::new(Type::INT64));
    let map = Type::Map(Box::new(Type::Text), Box::new(Type::INT64));
    let many: Vec<Expr> = (0..20).map(int).collect();
    let texts: Vec<Expr> = ["a", "b", "c", "d", "e", "f", "g", "abc"].map(text).into();
    let range = |low, high| bin(Op::Range, int(low), int(high), ints.clone());
    let loaded = |field, ty: &Type| expr(ExprKind::Loaded(HandleId(0), field), ty.clone());
    check(vec![
        (bin(Op::In, slot(0, Type::INT64), range(1, 42), Type::Bool), "true"),
        (bin(Op::NotIn, slot(0, Type::INT64), range(43, 50), Type::Bool), "true"),
        (bin(Op::In, slot(0, Type::INT64), list(many.clone(), Type::INT64), Type::Bool), "false"),
        (bin(Op::NotIn, slot(0, Type::INT64), list(vec![int(1), int(42)], Type::INT64), Type::Bool), "false"),
        (bin(Op::In, slot(1, Type::Text), list(texts.clone(), Type::Text), Type::Bool), "true"),
        (bin(Op::In, slot(1, Type::Text), list(texts[..2].to_vec(), Type::Text), Type::Bool), "false"),
        (bin(Op::In, int(8), slot(5, ints.clone()), Type::Bool), "true"),
        (bin(Op::In, text("k"), slot(8, map.clone()), Type::Bool), "true"),
        (bin(Op::In, text("bc"), slot(1, Type::Text), Type::Bool), "true"),
        (bin(Op::In, text("b"), loaded(2, &map), Type::Bool), "true"),
        (bin(Op::In, int(5), loaded(3, &ints), Type::Bool), "true"),
        (bin(Op::NotIn, text("z"), loaded(2, &map), Type::Bool), "true"),
        (
            bin(
                Op::In,
                slot(3, Type::Integer(IntegerWidth::Int32).nullable()),
                list(
                    vec![widen(narrow(IntegerWidth::Int32, 3), Type::Integer(IntegerWidth::Int32).nullable())],
                    Type::Integer(IntegerWidth::Int32).nullable(),
                ),
                Type::Bool,
            ),
            "true",
        ),
    ]);
}

#[test]
fn nulls_are_kept_apart_from_values() {
    let optional = Type::Integer(IntegerWidth::Int32).nullable();
    let is_null = |inner: Expr| expr(ExprKind::IsNull(Box::new(inner)), Type::Bool);
    let coalesce =
        |first: Expr, second: Expr, ty: Type| expr(ExprKind::Coalesce(Box::new(first), Box::new(second)), ty);
    let non_null = |inner: Expr, ty: Type| expr(ExprKind::NonNull(Box::new(inner)), ty);
    let int32 = Type::Integer(IntegerWidth::Int32);
    let reject = |ty: Type| expr(ExprKind::Reject("no score".into()), ty);
    check(vec![
        (slot(2, Type::Float64.nullable()), "null"),
        (slot(3, optional.clone()), "3"),
        (is_null(slot(2, Type::Float64.nullable())), "true"),
        (is_null(slot(3, optional.clone())), "false"),
        (bin(Op::Equal, slot(4, Type::Text.nullable()), null(Type::Text), Type::Bool), "true"),
        (bin(Op::NotEqual, null(Type::Text), slot(4, Type::Text.nullable()), Type::Bool), "false"),
        (
            bin(
                Op::Equal,
                slot(3, optional.clone()),
                widen(narrow(IntegerWidth::Int32, 3), optional.clone()),
                Type::Bool,
            ),
            "true",
        ),
        (bin(Op::Equal, slot(4, Type::Text.nullable()), text("x"), Type::Bool), "false"),
        (coalesce(slot(2, Type::Float64.nullable()), float(1.5), Type::Float64), "1.5"),
        (coalesce(slot(3, optional.clone()), narrow(IntegerWidth::Int32, 9), int32.clone()), "3"),
        (
            coalesce(slot(2, Type::Float64.nullable()), slot(2, Type::Float64.nullable()), Type::Float64.nullable()),
            "null",
        ),
        (coalesce(slot(4, Type::Text.nullable()), reject(Type::Text), Type::Text), "R0301: no score"),
        (coalesce(slot(11, Type::Decimal.nullable()), decimal("1"), Type::Decimal), "1"),
        (
            bin(
                Op::Add,
                non_null(slot(3, optional.clone()), int32.clone()),
                narrow(IntegerWidth::Int32, 1),
                int32.clone(),
            ),
            "4",
        ),
        (widen(int(5), Type::INT64.nullable()), "5"),
        (null(Type::Text), "null"),
        (
            expr(
                ExprKind::If(
                    Box::new(slot(7, Type::Bool)),
                    Box::new(null(Type::INT64)),
                    Box::new(widen(int(1), Type::INT64.nullable())),
                ),
                Type::INT64.nullable(),
            ),
            "null",
        ),
    ]);
}

#[test]
fn catch_takes_failures_but_not_written_rejections() {
    let catch = |first: Expr, second: Expr, ty: Type| expr(ExprKind::Catch(Box::new(first), Box::new(second)), ty);
    let fails = || bin(Op::Divide, int(1), int(0), Type::Float64);
    let reject = |ty: Type| expr(ExprKind::Reject("why".into()), ty);
    check(vec![
        (catch(fails(), float(-1.0), Type::Float64), "-1.0"),
        (catch(float(2.0), fails(), Type::Float64), "2.0"),
        (catch(fails(), reject(Type::Float64), Type::Float64), "R0301: why"),
        (catch(reject(Type::Float64), float(1.0), Type::Float64), "R0301: why"),
        (
            expr(
                ExprKind::If(Box::new(slot(7, Type::Bool)), Box::new(text("yes")), Box::new(reject(Type::Text))),
                Type::Text,
            ),
            "\"yes\"",
        ),
    ]);
}

fn arm(patterns: Vec<Pattern>, guard: Option<Expr>, value: Expr) -> MatchArm {
    MatchArm { patterns, guard, value }
}

fn is(literal: Literal) -> Pattern {
    Pattern { low: literal, high: None }
}

fn matched(subject: Expr, slot_index: u32, arms: Vec<MatchArm>, ty: Type) -> Expr {
    let body = expr(ExprKind::Match(SlotId(slot_index), arms), ty.clone());
    expr(ExprKind::Let(SlotId(slot_index), Box::new(subject), Box::new(body)), ty)
}

#[test]
fn match_takes_the_first_arm_that_holds() {
    let grade = |subject: i64| {
        let arms = vec![
            arm(vec![is(Literal::Integer(1)), is(Literal::Integer(2))], None, text("low")),
            arm(vec![Pattern { low: Literal::Integer(3), high: Some(Literal::Integer(9)) }], None, text("mid")),
            arm(Vec::new(), Some(bin(Op::Greater, slot(9, Type::INT64), int(99), Type::Bool)), text("huge")),
            arm(Vec::new(), None, text("high")),
        ];
        matched(int(subject), 9, arms, Type::Text)
    };
    let table = |subject: &str| {
        let mut arms: Vec<MatchArm> =
            (0..10).map(|at| arm(vec![is(Literal::Text(format!("k{at}")))], None, int(at))).collect();
        arms.push(arm(Vec::new(), None, int(-1)));
        matched(text(subject), 10, arms, Type::INT64)
    };
    let whole = |subject: i64| {
        let arms = (0..8).map(|at| arm(vec![is(Literal::Integer(at))], None, int(at * 10))).collect();
        matched(int(subject), 9, arms, Type::INT64)
    };
    let decimals = vec![
        arm(
            vec![Pattern {
                low: Literal::Decimal("0.5".parse().unwrap()),
                high: Some(Literal::Decimal("1.5".parse().unwrap())),
            }],
            None,
            int(1),
        ),
        arm(Vec::new(), None, int(2)),
    ];
    check(vec![
        (grade(2), "\"low\""),
        (grade(9), "\"mid\""),
        (grade(10), "\"high\""),
        (grade(100), "\"huge\""),
        (table("k7"), "7"),
        (table("k"), "-1"),
        (whole(7), "70"),
        (whole(8), "R0205: no arm of the `match` holds the value"),
        (matched(widen(decimal("1.50"), Type::Decimal.nullable()), 11, decimals, Type::INT64), "1"),
    ]);
}

#[test]
fn lists_records_maps_and_their_parts() {
    let ints = Type::List(Box::new(Type::INT64));
    let record = Type::Record(vec![("a b".into(), Type::INT64), ("t".into(), Type::Text.nullable())]);
    let made =
        expr(ExprKind::Record(vec![slot(0, Type::INT64), widen(text("x\"y"), Type::Text.nullable())]), record.clone());
    let field = |object: Expr, index: u32, ty: Type| expr(ExprKind::Field(Box::new(object), index), ty);
    let index = |list: Expr, at: Expr, ty: Type| expr(ExprKind::Index(Box::new(list), Box::new(at)), ty);
    let map = Type::Map(Box::new(Type::Text), Box::new(Type::INT64));
    let set = expr(ExprKind::List(vec![int(2), int(1), int(2)]), Type::Set(Box::new(Type::INT64)));
    check(vec![
        (made.clone(), r#"{"a b":42,"t":"x\"y"}"#),
        (field(made.clone(), 0, Type::INT64), "42"),
        (field(null(record), 1, Type::Text.nullable()), "null"),
        (index(slot(5, ints.clone()), int(1), Type::INT64), "8"),
        (
            index(slot(5, ints.clone()), int(2), Type::INT64),
            "R0204: `[2]` is outside a list of 2 elements; the first is `[0]`",
        ),
        (
            index(slot(5, ints.clone()), int(-1), Type::INT64),
            "R0204: `[-1]` is outside a list of 2 elements; the first is `[0]`",
        ),
        (index(slot(8, map.clone()), text("k"), Type::INT64.nullable()), "1"),
        (index(slot(8, map), text("z"), Type::INT64.nullable()), "null"),
        (bin(Op::Add, slot(5, ints.clone()), list(vec![int(9)], Type::INT64), ints.clone()), "[7,8,9]"),
        (bin(Op::Range, int(-1), int(1), ints.clone()), "[-1,0,1]"),
        (bin(Op::Range, int(1), int(0), ints.clone()), "[]"),
        (
            bin(Op::Range, int(i64::MIN), int(i64::MAX), ints),
            "R0901: `-9223372036854775808..9223372036854775807` has 18446744073709551616 elements; a range may have 1000000",
        ),
        (set, "[1,2]"),
        (expr(ExprKind::Join(vec![text("a"), slot(1, Type::Text), text("班")]), Type::Text), "\"aabc班\""),
        (bin(Op::Add, slot(1, Type::Text), text("!"), Type::Text), "\"abc!\""),
    ]);
}

#[test]
fn loaded_rows_are_read_where_they_lie() {
    let entry = Type::Record(vec![("n".into(), Type::INT64)]);
    let map = Type::Map(Box::new(Type::Text), Box::new(entry.clone()));
    let loaded = |handle, field, ty: &Type| expr(ExprKind::Loaded(HandleId(handle), field), ty.clone());
    let at =
        |key: &str| expr(ExprKind::Index(Box::new(loaded(0, 2, &map)), Box::new(text(key))), entry.clone().nullable());
    let n = |key: &str| expr(ExprKind::Field(Box::new(at(key)), 0), Type::INT64.nullable());
    let ints = Type::List(Box::new(Type::INT64));
    let item = |at| expr(ExprKind::Index(Box::new(loaded(0, 3, &ints)), Box::new(int(at))), Type::INT64);
    check(vec![
        (bin(Op::Add, loaded(0, 0, &Type::INT64), int(2), Type::INT64), "42"),
        (loaded(0, 1, &Type::Text.nullable()), "null"),
        (loaded(0, 2, &map), r#"{"a":{"n":1},"b":{"n":2}}"#),
        (at("b"), r#"{"n":2}"#),
        (n("b"), "2"),
        (n("z"), "null"),
        (item(1), "6"),
        (item(2), "R0204: `[2]` is outside a list of 2 elements; the first is `[0]`"),
        (loaded(1, 0, &Type::INT64.nullable()), "null"),
        (loaded(1, 0, &Type::INT64), "R0102: a value that may not be null is null"),
        (expr(ExprKind::Exists(HandleId(0)), Type::Bool), "true"),
        (expr(ExprKind::Exists(HandleId(1)), Type::Bool), "false"),
        (expr(ExprKind::IsNull(Box::new(n("z"))), Type::Bool), "true"),
        (expr(ExprKind::Coalesce(Box::new(n("z")), Box::new(int(9))), Type::INT64), "9"),
    ]);
}

#[test]
fn mappings_convert_keep_default_or_reject() {
    let int32 = Type::Integer(IntegerWidth::Int32);
    let map = |id, value: i64, ty: Type| {
        expr(ExprKind::Mapping(MappingId(id), Box::new(narrow(IntegerWidth::Int32, value))), ty)
    };
    let of_null = expr(ExprKind::Mapping(MappingId(0), Box::new(null(int32))), Type::Text.nullable());
    check(vec![
        (map(0, 1, Type::Text), "\"已提交\""),
        (map(0, 7, Type::Text), "\"7\""),
        (map(1, 7, Type::Text), "R0201: the mapping `homework_state` has no arm for `7`"),
        (map(2, 7, Type::Text), "\"?\""),
        (of_null, "null"),
    ]);
}

#[test]
fn keys_refuse_null_and_are_the_bytes_of_their_values() {
    let slots = slots();
    let layout = Layout::new(&slots);
    let plan = plan();
    let scope = Scope { plan: &plan, slots: &slots, layout: &layout, handles: &[] };
    let arena = Bump::new();
    let frame = Frame::new(&layout);
    let context = Context { frame: &frame, arena: &arena, rows: &crate::frame::NoRows };
    frame.set(layout.place(SlotId(0)).unwrap(), Value::Integer(-5));
    frame.set(layout.place(SlotId(1)).unwrap(), Value::Text("a\0b"));
    let key = scope.key(&[slot(0, Type::INT64), slot(1, Type::Text), decimal("1.5")]).unwrap();
    let (mut ours, mut wanted) = (Vec::new(), Vec::new());
    key.write(&context, &mut ours).unwrap();
    for value in [Value::Integer(-5), Value::Text("a\0b"), Value::Decimal("1.5".parse().unwrap())] {
        crate::encode::key::write_part(value, &mut wanted);
    }
    assert_eq!(ours, wanted);
    let null = scope.key(&[int(1), slot(4, Type::Text.nullable())]).unwrap();
    let fault = null.write(&context, &mut ours).unwrap_err();
    assert_eq!((fault.code.id(), &*fault.message), ("R0303", "part 2 of the key is null"));
}

#[test]
fn a_damaged_plan_is_an_error_and_not_a_panic() {
    let slots = slots();
    let layout = Layout::new(&slots);
    let plan = plan();
    let scope = Scope { plan: &plan, slots: &slots, layout: &layout, handles: &[] };
    for expression in [
        slot(99, Type::INT64),
        slot(1, Type::INT64),
        expr(text("x").kind, Type::INT64),
        bin(Op::And, int(1), int(2), Type::INT64),
        expr(ExprKind::Mapping(MappingId(9), Box::new(int(1))), Type::Text),
        expr(ExprKind::Call("no_such(int64)".into(), vec![int(1)]), Type::INT64),
        expr(ExprKind::Lambda(vec![SlotId(9)], Box::new(int(1))), Type::INT64),
        expr(ExprKind::Match(SlotId(99), Vec::new()), Type::INT64),
    ] {
        assert!(scope.integer(&expression).is_err(), "{expression:?}");
    }
}
