//! Types as other languages write them.

use super::{Meant, Statement};
use crate::grammar::Rule;

/// What SQL calls the types that have a length or a number of digits.
const SIZED: [(&str, &str); 12] = [
    ("varchar", "text"),
    ("nvarchar", "text"),
    ("char", "text"),
    ("character", "text"),
    ("text", "text"),
    ("string", "text"),
    ("decimal", "decimal"),
    ("numeric", "decimal"),
    ("number", "decimal"),
    ("bigint", "int64"),
    ("timestamp", "timestamp"),
    ("datetime", "timestamp"),
];

/// Types wherever they stand.
pub(super) fn types(statement: &Statement<'_>) -> Vec<Meant> {
    let all = [list(statement), null(statement), sized(statement), missing_colon(statement)];
    all.into_iter().flatten().collect()
}

/// `text[]` and `[text]`.
fn list(statement: &Statement<'_>) -> Option<Meant> {
    let open = statement.at;
    if statement.word(open) != "[" {
        return None;
    }
    let close = statement.partner(open)?;
    let meant = |element: &str| {
        Meant::new(statement.place(open), format!("a list is written `list<{element}>`"), "no type has brackets")
    };
    if close == open + 1 {
        let first = type_before(statement, open)?;
        let element = statement.written(first..open);
        let edits = vec![statement.before(first, "list<"), statement.instead(open..close + 1, ">")];
        return Some(meant(&element).fix(format!("write `list<{element}>`"), edits));
    }
    let element = statement.written(open + 1..close);
    let edits = vec![statement.instead(open..open + 1, "list<"), statement.instead(close..close + 1, ">")];
    let is_type = statement.expects(Rule::name) && !statement.expects(Rule::numeral);
    is_type.then(|| meant(&element).fix(format!("write `list<{element}>`"), edits))
}

/// Where the type begins that ends before `end`.
fn type_before(statement: &Statement<'_>, end: usize) -> Option<usize> {
    let last = end.checked_sub(1)?;
    if statement.is_name(last) {
        return Some(last);
    }
    let mut depth = 0_usize;
    for at in (0..=last).rev() {
        match statement.word(at) {
            ">" => depth += 1,
            "<" if depth == 1 => return at.checked_sub(1),
            "<" => depth = depth.checked_sub(1)?,
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// `text | null`.
fn null(statement: &Statement<'_>) -> Option<Meant> {
    let at = statement.at;
    let is_null = matches!(statement.word(at + 1), "null" | "NULL" | "None" | "nil" | "undefined");
    if statement.word(at) != "|" || !is_null {
        return None;
    }
    let ty = statement.written(type_before(statement, at)?..at);
    let (rest, _) = statement.without_from(at..at + 2);
    let said = format!("a type that takes null is written `{ty}?`");
    let meant = Meant::new(statement.place(at), said, "no type is one of two");
    Some(meant.fix(format!("write `{ty}?`"), vec![(rest, "?".to_owned())]))
}

/// `decimal(10, 2)`, `varchar(20)`.
fn sized(statement: &Statement<'_>) -> Option<Meant> {
    let open = statement.at;
    let name = open.checked_sub(1)?;
    if statement.word(open) != "(" {
        return None;
    }
    let close = statement.partner(open)?;
    let is_size = |index: usize| statement.is_number(index) || statement.word(index) == ",";
    let written = statement.word(name).to_ascii_lowercase();
    let (_, ty) = SIZED.iter().find(|(known, _)| *known == written)?;
    if open + 1 == close || !(open + 1..close).all(is_size) {
        return None;
    }
    let said = match *ty {
        "decimal" => "`decimal` has no number of digits, it keeps 28".to_owned(),
        "text" => "`text` has no length".to_owned(),
        ty => format!("`{ty}` has no size"),
    };
    let edits = vec![statement.instead(name..close + 1, *ty)];
    Some(Meant::new(statement.place(open), said, "no type has a size").fix(format!("write `{ty}`"), edits))
}

/// A name and what it is, without the colon between them.
fn missing_colon(statement: &Statement<'_>) -> Option<Meant> {
    let at = statement.at;
    let name = at.checked_sub(1)?;
    if !statement.expects(Rule::colon) || !statement.is_word(at) || !statement.is_name(name) {
        return None;
    }
    let said = format!("`:` is missing behind `{}`", statement.word(name));
    let meant = Meant::new(statement.place(at), said, "`:` must stand before it");
    Some(meant.fix("write `:`", vec![statement.after(name, ":")]))
}
