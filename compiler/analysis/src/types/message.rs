//! The words of the types pass for expressions: one constructor a mistake, taking its facts.

use nsf_diagnostics::{Diagnostic, Location, Suggestion, codes};
use nsf_plan::{Literal, Type};

use super::relation::show;
use super::unfolding::{MOST, TooMuch};

/// A value of one type where another is due.
pub fn mismatch(location: Location, found: &Type, expected: &Type) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &codes::E0301,
        location,
        format!("{} is expected here, but this is {}", show(expected), show(found)),
    )
    .label(format!("this is {}", show(found)));
    match conversion(found, expected) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// A value of another type in quotes, which make a text of it.
pub fn quoted(location: Location, expected: &Type, meant: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0301, location, format!("{} stands without quotes", show(expected)))
        .label("this is a `text`")
        .suggest(Suggestion::certain(format!("write `{meant}`"), location, meant))
}

fn conversion(found: &Type, expected: &Type) -> Option<String> {
    if found.is_nullable() && !expected.is_nullable() && found.non_null() == expected {
        return Some("give a value for null with `??`, or check it with `require … != null` before".to_owned());
    }
    let simple = matches!(
        expected.non_null(),
        Type::Integer(_) | Type::Float32 | Type::Float64 | Type::Decimal | Type::Text | Type::Bool
    );
    let scalar = !matches!(found.non_null(), Type::List(_) | Type::Map(..) | Type::Set(_) | Type::Record(_));
    (simple && scalar && !found.is_nullable())
        .then(|| format!("nothing is converted silently: write `{}(…)`", expected.non_null()))
}

/// A value that may be null where none may be. Only fields and what is loaded are known not to be null once they are tested.
pub fn may_be_null(location: Location, text: &str, ty: &Type) -> Diagnostic {
    if text == "null" {
        return Diagnostic::new(
            &codes::E0302,
            location,
            format!("{} is due here, which is never null", show(ty.non_null())),
        )
        .label("this is null")
        .help(format!("give another value, or declare what gets it as {}", show(ty)));
    }
    let is_place = text.chars().all(|own| own.is_alphanumeric() || own == '_' || own == '.');
    let help = if is_place && *ty.non_null() != Type::Json {
        format!("give a value for null with `{text} ?? …`, or check it with `require {text} != null` before")
    } else {
        format!("give a value for null: `({text} ?? …)`")
    };
    let diagnostic = Diagnostic::new(&codes::E0302, location, format!("`{text}` may be null here"))
        .label(format!("this is {}", show(ty)));
    let default = match ty.non_null() {
        ty if super::relation::is_number(ty) => "0",
        Type::Text => "\"\"",
        _ => return diagnostic.help(help),
    };
    if is_place {
        return diagnostic.help(help);
    }
    let meant = format!("({text} ?? {default})");
    diagnostic.suggest(Suggestion::likely(format!("write `{meant}`"), location, meant))
}

/// A word of another language for what is called otherwise here.
pub fn foreign(location: Location, what: &str, written: &str, meant: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0204, location, format!("there is no {what} `{written}` here"))
        .label(format!("it is called `{meant}`"))
        .suggest(Suggestion::certain(format!("write `{meant}`"), location, meant))
}

/// A function of another language that is said otherwise here.
pub fn foreign_function(location: Location, written: &str, how: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0204, location, format!("there is no function `{written}` here")).help(how)
}

/// A division of whole numbers where a whole number is due.
pub fn whole_division(location: Location, expected: &Type, text: &str, parts: Option<(&str, &str)>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &codes::E0301,
        location,
        format!("{} is expected here, but `/` of whole numbers gives a `float64`", show(expected)),
    )
    .label("this is a `float64`");
    let Some((left, right)) = parts else { return diagnostic.help("`div(a, b)` divides and leaves the fraction away") };
    let whole = format!("div({left}, {right})");
    diagnostic
        .note(format!("`int64({text})` would reject each record whose result has a fraction"))
        .suggest(Suggestion::likely(format!("write `{whole}`, which leaves the fraction away"), location, whole))
}

/// An operator between types that it does not take.
pub fn operator(location: Location, symbol: &str, left: &Type, right: &Type) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &codes::E0303,
        location,
        format!("`{symbol}` does not work between {} and {}", show(left), show(right)),
    );
    match (symbol, left.non_null(), right.non_null()) {
        ("+", Type::Text, _) | ("+", _, Type::Text) => {
            diagnostic.help("texts are put together by interpolation: `\"{a}{b}\"`")
        }
        (_, Type::Integer(_), float @ (Type::Float32 | Type::Float64))
        | (_, float @ (Type::Float32 | Type::Float64), Type::Integer(_)) => {
            diagnostic.help(format!("a whole number does not become {} by itself: write `{float}(…)`", show(float)))
        }
        (_, Type::Text, other) | (_, other, Type::Text) if super::relation::is_number(other) => {
            diagnostic.help(format!("convert the text first: `{other}(…)`"))
        }
        _ => diagnostic,
    }
}

/// Texts that are put together by `+`.
pub fn texts_added(sign: Location, whole: Location, meant: &str) -> Diagnostic {
    let diagnostic =
        Diagnostic::new(&codes::E0303, sign, "texts are not put together by `+`").label("`+` is for numbers and times");
    if meant.contains('\n') {
        // A text ends on its line.
        return diagnostic.help("texts are put together by interpolation: `\"{a}{b}\"`");
    }
    diagnostic.suggest(Suggestion::certain(format!("write `{meant}`"), whole, meant))
}

/// Dollars before values that are put into a text.
pub fn dollars(places: &[Location]) -> Diagnostic {
    let first =
        places.first().copied().unwrap_or_else(|| nsf_diagnostics::Span::default().in_file(nsf_diagnostics::FileId(0)));
    let edit = |location: &Location| nsf_diagnostics::TextEdit { location: *location, replacement: String::new() };
    Diagnostic::new(&codes::W0306, first, "`$` before an inserted value is a character of the text")
        .label("a value is put into a text by `{…}` alone")
        .help("where it is meant, write `\\u{24}`")
        .suggest(Suggestion {
            message: "remove it".to_owned(),
            edits: places.iter().map(edit).collect(),
            applicability: nsf_diagnostics::Applicability::Likely,
        })
}

/// An operator before a type that it does not take.
pub fn unary_operator(location: Location, symbol: &str, operand: &Type) -> Diagnostic {
    Diagnostic::new(&codes::E0303, location, format!("`{symbol}` does not work on {}", show(operand)))
}

/// A call whose arguments fit none of a function's forms.
pub fn no_overload(location: Location, name: &str, given: &[Type], forms: &[String]) -> Diagnostic {
    let given: Vec<String> = given.iter().map(ToString::to_string).collect();
    let diagnostic = Diagnostic::new(&codes::E0304, location, format!("`{name}` does not take ({})", given.join(", ")));
    let forms: Vec<String> = forms.iter().take(5).map(|form| format!("`{form}`")).collect();
    diagnostic.note(format!("it takes {}", forms.join(" or ")))
}

/// A call with too many or too few arguments.
pub fn argument_count(location: Location, name: &str, given: usize, takes: &str) -> Diagnostic {
    let plural = if given == 1 { "argument is" } else { "arguments are" };
    Diagnostic::new(&codes::E0305, location, format!("`{name}` takes {takes}, but {given} {plural} given"))
}

/// A number outside its type.
pub fn out_of_range(location: Location, text: &str, ty: &Type) -> Diagnostic {
    let diagnostic = Diagnostic::new(&codes::E0306, location, format!("{text} does not fit {}", show(ty)));
    match ty {
        Type::Integer(width) => {
            let (low, high) = width.range();
            diagnostic.note(format!("{} holds {low} to {high}", show(ty)))
        }
        _ => diagnostic,
    }
}

/// A member that is a function here.
pub fn function_as_member(location: Location, name: &str, ty: &Type, function: &str, called: bool) -> Diagnostic {
    let meant = if called { function.to_owned() } else { format!("{function}()") };
    Diagnostic::new(&codes::E0307, location, format!("{} has no member `{name}`", show(ty)))
        .label(format!("`{function}` is a function"))
        .suggest(Suggestion::certain(format!("write `{meant}`"), location, meant))
}

/// A member that a type has not.
pub fn no_member(location: Location, name: &str, ty: &Type, near: Option<String>) -> Diagnostic {
    let diagnostic = Diagnostic::new(&codes::E0307, location, format!("{} has no member `{name}`", show(ty)));
    match near {
        Some(near) => {
            let fix = Suggestion::name(location, name, &near);
            diagnostic.label(format!("did you mean `{near}`?")).suggest(fix)
        }
        None => diagnostic,
    }
}

/// A field that a row has not.
pub fn no_field(location: Location, name: &str, owner: &str, near: Option<String>) -> Diagnostic {
    let diagnostic = Diagnostic::new(&codes::E0307, location, format!("{owner} has no field `{name}`"));
    match near {
        Some(near) => {
            let fix = Suggestion::name(location, name, &near);
            diagnostic.label(format!("did you mean `{near}`?")).suggest(fix)
        }
        None => diagnostic,
    }
}

/// An expression whose type its place does not tell.
pub fn unknown_type(location: Location, what: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0308, location, format!("the type of {what} is not known here"))
        .help("name it where it is needed, for example with `const NAME: T = …` or a conversion")
}

/// A match that leaves values out.
pub fn not_exhaustive(location: Location, missing: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0309, location, format!("this `match` has no arm for {missing}"))
        .help("add an arm `else => …`")
}

/// Patterns of two kinds in one match.
pub fn mixed_pattern(location: Location, found: &Type, expected: &Type) -> Diagnostic {
    Diagnostic::new(
        &codes::E0310,
        location,
        format!("this pattern is {}, but {} is matched", show(found), show(expected)),
    )
}

/// A bare name without a guard as a pattern.
pub fn bare_name(location: Location, name: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0311, location, format!("`{name}` alone would match everything"))
        .help("write `else` for all other values, or put a condition behind the name: `n if n > 9`")
        .suggest(Suggestion::likely("write `else`", location, "else"))
}

/// A constant as a pattern.
pub fn constant_as_pattern(location: Location, name: &str) -> Diagnostic {
    let meant = format!("value if value == {name}");
    Diagnostic::new(&codes::E0311, location, format!("`{name}` alone would match everything"))
        .label("a pattern is a value as written, and no constant")
        .suggest(Suggestion::likely(format!("write `{meant}`"), location, meant))
}

/// A thing that is defined by itself.
pub fn recursive(location: Location, what: &str, name: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0312, location, format!("{what} `{name}` is defined by itself"))
        .help("there is no recursion: write what it is without naming itself, also not by way of others")
}

/// An expression that is no constant.
pub fn not_constant(location: Location, what: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0313, location, format!("{what} must be a constant"))
        .note("its value must be known when the program is compiled: literals, `const` names and arithmetic of them")
}

/// A constant nested deeper than a plan can hold.
pub fn constant_too_deep(location: Location, what: &str) -> Diagnostic {
    let text = format!("{what} is nested more than {} deep", Literal::MAX_DEPTH);
    Diagnostic::new(&codes::E0413, location, text).help("give it fewer levels, or keep its inner part as `json`")
}

/// A type that cannot be a key.
pub fn not_a_key(location: Location, ty: &Type, what: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0314, location, format!("{} cannot be {what}", show(ty)))
        .note("keys are integers, decimals, texts, bytes, bools, timestamps, dates or durations, and never null")
}

/// A regular expression that is none.
pub fn bad_pattern(location: Location, why: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0315, location, format!("this is not a regular expression: {why}"))
}

/// A record expression with a member twice, missing or unknown.
pub fn record_members(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0317, location, message)
}

/// A member that is given twice.
pub fn member_twice(location: Location, name: &str, earlier: Location) -> Diagnostic {
    record_members(location, format!("member `{name}` is given twice")).secondary(earlier, "first given here")
}

/// A lambda where none is taken.
pub fn lambda_misplaced(location: Location) -> Diagnostic {
    Diagnostic::new(
        &codes::E0319,
        location,
        "a lambda `x => …` can stand only as an argument of a function that takes one",
    )
}

/// `reject` where it cannot stand.
pub fn reject_misplaced(location: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0117, location, "`reject` may stand only as the whole right side of `??` or `catch`")
}

/// `from expired` without the state whose values end.
pub fn expired_of_nothing(location: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0204, location, "after `expired` the name of a state is missing")
        .label("there is no source, flow or subscription of this name")
        .help("write `from expired STATE` for the values of a state that have ended")
}

/// A state, table or dimension that no step has loaded.
pub fn not_loaded(location: Location, what: &str, name: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0321, location, format!("{what} `{name}` is not loaded before this step"))
        .help(format!("add `load {name}` above"))
}

/// `??` after a value that is never null.
pub fn never_null(location: Location, ty: &Type) -> Diagnostic {
    Diagnostic::new(&codes::W0301, location, format!("the left side of `??` is {}, which is never null", show(ty)))
}

/// `??` after a value that is never null, but may fail: `catch` is meant.
pub fn fails_and_is_not_null(location: Location, ty: &Type, operator: Option<Location>) -> Diagnostic {
    let diagnostic =
        Diagnostic::new(&codes::W0301, location, format!("the left side of `??` is {}, which is never null", show(ty)))
            .label("it fails where there is no value, and the record is rejected");
    match operator {
        Some(operator) => diagnostic.suggest(Suggestion::certain("write `catch`", operator, "catch")),
        None => diagnostic.help("write `catch` for `??`"),
    }
}

/// `catch` after an expression that cannot fail.
pub fn never_fails(location: Location, fallback: Location) -> Diagnostic {
    Diagnostic::new(&codes::W0302, location, "the left side of `catch` cannot fail").suggest(Suggestion::certain(
        "leave `catch …` out",
        fallback,
        "",
    ))
}

/// An arm that an earlier one hides.
pub fn unreachable_arm(location: Location) -> Diagnostic {
    Diagnostic::new(&codes::W0303, location, "this arm is never reached: earlier arms match all its values")
}

/// A pattern that no value fits.
pub fn empty_range(location: Location) -> Diagnostic {
    Diagnostic::new(&codes::W0303, location, "a range of this arm holds no value: its first end is above its last")
}

/// A call, constant or type that becomes too much.
pub fn too_much_unfolded(location: Location, what: &str, name: &str, why: TooMuch) -> Diagnostic {
    let parts = match what {
        "type" => "types",
        "constant" => "constants",
        _ => "calls",
    };
    let becomes = match why {
        TooMuch::Many => format!("becomes more than {MOST} {parts}"),
        TooMuch::Deep(most) => format!("becomes something nested more than {most} deep"),
    };
    let diagnostic =
        Diagnostic::new(&codes::E0413, location, format!("this {what} `{name}` {becomes} once it is unfolded"));
    match what {
        "type" => diagnostic.help("keep the inner part as `json`, or give it fewer members"),
        "constant" => diagnostic
            .note("constants are unfolded where they are named, also those that they name in turn")
            .help("write a part of the value itself instead of the name of another constant"),
        _ => diagnostic
            .note("functions are unfolded where they are called, also those that they call in turn")
            .help("keep a part of the value in a name: `let part = …` in a calculate step, and use `part`"),
    }
}
