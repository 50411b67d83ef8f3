//! The words of the types pass for flows, steps and step functions.

use nsf_diagnostics::{Diagnostic, Location, Suggestion, codes};
use nsf_plan::Type;

use super::relation::show;

/// A function's input that no field of the record has.
pub fn unbound_input(
    location: Location,
    function: &str,
    input: &str,
    near: Option<String>,
    maker: Option<String>,
) -> Diagnostic {
    let diagnostic =
        Diagnostic::new(&codes::E0331, location, format!("`{function}` needs `{input}`, which no earlier step makes"));
    let diagnostic = match near {
        Some(near) => diagnostic.help(format!("bind it to what is meant: `{function}({input}: {near})`")),
        None => diagnostic.help(format!("bind it: `{function}({input}: …)`")),
    };
    match maker {
        Some(maker) => diagnostic.help(format!("{maker} would make it: put that step before this one")),
        None => diagnostic,
    }
}

/// A binding that the function has no input for.
pub fn unknown_input(location: Location, function: &str, input: &str, near: Option<String>) -> Diagnostic {
    let diagnostic = Diagnostic::new(&codes::E0332, location, format!("`{function}` has no input `{input}`"));
    match near {
        Some(near) => {
            let fix = Suggestion::name(location, input, &near);
            diagnostic.label(format!("did you mean `{near}`?")).suggest(fix)
        }
        None => diagnostic,
    }
}

/// A field assigned twice in one step.
pub fn assigned_twice(location: Location, name: &str, earlier: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0333, location, format!("`{name}` is assigned twice in this step"))
        .secondary(earlier, "first assigned here")
}

/// A field that gets a value of another type.
pub fn other_type(location: Location, name: &str, found: &Type, expected: &Type, made: Option<Location>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &codes::E0334,
        location,
        format!("`{name}` is {}, so it cannot become {}", show(expected), show(found)),
    )
    .help("a field keeps its type: give the new value another name");
    match made {
        Some(made) => diagnostic.secondary(made, format!("made here as {}", show(expected))),
        None => diagnostic,
    }
}

/// An operation on a state's field that its type does not take.
pub fn save_operation(location: Location, operation: &str, field: &str, ty: &Type) -> Diagnostic {
    Diagnostic::new(&codes::E0335, location, format!("`{operation}` does not work on `{field}`, which is {}", show(ty)))
}

/// A key of a state, table or dimension that no field has.
pub fn unbound_key(location: Location, target: &str, key: &str, ty: Option<&Type>, near: Option<String>) -> Diagnostic {
    let diagnostic =
        Diagnostic::new(&codes::E0336, location, format!("`{target}` is kept by `{key}`, which is not a field here"));
    let value = near.unwrap_or_else(|| "…".to_owned());
    let what = ty.map_or_else(|| "field".to_owned(), show);
    diagnostic.help(format!("say which {what} is its key: `{target}({key}: {value})`"))
}

/// A key of a state that no field has, but for one that is called nearly so.
pub fn misspelt_key(location: Location, key: &str, near: &str, saved: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0336, location, format!("the flow that uses this state has no field `{key}`"))
        .label(format!("did you mean `{near}`?"))
        .secondary(saved, "used here")
        .suggest(Suggestion::likely(format!("write `{near}`"), location, near))
}

/// A key of a row that may be null.
pub fn key_may_be_null(location: Location, key: &str, ty: &Type) -> Diagnostic {
    Diagnostic::new(&codes::E0314, location, format!("the key `{key}` may be null here: it is {}", show(ty)))
        .help(format!("check it before, `require {key} != null`, or give it another value: `({key}: {key} ?? …)`"))
}

/// A jump to a label that is not there.
pub fn unknown_label(location: Location, label: &str, labels: &[(smol_str::SmolStr, Location)]) -> Diagnostic {
    let diagnostic =
        Diagnostic::new(&codes::E0337, location, format!("no later step of this flow has the label `{label}`"));
    let later = labels.iter().filter(|(_, at)| at.span.start > location.span.start).map(|(name, _)| name.as_str());
    if let Some(near) = nsf_diagnostics::closest(label, later) {
        let fix = Suggestion::name(location, label, near);
        return diagnostic.label(format!("did you mean `{near}`?")).suggest(fix);
    }
    diagnostic
        .note("a jump goes forward only, to a step of the flow's outermost block")
        .help(format!("write `{label}:` before the step to go on at"))
}

/// A jump that would go back.
pub fn backward(location: Location, label: &str, target: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0337, location, format!("the jump to `{label}` would go back"))
        .secondary(target, "the label stands before the jump")
        .note("jumps go forward only, so that every flow ends")
}

/// A name that hides another one.
pub fn shadowing(location: Location, name: &str, what: &str, made: Option<Location>) -> Diagnostic {
    let text = format!("`{name}` hides the {what} of that name");
    let diagnostic = Diagnostic::new(&codes::W0305, location, text)
        .label(format!("the {what} cannot be read while this name is there"))
        .help("give it another name");
    match made {
        Some(made) => diagnostic.secondary(made, format!("the {what} is made here")),
        None => diagnostic,
    }
}

/// A label that no jump names.
pub fn unused_label(location: Location, label: &str) -> Diagnostic {
    Diagnostic::new(&codes::W0308, location, format!("no jump names the label `{label}`"))
        .help("jump to it, or take it out")
}

/// An input that a function of steps does not use.
pub fn unused_input(location: Location, function: &str, input: &str) -> Diagnostic {
    Diagnostic::new(&codes::W0307, location, format!("`{function}` does not use its input `{input}`"))
        .help("take it out, or begin its name with `_`")
}

/// A label that cannot stand where it does, or is there twice.
pub fn label(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0338, location, message)
}

/// A field named like something that steps name.
pub fn field_name_taken(location: Location, name: &str, what: &str, declared: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0339, location, format!("a field cannot be named `{name}`, like the {what}"))
        .secondary(declared, format!("this {what}"))
        .help("give the field another name")
}

/// `repartition` inside a block.
pub fn repartition_nested(location: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0340, location, "`repartition` may stand only at the flow's top level")
        .note("it cuts the flow in two: what is above is committed before what is below begins")
}

/// A calculate function's output that is never assigned, or an assignment that is no output.
pub fn outputs(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0341, location, message)
}

/// Streams that a flow cannot merge.
pub fn merge(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0342, location, message)
}

/// A step that names something of another kind than its keyword takes.
pub fn wrong_target(location: Location, keyword: &str, name: &str, is: &str, takes: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0343, location, format!("`{keyword}` takes {takes}, and `{name}` is a {is}"))
}

/// A clause that a step cannot have.
pub fn misplaced(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0344, location, message)
}

/// A list that is none.
pub fn not_a_list(location: Location, text: &str, ty: &Type) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &codes::E0345,
        location,
        format!("`each` goes through a list or set, and this is {}", show(ty)),
    );
    if !matches!(ty, Type::Map(..)) {
        return diagnostic;
    }
    let meant = format!("{text}.entries()");
    diagnostic.note("its entries have `key` and `value`").suggest(Suggestion::certain(
        format!("write `{meant}`"),
        location,
        meant,
    ))
}

/// A derived field without a flow, or written wrongly.
pub fn expand(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0346, location, message)
}

/// `expect` of a value that is no condition.
pub fn no_condition(location: Location, text: &str, ty: &Type) -> Diagnostic {
    Diagnostic::new(&codes::E0301, location, format!("`expect` takes a condition: `{text} == …`"))
        .label(format!("this is {}", show(ty)))
}

/// What a test says that cannot be.
pub fn test(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0701, location, message)
}
