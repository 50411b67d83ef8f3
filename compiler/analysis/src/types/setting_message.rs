//! The words of the types pass for settings, storage and streams.

use nsf_diagnostics::{Diagnostic, Location, Suggestion, codes};

/// A setting that the item has not.
pub fn unknown(location: Location, name: &str, item: &str, near: Option<String>, all: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::new(&codes::E0501, location, format!("a {item} has no setting `{name}`"));
    match near {
        Some(near) => diagnostic.label(format!("did you mean `{near}`?")).suggest(Suggestion::certain(
            format!("write `{near}`"),
            location,
            near,
        )),
        None => {
            let all: Vec<String> = all.iter().map(|name| format!("`{name}`")).collect();
            diagnostic.note(format!("its settings are {}", all.join(", ")))
        }
    }
}

/// A setting named twice.
pub fn twice(location: Location, name: &str, earlier: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0502, location, format!("setting `{name}` is given twice"))
        .secondary(earlier, "first given here")
}

/// A setting that must be there.
pub fn missing(location: Location, name: &str, item: &str, example: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0503, location, format!("this {item} needs the setting `{name}`"))
        .help(format!("add `{example}`"))
}

/// A setting of the wrong form.
pub fn wrong_value(location: Location, name: &str, expected: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0504, location, format!("`{name}` must be {expected}"))
}

/// One of a few words was due.
pub fn wrong_word(location: Location, name: &str, written: &str, words: &[&str], near: Option<String>) -> Diagnostic {
    let all: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let diagnostic =
        Diagnostic::new(&codes::E0504, location, format!("`{name}` must be {}, not `{written}`", all.join(" or ")));
    match near {
        Some(near) => diagnostic.suggest(Suggestion::certain(format!("write `{near}`"), location, near)),
        None => diagnostic,
    }
}

/// A connector of an unknown kind.
pub fn unknown_connector(location: Location, name: &str, near: Option<String>, all: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::new(&codes::E0505, location, format!("there is no connector `{name}`"));
    match near {
        Some(near) => diagnostic.label(format!("did you mean `{near}`?")).suggest(Suggestion::certain(
            format!("write `{near}`"),
            location,
            near,
        )),
        None => diagnostic.note(format!("connectors here are {}", all.join(", "))),
    }
}

/// A connector that cannot be used in this place.
pub fn wrong_role(location: Location, name: &str, role: &str, all: &[&str]) -> Diagnostic {
    Diagnostic::new(&codes::E0506, location, format!("`{name}` cannot be {role}"))
        .note(format!("{role} can be {}", all.join(", ")))
}

/// A credential in the text.
pub fn literal_secret(location: Location, setting: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0507, location, format!("`{setting}` is a credential and must not stand in a program"))
        .help("name it: `secret(\"NAME\")`; its value is given by the environment or the profile where the plan runs")
}

/// An option that a connector has not.
pub fn unknown_option(location: Location, option: &str, connector: &str, near: Option<String>) -> Diagnostic {
    let diagnostic = Diagnostic::new(&codes::E0508, location, format!("`{connector}` has no option `{option}`"));
    match near {
        Some(near) => diagnostic.label(format!("did you mean `{near}`?")).suggest(Suggestion::certain(
            format!("write `{near}`"),
            location,
            near,
        )),
        None => diagnostic,
    }
}

/// A state's store template that leaves a key out.
pub fn template(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0509, location, message)
        .help("name every key of `by` in the template, as in `redis(\"total:{stu_id}:{plan_id}\")`")
}

/// Two dimensions, fields or primaries that clash.
pub fn clash(location: Location, message: String, earlier: Location, label: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0510, location, message).secondary(earlier, label)
}

/// A dimension's code that does not fit its keys.
pub fn code(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0511, location, message)
        .note("a dimension's code is four digits; the first is the number of its primaries")
}

/// A number outside what is allowed.
pub fn number(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0512, location, message)
}

/// A state's field that has no value before the first save.
pub fn no_default(location: Location, name: &str, end: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0513, location, format!("field `{name}` has no value before the first save"))
        .help("give it a default with `= …`, or make it `T?`")
        .suggest(Suggestion::likely("make it nullable", end, "?"))
}

/// A key that is no field of the record.
pub fn not_a_field(location: Location, name: &str, near: Option<String>) -> Diagnostic {
    let diagnostic = Diagnostic::new(&codes::E0514, location, format!("`{name}` is not a field of this record"));
    match near {
        Some(near) => diagnostic.label(format!("did you mean `{near}`?")).suggest(Suggestion::certain(
            format!("write `{near}`"),
            location,
            near,
        )),
        None => diagnostic,
    }
}

/// A field declared twice in one record or dimension.
pub fn field_twice(location: Location, name: &str, earlier: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0515, location, format!("field `{name}` is declared twice"))
        .secondary(earlier, "first declared here")
}

/// A field of a value that has the name of one of its keys.
pub fn key_as_field(location: Location, name: &str, key: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0515, location, format!("`{name}` is a key of this state already"))
        .secondary(key, "declared here as a key")
        .help("a key can be read with the value; leave the field out, or give it another name")
}

/// A part of a message that is a whole number, read as something else.
pub fn whole_number_part(location: Location, part: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0301, location, format!("`{part}` is a whole number")).suggest(Suggestion::certain(
        "write `int64`",
        location,
        "int64",
    ))
}

/// A mapping that is not one.
pub fn mapping(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0516, location, message)
}

/// An ingest's member that fits two dimensions, or a field that no dimension has.
pub fn ingest(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0517, location, message)
}

/// A member's name that cannot be read.
pub fn member_path(location: Location, message: String) -> Diagnostic {
    Diagnostic::new(&codes::E0518, location, message)
}

/// State that grows for ever.
pub fn unbounded(location: Location, name: &str) -> Diagnostic {
    Diagnostic::new(&codes::W0501, location, format!("state `{name}` keeps every key for ever"))
        .help("say how long with `keep: 60d`, when with `closes: …`, or `keep: forever` if that is meant")
}
