//! Settings, fields, arms of mappings.

use nsf_diagnostics::Span;

use super::super::statement::is_setting_of_field;
use super::{Edit, Meant, Statement};
use crate::token::TokenKind;

/// The settings whose value is a block without a colon.
pub(crate) const BLOCKS: [&str; 3] = ["record", "value", "map"];

pub(super) fn setting(statement: &Statement<'_>) -> Vec<Meant> {
    names_in_brackets(statement).into_iter().collect()
}

/// `key: (id, shop)`.
fn names_in_brackets(statement: &Statement<'_>) -> Option<Meant> {
    let open = 2;
    if statement.word(1) != ":" || statement.word(open) != "(" {
        return None;
    }
    let close = statement.partner(open).filter(|close| statement.are_names(open + 1..*close))?;
    let names = statement.written(open + 1..close);
    let said = format!("the names stand without parentheses: `{}: {names}`", statement.word(0));
    let meant = Meant::new(statement.place(open), said, "not needed");
    Some(meant.fix("take the parentheses out", statement.without_brackets(open)?))
}

/// `record: { … }`: the colon taken out, and the commas between the fields.
pub(crate) fn colon_before_block(name: &str, colon: Span, commas: Vec<Span>) -> Meant {
    let said = format!("no `:` stands between `{name}` and its `{{`");
    let taken_out = |span: Span| (span, String::new());
    let edits: Vec<Edit> = [colon].into_iter().chain(commas).map(taken_out).collect();
    Meant::new(colon, said, "a block follows the name at once").fix("take the colon out", edits)
}

pub(super) fn field(statement: &Statement<'_>) -> Vec<Meant> {
    default_with_colon(statement).into_iter().collect()
}

/// `count: 0` for `count: int64 = 0`.
fn default_with_colon(statement: &Statement<'_>) -> Option<Meant> {
    if statement.at != 2 || statement.word(1) != ":" || statement.len() != 3 {
        return None;
    }
    let (name, value) = (statement.word(0), statement.word(2));
    let ty = match statement.kind(2)? {
        TokenKind::Text | TokenKind::RawText => "text",
        TokenKind::Word if matches!(value, "true" | "false") => "bool",
        TokenKind::Number if value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') => "int64",
        TokenKind::Number if value.ends_with(|last: char| last.is_ascii_digit() || last == '%') => "decimal",
        TokenKind::Number => "duration",
        _ => return None,
    };
    let said = format!("`{name}` has a default and no type: `{name}: {ty} = {value}`");
    let meant = Meant::new(statement.place(2), said, "a type is due here; a default follows it behind `=`");
    Some(meant.offer(format!("write `{name}: {ty} = {value}`"), vec![statement.before(2, format!("{ty} = "))]))
}

pub(super) fn dimension_field(statement: &Statement<'_>) -> Vec<Meant> {
    [label_before_number(statement), settings_without_braces(statement), default_of_field(statement)]
        .into_iter()
        .flatten()
        .collect()
}

/// `trips: int64 = 0` of a dimension.
fn default_of_field(statement: &Statement<'_>) -> Option<Meant> {
    let sign = statement.at;
    if statement.word(sign) != "=" || sign + 1 >= statement.len() {
        return None;
    }
    let value = statement.written(sign + 1..statement.len());
    let settings = format!("{{ empty: {value} }}");
    let said = "a field of a dimension has no default: rows without a value have none";
    let meant = Meant::new(statement.place(sign), said, "no default stands here");
    let edits = vec![statement.instead(sign..statement.len(), settings.clone())];
    Some(
        meant
            .help(format!("what readers get while there is no value is said by `{settings}`"))
            .offer(format!("write `{settings}`"), edits),
    )
}

/// `"A driver" #1053` and `derived "Trips"`: the parts of a field or item have an order.
pub(super) fn label_before_number(statement: &Statement<'_>) -> Option<Meant> {
    let at = statement.at;
    let before = at.checked_sub(1)?;
    let (first, second) = (statement.written(before..before + 1), statement.written(at..at + 1));
    let edits = vec![statement.instead(before..at, second.clone()), statement.instead(at..at + 1, first.clone())];
    if statement.is_text(before) && statement.kind(at) == Some(TokenKind::FieldNumber) {
        let said = format!("the number stands before the label: `{second} {first}`");
        return Some(Meant::new(statement.place(before), said, "stands behind the number").fix("swap them", edits));
    }
    if first == "derived" && statement.is_text(at) {
        let said = format!("the label stands before `derived`: `{second} derived`");
        return Some(Meant::new(statement.place(at), said, "stands before `derived`").fix("swap them", edits));
    }
    None
}

/// `#100001 empty: 0` for `#100001 { empty: 0 }`.
fn settings_without_braces(statement: &Statement<'_>) -> Option<Meant> {
    let at = (3..statement.len()).find(|at| is_setting_of_field(statement.word(*at)))?;
    if statement.word(at + 1) != ":" {
        return None;
    }
    let rest = at..statement.len();
    let said = format!("settings of a field stand in braces: `{{ {} }}`", statement.written(rest.clone()));
    let edits = vec![statement.before(at, "{ "), statement.after(statement.len() - 1, " }")];
    let meant = Meant::new(statement.span(rest), said, "`{` and `}` must stand around it");
    Some(meant.fix("put braces around it", edits))
}

pub(super) fn assignment(statement: &Statement<'_>) -> Vec<Meant> {
    arrow(statement).into_iter().collect()
}

/// `product_name -> title` for `title = product_name`.
fn arrow(statement: &Statement<'_>) -> Option<Meant> {
    let arrow = statement.find(0, "->").or_else(|| statement.find(0, "=>"))?;
    if arrow == 0 || !statement.is_name(arrow + 1) {
        return None;
    }
    let (value, field) = (statement.written(0..arrow), statement.written(arrow + 1..statement.len()));
    let said = format!("the field stands first, then where it comes from: `{field} = {value}`");
    let edits = vec![statement.instead(0..statement.len(), format!("{field} = {value}"))];
    Some(Meant::new(statement.place(arrow), said, "a member is mapped by `=`").fix("write it so", edits))
}

pub(super) fn mapping_arm(statement: &Statement<'_>) -> Vec<Meant> {
    [other_values(statement), reason_of_else(statement), colon_in_arm(statement)].into_iter().flatten().collect()
}

/// `false: "open"` and `false = "open"`.
fn colon_in_arm(statement: &Statement<'_>) -> Option<Meant> {
    let sign = (1..statement.len()).find(|at| matches!(statement.word(*at), ":" | "="))?;
    let said = format!("`{}` stands where `=>` belongs", statement.word(sign));
    let blank = if statement.place(sign - 1).end == statement.place(sign).start { " " } else { "" };
    let edits = vec![statement.instead(sign..sign + 1, format!("{blank}=>"))];
    Some(Meant::new(statement.place(sign), said, "`=>` is meant").fix("write `=>`", edits))
}

/// `_ => "other"`, `default => "other"`.
fn other_values(statement: &Statement<'_>) -> Option<Meant> {
    let is_rest = matches!(statement.word(0), "_" | "*" | "default" | "otherwise" | "other" | "others" | "ELSE");
    if !is_rest || !matches!(statement.word(1), "=>" | "->" | ":") {
        return None;
    }
    let value = statement.written(2..statement.len());
    let said = format!("other values stand behind `else`: `else => {value}`");
    let edits = vec![statement.instead(0..2, "else =>")];
    Some(Meant::new(statement.place(0), said, "`else` is meant").fix("write `else`", edits))
}

/// `else reject "why"`.
fn reason_of_else(statement: &Statement<'_>) -> Option<Meant> {
    let action = statement.word(1);
    if statement.word(0) != "else" || !matches!(action, "reject" | "keep") || !statement.is_text(2) {
        return None;
    }
    let said = format!("`else {action}` of a mapping has no reason");
    let meant = Meant::new(statement.place(2), said, "leave it out");
    Some(meant.fix("take it out", vec![statement.without_from(2..3)]))
}
