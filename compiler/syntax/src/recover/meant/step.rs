//! Steps.

use nsf_diagnostics::codes;

use super::super::statement::{CHECKS, STEPS, is_declarer};
use super::{Meant, Statement};

/// Whether a word names a connector.
pub(super) fn is_connector(word: &str) -> bool {
    matches!(word, "kafka" | "redis" | "redis_stream" | "mysql" | "file" | "stdin" | "stdout" | "webhook")
}

pub(super) fn step(statement: &Statement<'_>) -> Vec<Meant> {
    let all = match statement.word(0) {
        "expand" => {
            vec![key_of_delete(statement), bare_topic(statement), expand_to(statement), key_of_fields(statement)]
        }
        "save" | "load" => vec![topic_for_state(statement)],
        "verify" => vec![checks_without_braces(statement)],
        "calculate" => vec![renamed_result(statement), assignment_without_braces(statement)],
        "when" => vec![jump_behind_condition(statement)],
        "stop" => vec![reason_of_stop(statement)],
        "repartition" => vec![repartition_by(statement)],
        _ => vec![
            loaded_into_name(statement),
            declared(statement),
            filter(statement),
            deleted(statement),
            join(statement),
            breaks(statement),
            printed(statement),
            label_alone(statement),
        ],
    };
    all.into_iter().flatten().chain(arrow(statement)).collect()
}

/// `product = load products(…)`.
fn loaded_into_name(statement: &Statement<'_>) -> Option<Meant> {
    let name = usize::from(declares(statement.word(0)));
    let load = name + 2;
    if !statement.is_name(name) || statement.word(name + 1) != "=" || statement.word(load) != "load" {
        return None;
    }
    let written = statement.word(name);
    let mut edits = vec![statement.without(0..load)];
    if statement.word(load + 1) != written {
        let end = statement.find(load, "else").unwrap_or(statement.len());
        edits.push(statement.after(end - 1, format!(" as {written}")));
    }
    let said = format!("a row gets another name by `as`: `load … as {written}`");
    Some(Meant::new(statement.place(name + 1), said, "a step has no result").fix("write it so", edits))
}

fn declares(word: &str) -> bool {
    word == "let" || is_declarer(word)
}

/// `let much = amount * 2`.
fn declared(statement: &Statement<'_>) -> Option<Meant> {
    let word = statement.word(0);
    if !declares(word) || !statement.is_name(1) || statement.word(2) != "=" {
        return None;
    }
    let said = format!("a step does not start with `{word}`");
    let edits = vec![statement.instead(0..1, "calculate {"), statement.after(statement.len() - 1, " }")];
    let meant = Meant::new(statement.place(0), said, "fields get their values in `calculate { … }`");
    Some(meant.code(&codes::E0107).offer("write a `calculate` step", edits))
}

/// `filter amount > 1`.
fn filter(statement: &Statement<'_>) -> Option<Meant> {
    let word = statement.word(0);
    if !matches!(word, "filter" | "where" | "having" | "WHERE") || statement.len() < 2 {
        return None;
    }
    let said = format!("a step does not start with `{word}`");
    let edits = vec![statement.instead(0..1, "verify { require"), statement.after(statement.len() - 1, " }")];
    let meant = Meant::new(statement.place(0), said, "records are kept or left out in `verify { … }`");
    Some(meant.code(&codes::E0107).offer("write a `verify` step", edits))
}

/// `delete buyer`, `delete spending`.
fn deleted(statement: &Statement<'_>) -> Option<Meant> {
    let word = statement.word(0);
    if !matches!(word, "delete" | "remove") || !statement.is_name(1) {
        return None;
    }
    let name = statement.word(1);
    if statement.declares("state", name) {
        let said = format!("a state's value is deleted by `save {name} {{ delete }}`");
        let edits = vec![statement.instead(0..1, "save"), statement.after(statement.len() - 1, " { delete }")];
        let meant = Meant::new(statement.place(0), said, format!("no step starts with `{word}`"));
        return Some(meant.code(&codes::E0107).offer("write it so", edits));
    }
    let said = format!("a row is deleted by `expand delete {name}`");
    let meant = Meant::new(statement.place(0), said, format!("no step starts with `{word}`")).code(&codes::E0107);
    let edits = vec![statement.instead(0..1, "expand delete")];
    Some(if statement.declares("dimension", name) {
        meant.fix("write it so", edits)
    } else {
        meant.help(format!("a state's value is deleted by `save {name} {{ delete }}`")).offer("write it so", edits)
    })
}

/// `join products on sku = id`: a record without a row is left out.
fn join(statement: &Statement<'_>) -> Option<Meant> {
    let is_join = statement.word(0).eq_ignore_ascii_case("join");
    let target = statement.word(1);
    if !is_join || !statement.is_name(1) || !statement.word(2).eq_ignore_ascii_case("on") {
        return None;
    }
    let sign = (3..statement.len()).find(|at| matches!(statement.word(*at), "=" | "=="))?;
    let is_of_target = |at: usize| statement.word(at) == target && statement.word(at + 1) == ".";
    let (key, value) = if is_of_target(sign + 1) && sign + 4 == statement.len() {
        (sign + 3, 3..sign)
    } else {
        let key = if is_of_target(3) { 5 } else { 3 };
        (key, sign + 1..statement.len())
    };
    let form = format!("load {target}({}: {}) else drop", statement.word(key), statement.written(value));
    let meant =
        Meant::new(statement.place(0), format!("a row is joined by `load`: `{form}`"), "a step does not start with it");
    let edits = vec![statement.instead(0..statement.len(), form)];
    Some(meant.code(&codes::E0107).help("without `else` a row that is missing is null").offer("write it so", edits))
}

/// `break`.
fn breaks(statement: &Statement<'_>) -> Option<Meant> {
    (statement.word(0) == "break" && statement.len() == 1).then(|| {
        Meant::new(statement.place(0), "a step does not start with `break`", "no step")
            .code(&codes::E0107)
            .help("in `each`, `stop` ends the one element, and the next follows; to leave the others, too, jump to a label behind the block: `jump done`")
    })
}

/// `print(amount)`, `log("late", at)`.
fn printed(statement: &Statement<'_>) -> Option<Meant> {
    let word = statement.word(0);
    if !matches!(word, "print" | "println" | "printf" | "log" | "debug" | "echo") || statement.word(1) != "(" {
        return None;
    }
    statement.partner(1).filter(|close| close + 1 == statement.len())?;
    let said = format!("a step does not start with `{word}`");
    let meant = Meant::new(statement.place(0), said, "`expand stdout { … }` writes a record to the output");
    let meant = meant.code(&codes::E0107);
    let last = statement.len() - 1;
    let entries = match (statement.is_name(2), last) {
        (true, 3) => statement.written(2..3).to_owned(),
        (_, 2) => return Some(meant),
        _ if (2..last).any(|at| statement.word(at) == ",") => return Some(meant),
        _ => format!("value: {}", statement.written(2..last)),
    };
    let form = format!("expand stdout {{ {entries} }}");
    Some(meant.offer(format!("write `{form}`"), vec![statement.instead(0..statement.len(), form.as_str())]))
}

/// `done:` behind which no step follows.
fn label_alone(statement: &Statement<'_>) -> Option<Meant> {
    if statement.len() != 2 || !statement.is_name(0) || statement.word(1) != ":" {
        return None;
    }
    let said = format!("a label stands before a step: `{}: stop`", statement.word(0));
    let meant = Meant::new(statement.place(1), said, "a step must follow").code(&codes::E0102);
    Some(meant.fix("write `stop`", vec![statement.after(1, " stop")]))
}

/// `expand delete buyer { customer: visitor }`, `expand delete buyer { city }`.
fn key_of_delete(statement: &Statement<'_>) -> Option<Meant> {
    let open = 3;
    let close = statement.partner(open).filter(|close| close + 1 == statement.len())?;
    if statement.word(1) != "delete" || !statement.is_name(2) || statement.word(open) != "{" {
        return None;
    }
    let (name, inside) = (statement.word(2), statement.written(open + 1..close));
    if statement.word(open + 2) == ":" {
        let said = format!("the key stands in parentheses: `expand delete {name}({inside})`");
        let (from, _) = statement.without_from(open..close + 1);
        let meant = Meant::new(statement.place(open), said, "`delete` takes no fields");
        return Some(meant.fix("write it so", vec![(from, format!("({inside})"))]));
    }
    let said =
        format!("`expand delete` deletes the whole row; fields are cleared by `expand reset {name} {{ {inside} }}`");
    let meant = Meant::new(statement.place(open), said, "`delete` takes no fields");
    Some(meant.offer("write `reset`", vec![statement.instead(1..2, "reset")]))
}

/// `expand "topic" { … }`.
fn bare_topic(statement: &Statement<'_>) -> Option<Meant> {
    statement.is_text(1).then(|| super::test::topic(statement, 1))
}

/// `expand to kafka("t") { … }`.
fn expand_to(statement: &Statement<'_>) -> Option<Meant> {
    let word = statement.word(1);
    if !matches!(word, "to" | "into") || !statement.is_name(2) {
        return None;
    }
    let meant = Meant::new(statement.place(1), "the target follows `expand` at once", "not needed");
    Some(meant.fix(format!("take `{word}` out"), vec![statement.without(1..2)]))
}

/// `key: (customer, shop)`.
fn key_of_fields(statement: &Statement<'_>) -> Option<Meant> {
    let key = (2..statement.len()).find(|at| statement.word(*at) == "key" && statement.word(at + 1) == ":")?;
    let open = key + 2;
    let close = statement.partner(open).filter(|close| statement.are_names(open + 1..*close))?;
    let names: Vec<&str> = (open + 1..close).step_by(2).map(|at| statement.word(at)).collect();
    if names.len() < 2 || !matches!(statement.word(open), "(" | "[") {
        return None;
    }
    let text = format!("\"{{{}}}\"", names.join("}/{"));
    let meant = Meant::new(statement.span(open..close + 1), format!("a key is one value: `{text}`"), "several values");
    Some(meant.offer(format!("write `{text}`"), vec![statement.instead(open..close + 1, text)]))
}

/// `load kafka("t")`, `save kafka("t") { … }`.
fn topic_for_state(statement: &Statement<'_>) -> Option<Meant> {
    if !is_connector(statement.word(1)) || statement.word(2) != "(" {
        return None;
    }
    if statement.word(0) == "save" {
        let said = "`save` changes a state; to a topic is sent by `expand`";
        let meant = Meant::new(statement.place(1), said, "no state").code(&codes::E0343);
        return Some(meant.fix("write `expand`", vec![statement.instead(0..1, "expand")]));
    }
    let said = "`load` takes a state, table or dimension; a topic is read by a `source`";
    let meant = Meant::new(statement.place(1), said, "no state, table or dimension").code(&codes::E0343);
    Some(meant.help("rows that are looked up by their key come from a `table`"))
}

/// `verify require amount > 1`, `verify amount > 1`.
fn checks_without_braces(statement: &Statement<'_>) -> Option<Meant> {
    let is_check = CHECKS.contains(&statement.word(1));
    let require = if is_check { "" } else { "require " };
    if statement.len() < 3 || statement.word(1) == "{" {
        return None;
    }
    let edits = vec![statement.before(1, format!("{{ {require}")), statement.after(statement.len() - 1, " }")];
    let written = statement.written(1..statement.len());
    let said = format!("checks stand in braces: `verify {{ {require}{written} }}`");
    Some(Meant::new(statement.place(1), said, "`{` must stand before it").fix("put braces around it", edits))
}

/// `calculate cost = fees`.
fn renamed_result(statement: &Statement<'_>) -> Option<Meant> {
    if !statement.is_name(1) || statement.word(2) != "=" || !statement.is_name(3) {
        return None;
    }
    let (name, function) = (statement.word(1), statement.word(3));
    let head = statement.declaration("calculate", function)?.split('{').next()?;
    let (_, outputs) = head.split_once("->")?;
    let output = outputs.trim_start().strip_prefix('(')?.split(':').next()?.trim();
    if outputs.contains(',') || output.is_empty() {
        return None;
    }
    let form = format!("calculate {} -> ({output}: {name})", statement.written(3..statement.len()));
    let edits = vec![statement.instead(0..statement.len(), form.clone())];
    let said = format!("a result gets another name by `->`: `{form}`");
    Some(Meant::new(statement.place(2), said, "a step has no result").offer("write it so", edits))
}

/// `calculate cost = amount * 2`.
fn assignment_without_braces(statement: &Statement<'_>) -> Option<Meant> {
    if !statement.is_name(1) || statement.word(2) != "=" {
        return None;
    }
    let edits = vec![statement.before(1, "{ "), statement.after(statement.len() - 1, " }")];
    let said = format!("fields get their values in braces: `calculate {{ {} = … }}`", statement.word(1));
    Some(Meant::new(statement.place(1), said, "`{` must stand before it").fix("put braces around it", edits))
}

/// `when amount < 1 jump done`.
fn jump_behind_condition(statement: &Statement<'_>) -> Option<Meant> {
    let jump = (2..statement.len()).find(|at| matches!(statement.word(*at), "jump" | "stop"))?;
    let (condition, step) = (statement.written(1..jump), statement.written(jump..statement.len()));
    let form = format!("{step} when {condition}");
    let edits = vec![statement.instead(0..statement.len(), form.clone())];
    let said = format!("the condition stands behind: `{form}`");
    Some(Meant::new(statement.place(jump), said, "`when` follows it").fix("write it so", edits))
}

/// `stop when amount < 1 "too little"`.
fn reason_of_stop(statement: &Statement<'_>) -> Option<Meant> {
    let last = statement.len().checked_sub(1)?;
    if statement.at != last || !statement.is_text(last) || last < 3 {
        return None;
    }
    let rest = statement.written(1..statement.len());
    let said = "`stop` has no reason: what was done before it stands";
    let meant = Meant::new(statement.place(last), said, "a reason");
    Some(meant.help(format!("what is left out for a reason is a check: `verify {{ drop {rest} }}`")))
}

/// `repartition by (shop)`, `repartition shop`, `repartition by truncate(at, 1d)`.
fn repartition_by(statement: &Statement<'_>) -> Option<Meant> {
    if statement.word(1) != "by" {
        let names = statement.written(1..statement.len());
        let said = format!("`by` is missing behind `repartition`: `repartition by {names}`");
        let meant = Meant::new(statement.place(1), said, "`by` must stand before it");
        return Some(meant.fix("write `by`", vec![statement.before(1, "by ")]));
    }
    let rest = 2..statement.len();
    let close = statement.partner(2).filter(|close| close + 1 == statement.len());
    if let Some(close) = close.filter(|close| statement.word(2) == "(" && statement.are_names(3..*close)) {
        let names = statement.written(3..close);
        let said = format!("the fields stand without parentheses: `repartition by {names}`");
        let meant = Meant::new(statement.place(2), said, "not needed");
        return Some(meant.fix("take the parentheses out", statement.without_brackets(2)?));
    }
    let written = statement.written(rest.clone());
    let is_value = statement.at > 2 && statement.word(3) != ",";
    is_value.then(|| {
        Meant::new(statement.span(rest), "`repartition by` takes fields, not a value that is computed", "no field")
            .help(format!("compute it before and name it: `calculate {{ … = {written} }}`"))
    })
}

/// `verify plausible -> calculate fees`.
fn arrow(statement: &Statement<'_>) -> Option<Meant> {
    let at = statement.at;
    let is_sign = matches!(statement.word(at), "->" | "=>" | "|" | ">");
    (is_sign && STEPS.contains(&statement.word(at + 1))).then(|| {
        let said = "steps follow one another without a sign, each on a line of its own";
        Meant::new(statement.place(at), said, "not needed")
    })
}

/// Where the block of an `each` begins, its head is wrong.
pub(super) fn each_head(statement: &Statement<'_>) -> Vec<Meant> {
    [head_in_brackets(statement), other_in(statement)].into_iter().flatten().collect()
}

/// `each (line in lines) {`.
fn head_in_brackets(statement: &Statement<'_>) -> Option<Meant> {
    let close = statement.partner(1).filter(|close| statement.word(1) == "(" && close + 2 == statement.len())?;
    let said = format!("`each {}`, without parentheses", statement.written(2..close));
    let meant = Meant::new(statement.place(1), said, "not needed");
    Some(meant.fix("take the parentheses out", statement.without_brackets(1)?))
}

/// `each line of lines {`.
fn other_in(statement: &Statement<'_>) -> Option<Meant> {
    let word = statement.word(2);
    if !statement.is_name(1) || !matches!(word, "of" | ":" | "from" | "<-") {
        return None;
    }
    let said = format!("`{word}` stands where `in` belongs");
    let blank = if word == ":" { " " } else { "" };
    let edits = vec![statement.instead(2..3, format!("{blank}in"))];
    Some(Meant::new(statement.place(2), said, "`in` is meant").fix("write `in`", edits))
}

/// A member that an expand writes.
pub(super) fn member(statement: &Statement<'_>) -> Vec<Meant> {
    let at = statement.at;
    if at == 0 || at >= statement.len() {
        return Vec::new();
    }
    let is_chain = |index: usize| {
        if index.is_multiple_of(2) { statement.is_name(index) } else { matches!(statement.word(index), "." | "?.") }
    };
    let written = statement.written(0..statement.len());
    if statement.len() % 2 == 1 && (0..statement.len()).all(is_chain) {
        let name = statement.word(statement.len() - 1);
        let said = format!("a member has a name: `{name}: {written}`");
        let meant = Meant::new(statement.place(at), said, "not a name alone");
        return vec![meant.fix(format!("name it `{name}`"), vec![statement.before(0, format!("{name}: "))])];
    }
    let Some(name) = (0..statement.len()).find(|at| statement.is_name(*at)).map(|at| statement.word(at)) else {
        return Vec::new();
    };
    let said = format!("a value that is computed has a name: `{name}: {written}`");
    let meant = Meant::new(statement.place(at), said, "a value, not a name");
    vec![meant.offer(format!("name it `{name}`"), vec![statement.before(0, format!("{name}: "))])]
}
