//! Choices, lists, records, maps, loaded rows, mappings, keys; damaged plans.

use super::*;

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
