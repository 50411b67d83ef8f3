//! Numbers, times, comparisons, nulls and faults.

use super::*;

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
            "R0203: `-(-9223372036854775808)` is outside int64, which holds -9223372036854775808 to 9223372036854775807",
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
        (bin(Op::Multiply, float(1e308), float(10.0), Type::Float64), "R0203: `1e308 * 10` is too large for a float64"),
        (bin(Op::Divide, float(1.0), float(0.0), Type::Float64), "R0202: `1 / 0` divides by zero"),
        (bin(Op::Divide, float(0.0), float(-0.0), Type::Float64), "R0202: `0 / 0` divides by zero"),
        (
            bin(Op::Add, single.clone(), single, Type::Float32),
            &format!("R0203: `{0:e} + {0:e}` is too large for a float32", f64::from(3e38_f32)),
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
