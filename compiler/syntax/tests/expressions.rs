//! How expressions are put together: precedence, what may follow what, and the places of the parts.
#![allow(clippy::unwrap_used, clippy::panic)]

use nsf_diagnostics::FileId;
use nsf_syntax::ast::{
    BinaryOperator, Expr, ExprKind, Item, ItemKind, Literal, Pattern, PatternValue, RecordEntry, TextPart,
    UnaryOperator,
};
use nsf_syntax::parse;

/// The value of `const x = …`.
fn value(text: &str) -> Expr {
    let parsed = parse(FileId(0), &format!("const x = {text}"));
    assert_eq!(parsed.errors, [], "{text}");
    match parsed.file.items.into_iter().next() {
        Some(Item { kind: ItemKind::Const(item), .. }) => item.value,
        other => panic!("{text}: {other:?}"),
    }
}

fn list<'a>(items: impl IntoIterator<Item = &'a Expr>) -> String {
    items.into_iter().map(|item| format!(" {}", shown(item))).collect()
}

/// An expression with brackets around everything.
fn shown(expression: &Expr) -> String {
    match &expression.kind {
        ExprKind::Error => "ERROR".to_owned(),
        ExprKind::Name(name) => name.to_string(),
        ExprKind::Literal(Literal::Number(number)) => number.to_string(),
        ExprKind::Literal(literal) => format!("{literal:?}"),
        ExprKind::Interpolation(parts) => {
            let part = |part: &TextPart| match part {
                TextPart::Text(text) => format!(" {text:?}"),
                TextPart::Expr(inner) => format!(" {}", shown(inner)),
            };
            format!("(text{})", parts.iter().map(part).collect::<String>())
        }
        ExprKind::Unary(UnaryOperator::Negate, inner) => format!("(- {})", shown(inner)),
        ExprKind::Unary(UnaryOperator::Not, inner) => format!("(not {})", shown(inner)),
        ExprKind::Binary(operator, _, left, right) => {
            format!("({} {} {})", shown(left), operator.symbol(), shown(right))
        }
        ExprKind::Catch(left, right) => format!("({} catch {})", shown(left), shown(right)),
        ExprKind::Reject(reason) => format!("(reject {:?})", reason.value),
        ExprKind::Member { object, name, optional } => {
            format!("{}{}{}", shown(object), if *optional { "?." } else { "." }, name.text)
        }
        ExprKind::Index(object, index) => format!("{}[{}]", shown(object), shown(index)),
        ExprKind::Call { function, arguments } => {
            let argument = |argument: &nsf_syntax::ast::Argument| {
                let label = argument.label.as_ref().map_or(String::new(), |label| format!("{}:", label.text));
                format!(" {label}{}", shown(&argument.value))
            };
            format!("({}!{})", shown(function), arguments.iter().map(argument).collect::<String>())
        }
        ExprKind::If(condition, then, otherwise) => format!("(if{})", list([&**condition, &**then, &**otherwise])),
        ExprKind::Match(subject, arms) => {
            let arm = |arm: &nsf_syntax::ast::MatchArm| {
                let value = |value: &PatternValue| match value {
                    PatternValue::Single(one) => shown(one),
                    PatternValue::Range(from, to) => format!("{}..{}", shown(from), shown(to)),
                };
                let pattern = match &arm.pattern {
                    Pattern::Values(values) => values.iter().map(value).collect::<Vec<_>>().join("|"),
                    Pattern::Name(name) => name.text.to_string(),
                    Pattern::Else(_) => "else".to_owned(),
                };
                let guard = arm.guard.as_ref().map_or(String::new(), |guard| format!(" if {}", shown(guard)));
                format!(" [{pattern}{guard} => {}]", shown(&arm.value))
            };
            format!("(match {}{})", shown(subject), arms.iter().map(arm).collect::<String>())
        }
        ExprKind::Lambda(names, body) => {
            let names: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
            format!("({} => {})", names.join(","), shown(body))
        }
        ExprKind::List(items) => format!("[{}]", list(items).trim_start()),
        ExprKind::Record(entries) => {
            let entry = |entry: &RecordEntry| match entry {
                RecordEntry::Spread(inner) => format!(" ...{}", shown(inner)),
                RecordEntry::Field { name, value: None, .. } => format!(" {}", name.text),
                RecordEntry::Field { name, value: Some(value), quoted } => {
                    let quote = if *quoted { "'" } else { "" };
                    format!(" {quote}{}{quote}:{}", name.text, shown(value))
                }
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<String>().trim_start())
        }
        ExprKind::Paren(inner) => format!("<{}>", shown(inner)),
    }
}

fn reads(text: &str, expected: &str) {
    assert_eq!(shown(&value(text)), expected, "{text}");
}

#[test]
fn operators_bind_from_loosest_to_tightest() {
    reads("a or b and c", "(a or (b and c))");
    reads("not a and b", "((not a) and b)");
    reads("not a == b", "(not (a == b))");
    reads("a == b and c < d or e", "(((a == b) and (c < d)) or e)");
    reads("a in b..c + 1", "(a in (b .. (c + 1)))");
    reads("a not in b", "(a not in b)");
    reads("a not  in b and not c in d", "((a not in b) and (not (c in d)))");
    reads("a + b * c - d", "((a + (b * c)) - d)");
    reads("a / b / c % d", "(((a / b) / c) % d)");
    reads("-a + -b", "((- a) + (- b))");
    reads("-a ?? b", "(- (a ?? b))");
    reads("a * b ?? c catch d", "(a * (b ?? (c catch d)))");
    reads("a ?? b ?? c", "((a ?? b) ?? c)");
    reads("a == not b", "(a == (not b))");
    reads("- -a", "(- (- a))");
}

#[test]
fn what_stands_behind_an_operand_binds_tightest() {
    reads("-a.b?.c[1](d, e: f).g", "(- (a.b?.c[1]! d e:f).g)");
    reads("items.filter(x => x.a > 1).len()", "((items.filter! (x => (x.a > 1))).len!)");
    reads("f((a, b) => a, () => 1, by: x => x)", "(f! (a,b => a) ( => 1) by:(x => x))");
    reads("(a).b", "<a>.b");
}

#[test]
fn choices_reach_to_their_end() {
    reads("if a then b else c + 1", "(if a b (c + 1))");
    reads("if a then b else if c then d else e", "(if a b (if c d e))");
    reads("1 + if a then b else c", "(1 + (if a b c))");
    reads(
        "match x { 1 | -2 => a, 3..9 => b, n if n > 9 => c, else => d }",
        "(match x [1|(- 2) => a] [3..9 => b] [n if (n > 9) => c] [else => d])",
    );
}

#[test]
fn literals_have_their_values() {
    reads("[80%, 1_000, 0x1F, 2e-3, 1.5]", "[80% 1_000 0x1F 2e-3 1.5]");
    reads("80 % 3", "(80 % 3)");
    reads("80%(3)", "(80 % <3>)");
    reads("1h30min", "Duration(5400000)");
    reads("@2023-05-20T23:30Z", "Timestamp(1684625400000)");
    reads("@1970-01-02", "Date(1)");
    reads(r#""a\n\t\"\{\}\\\u{1F600}""#, "Text(\"a\\n\\t\\\"{}\\\\😀\")");
    reads(r##"r#"a"\n"#"##, "RawText(\"a\\\"\\\\n\")");
    reads(r#""a {b + "c {d}"} e""#, r#"(text "a " (b + (text "c " d)) " e")"#);
    reads("{ a, b: 1, \"c-d\": e, ...r }", "{a b:1 'c-d':e ...r}");
}

#[test]
fn places_are_those_of_the_file_without_blanks_and_comments_behind() {
    let text = "\u{feff}const x = 班级 + // one\r\n  f(a , b ) // two\r\n";
    let parsed = parse(FileId(0), text);
    assert_eq!(parsed.errors, []);
    let item = &parsed.file.items[0];
    assert_eq!(item.span.text(text), "const x = 班级 + // one\r\n  f(a , b )");
    let ItemKind::Const(constant) = &item.kind else { panic!("{item:?}") };
    let ExprKind::Binary(BinaryOperator::Add, sign, left, right) = &constant.value.kind else { panic!("{constant:?}") };
    assert_eq!([left.span.text(text), sign.text(text), right.span.text(text)], ["班级", "+", "f(a , b )"]);
}

#[test]
fn a_reject_at_the_end_belongs_to_the_whole_right_side() {
    let text = "calculate f(a: int64) -> (b: int64) { b = a / 2 + 1 catch reject \"no\" }";
    let parsed = parse(FileId(0), text);
    assert_eq!(parsed.errors, []);
    let ItemKind::StepFunction(function) = &parsed.file.items[0].kind else { panic!() };
    let nsf_syntax::ast::StepFunctionBody::Calculate(statements) = &function.body else { panic!() };
    assert_eq!(shown(&statements[0].value), "(((a / 2) + 1) catch (reject \"no\"))");
}

#[test]
fn what_is_within_the_limit_of_nesting_is_read() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{ a: ", "}"), ("f(", ")")] {
        let text = format!("const x = {}1{}", open.repeat(250), close.repeat(250));
        assert_eq!(parse(FileId(0), &text).errors, [], "{open}");
    }
    let blocks = format!("flow f from a {{ {}stop{} }}", "when x { ".repeat(250), " }".repeat(250));
    assert_eq!(parse(FileId(0), &blocks).errors, []);
    let types = format!("type T = {}int32{}", "list<".repeat(250), ">".repeat(250));
    assert_eq!(parse(FileId(0), &types).errors, []);
    let records = format!("type T = {}int32{}", "{ a: ".repeat(250), " }".repeat(250));
    assert_eq!(parse(FileId(0), &records).errors, []);
}

#[test]
fn nesting_has_a_limit_that_is_one_mistake() {
    let sum = vec!["1"; 300].join(" + ");
    assert_eq!(parse(FileId(0), &format!("const x = {sum}")).errors, []);
    for text in [
        vec!["1"; 5_000].join(" + "),
        format!("{}1", "not ".repeat(5_000)),
        format!("{}1", "- ".repeat(5_000)),
        format!("a{}", ".b".repeat(5_000)),
        format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("{}1", "if a then b else ".repeat(1_000)),
    ] {
        let parsed = parse(FileId(0), &format!("const x = {text}\nconst y = )"));
        let codes: Vec<&str> = parsed.errors.iter().map(|error| error.kind.code().id).collect();
        assert_eq!(codes, ["E0116", "E0104"], "{}", &text[..20]);
    }
}

#[test]
fn a_sign_that_is_wrong_in_itself_is_one_mistake() {
    let codes =
        |text: &str| -> Vec<&str> { parse(FileId(0), text).errors.iter().map(|error| error.kind.code().id).collect() };
    assert_eq!(codes(r#"const x = f("{\"a\": 1, \"b\": 2}")"#), ["E0105"]);
    assert_eq!(codes("type T = { 1a: int64 }"), ["E0110"]);
    let parsed = nsf_syntax::parse_bytes(FileId(0), b"const x = n \xff== 1");
    let codes: Vec<&str> = parsed.errors.iter().map(|error| error.kind.code().id).collect();
    assert_eq!(codes, ["E0124"]);
}
