//! Statements of bodies: checks, assignments of `calculate`, changes of a state.

use nsf_diagnostics::codes;

use super::super::habits;
use super::super::statement::{CHECKS, STEPS, is_declarer};
use super::{Meant, Statement};

pub(super) fn check(statement: &Statement<'_>) -> Vec<Meant> {
    let all = [
        assignment(statement),
        stop(statement),
        needless_word(statement),
        fields_in_brackets(statement),
        reason_of_require(statement),
        missing_when(statement),
        bare_condition(statement),
    ];
    all.into_iter().flatten().collect()
}

/// `much = amount * 2` among checks.
fn assignment(statement: &Statement<'_>) -> Option<Meant> {
    let is_assignment = statement.is_name(0) && statement.word(1) == "=";
    is_assignment.then(|| {
        let said = format!("`{}` is given a value among checks", statement.word(0));
        Meant::new(statement.place(0), said, "a check is due here")
            .help("fields get their values in a step before: `calculate { … }`")
    })
}

/// `stop when …` among checks.
fn stop(statement: &Statement<'_>) -> Option<Meant> {
    (statement.word(0) == "stop" && statement.word(1) == "when").then(|| {
        Meant::new(statement.place(0), "`stop` starts a step, and a check stands here", "no check")
            .help("a check that leaves the record out is `drop when …`; `stop` as a step keeps what was done before")
            .offer("write `drop`", vec![statement.instead(0..1, "drop")])
    })
}

/// `unique by id`, `require when …`, `require that …`.
fn needless_word(statement: &Statement<'_>) -> Option<Meant> {
    let said = match (statement.word(0), statement.word(1)) {
        ("unique", "by" | "on") => "the fields follow `unique` at once",
        ("require", "when" | "if" | "that") => "a condition follows `require` at once",
        _ => return None,
    };
    let meant = Meant::new(statement.place(1), said, "not needed");
    Some(meant.fix(format!("take `{}` out", statement.word(1)), vec![statement.without(1..2)]))
}

/// `unique (id, shop) within …`.
fn fields_in_brackets(statement: &Statement<'_>) -> Option<Meant> {
    let close = statement.partner(1).filter(|close| statement.are_names(2..*close))?;
    if statement.word(0) != "unique" || statement.word(1) != "(" {
        return None;
    }
    let said = format!("the fields stand without parentheses: `unique {}`", statement.written(2..close));
    let meant = Meant::new(statement.place(1), said, "not needed");
    Some(meant.fix("take the parentheses out", statement.without_brackets(1)?))
}

/// `require amount > 0 "nothing"`.
fn reason_of_require(statement: &Statement<'_>) -> Option<Meant> {
    let last = statement.len().checked_sub(1)?;
    let is_reason = statement.word(0) == "require" && statement.is_text(last);
    if !is_reason {
        return None;
    }
    let comma = last.checked_sub(1).filter(|before| statement.word(*before) == ",");
    let reason = statement.written(last..last + 1);
    let edits = match comma {
        Some(comma) => vec![statement.instead(comma..comma + 1, " else reject")],
        None => vec![statement.before(last, "else reject ")],
    };
    let said = format!("a `require` says its reason behind `else reject`: `… else reject {reason}`");
    Some(
        Meant::new(statement.place(last), said, "`else reject` must stand before it").fix("write `else reject`", edits),
    )
}

/// `drop amount < 1`.
fn missing_when(statement: &Statement<'_>) -> Option<Meant> {
    let word = statement.word(0);
    if !matches!(word, "drop" | "reject") || statement.word(1) == "when" || statement.is_text(1) {
        return None;
    }
    let said = format!("`when` is missing behind `{word}`");
    let meant = Meant::new(statement.place(1), said, "`when` must stand before the condition");
    Some(meant.fix("write `when`", vec![statement.before(1, "when ")]))
}

/// `amount > 1`.
fn bare_condition(statement: &Statement<'_>) -> Option<Meant> {
    let word = statement.word(0);
    let is_keyword = CHECKS.contains(&word) || STEPS.contains(&word);
    if is_keyword || habits::near(word, &CHECKS).is_some() || habits::statement(word, &CHECKS).is_some() {
        return None;
    }
    let meant = Meant::new(statement.place(0), "a condition is required by `require`", "a check is due here");
    Some(meant.fix("write `require`", vec![statement.before(0, "require ")]))
}

pub(super) fn calculate(statement: &Statement<'_>) -> Vec<Meant> {
    [declared(statement), sum(statement), result(statement)].into_iter().flatten().collect()
}

/// `var double = amount * 2`.
fn declared(statement: &Statement<'_>) -> Option<Meant> {
    let word = statement.word(0);
    if !is_declarer(word) || !statement.is_name(1) {
        return None;
    }
    let said = format!("a value that only this step needs is named by `let`, not by `{word}`");
    Some(
        Meant::new(statement.place(0), said, "`let` is meant").fix("write `let`", vec![statement.instead(0..1, "let")]),
    )
}

/// `amount += 1`.
fn sum(statement: &Statement<'_>) -> Option<Meant> {
    let (name, sign) = (statement.word(0), statement.word(1));
    let operator = sign.strip_suffix('=').filter(|operator| matches!(*operator, "+" | "-" | "*" | "/"))?;
    if !statement.is_name(0) || statement.len() < 3 {
        return None;
    }
    let mut edits = vec![statement.instead(1..2, format!("= {name} {operator}"))];
    if statement.len() > 3 {
        edits.extend([statement.before(2, "("), statement.after(statement.len() - 1, ")")]);
    }
    let said = format!("a field gets a new value by `=`: `{name} = {name} {operator} …`");
    let meant = Meant::new(statement.place(1), said, "changes the fields of a state alone");
    Some(meant.help("sums over several records are kept in a state").fix("write it so", edits))
}

/// `return amount * 50%` in a function with one output.
fn result(statement: &Statement<'_>) -> Option<Meant> {
    let output = (statement.word(0) == "return").then(|| statement.only_output())??;
    let said = format!("an output is assigned: `{output} = …`");
    let meant = Meant::new(statement.place(0), said, "nothing is returned").code(&codes::E0341);
    Some(meant.offer(format!("write `{output} =`"), vec![statement.instead(0..1, format!("{output} ="))]))
}

pub(super) fn save(statement: &Statement<'_>) -> Vec<Meant> {
    [method(statement), field_of_the_state(statement)].into_iter().flatten().collect()
}

/// `shops.add(shop)`.
fn method(statement: &Statement<'_>) -> Option<Meant> {
    let open = 3;
    let is_call = statement.is_name(0) && statement.word(1) == "." && statement.word(open) == "(";
    let close = statement.partner(open).filter(|close| is_call && close + 1 == statement.len())?;
    let (name, value) = (statement.word(0), statement.written(open + 1..close));
    let two = statement.find(open + 1, ",").filter(|comma| *comma < close);
    let form = match (statement.word(2), two) {
        ("add" | "push" | "append" | "put" | "insert", None) => format!("insert {value} into {name}"),
        ("remove" | "delete" | "discard" | "pop", None) => format!("remove {value} from {name}"),
        ("put" | "set" | "insert", Some(comma)) => {
            let (key, value) = (statement.written(open + 1..comma), statement.written(comma + 1..close));
            format!("{name}[{key}] = {value}")
        }
        _ => return None,
    };
    let said = format!("`{}` is written `{form}`", statement.written(0..statement.len()));
    let meant = Meant::new(statement.place(1), said, "a state's fields have no methods");
    Some(meant.offer(format!("write `{form}`"), vec![statement.instead(0..statement.len(), form)]))
}

/// `spending.count += 1` in `save spending { … }`.
fn field_of_the_state(statement: &Statement<'_>) -> Option<Meant> {
    let owner = statement.word(0);
    let is_own = matches!(owner, "this" | "self" | "state") || statement.enclosing_word() == owner;
    if statement.word(1) != "." || !statement.is_name(2) || !is_own {
        return None;
    }
    let said = format!("inside `save` a field stands alone: `{}`", statement.written(2..statement.len()));
    let meant = Meant::new(statement.span(0..2), said, "not needed");
    Some(meant.fix(format!("take `{owner}.` out"), vec![statement.instead(0..2, "")]))
}
