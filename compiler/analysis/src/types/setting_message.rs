//! The words of the types pass for settings, storage and streams.

use nsf_diagnostics::{Diagnostic, Location, Suggestion, codes};
use nsf_plan::Type;

use super::relation::show;

/// "a" or "an".
pub fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// A setting that the item has not.
pub fn unknown(location: Location, name: &str, item: &str, near: Option<String>, all: &[&str]) -> Diagnostic {
    let text = format!("{} {item} has no setting `{name}`", article(item));
    let diagnostic = Diagnostic::new(&codes::E0501, location, text);
    match near {
        Some(near) => diagnostic.label(format!("did you mean `{near}`?")).suggest(Suggestion::certain(
            format!("write `{near}`"),
            location,
            near,
        )),
        None if item == "ingest" && matches!(name, "record" | "fields" | "schema" | "columns") => diagnostic.help(
            "the fields of the accepted dimensions are read by their names, and others are given in `map { field = member }`",
        ),
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

/// `shards` of a store that has none.
pub fn shards_elsewhere(location: Location, whole: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0504, location, "`shards` has a meaning for `store: mysql` alone")
        .label("does nothing here")
        .suggest(Suggestion::certain("take it out", whole, ""))
}

/// `secret(NAME)`.
pub fn secret_without_quotes(location: Location, name: &str) -> Diagnostic {
    let text = format!("\"{name}\"");
    Diagnostic::new(&codes::E0507, location, format!("the name of a secret is a text: `secret({text})`"))
        .label("quotes must stand around it")
        .suggest(Suggestion::certain(format!("write `{text}`"), location, text))
}

/// `env("NAME")`.
pub fn secret_called_otherwise(location: Location, name: &str) -> Diagnostic {
    let meant = format!("secret({name})");
    Diagnostic::new(&codes::E0507, location, format!("a secret is named by `{meant}`"))
        .note("its value is given by the environment or the profile where the plan runs")
        .suggest(Suggestion::certain(format!("write `{meant}`"), location, meant))
}

/// A condition in quotes.
pub fn quoted_condition(location: Location, text: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0301, location, "a condition stands without quotes")
        .label(format!("this is {}", show(&Type::Text)))
        .suggest(Suggestion::certain(format!("write `{text}`"), location, text))
}

/// `accept: all`.
pub fn accepts_all(location: Location, name: &str) -> Diagnostic {
    let text = format!("there is no dimension `{name}`: each that is accepted is named");
    Diagnostic::new(&codes::E0204, location, text).help("name them one by one: `accept: class, class_stu`")
}

/// A text where a connector is due.
pub fn text_for_connector(location: Location, meant: String) -> Diagnostic {
    Diagnostic::new(&codes::E0504, location, format!("a connector is due here, not a text: `{meant}`"))
        .label("a text alone names nothing")
        .suggest(Suggestion::likely(format!("write `{meant}`"), location, meant))
}

/// A text that cannot be what its connector names.
pub fn not_a_name(location: Location, text: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0504, location, text)
}

/// An option of a connector that is not written as one.
pub fn wrong_option(location: Location, text: String) -> Diagnostic {
    Diagnostic::new(&codes::E0508, location, text)
}

/// An option of a connector without its name.
pub fn named_option(location: Location, text: String, fix: &str, name: &str) -> Diagnostic {
    let before = Location { span: nsf_diagnostics::Span::at(location.span.start), ..location };
    wrong_option(location, text).suggest(Suggestion::certain(fix, before, name))
}

/// An option that a connector has not.
pub fn unknown_option(location: Location, option: &str, connector: &str, near: Option<String>) -> Diagnostic {
    let diagnostic = Diagnostic::new(&codes::E0508, location, format!("`{connector}` has no option `{option}`"));
    let is_connection = ["broker", "server", "host", "group", "user", "password", "url", "port", "security", "tls"]
        .iter()
        .any(|word| option.to_ascii_lowercase().contains(word));
    if is_connection && near.is_none() {
        return diagnostic.help(format!(
            "where `{connector}` is, and who asks, stands in the profiles of `nsf.yaml`; `cluster: \"…\"` picks one of several there"
        ));
    }
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
}

/// A state's store template that leaves a key out, with one that does not.
pub fn key_missing_in_template(location: Location, message: String, meant: Option<String>) -> Diagnostic {
    let diagnostic = template(location, message);
    match meant {
        Some(meant) => diagnostic
            .help("each key of `by` stands in the template, in braces")
            .suggest(Suggestion::likely(format!("write `{meant}`"), location, meant)),
        None => diagnostic.help("each key of `by` stands in the template, in braces"),
    }
}

/// `$` before a key in a template.
pub fn dollar_in_template(location: Location) -> Diagnostic {
    template(location, "a key is put in without `$`".to_owned())
        .label("would be a part of every name")
        .suggest(Suggestion::likely("take it out", location, ""))
}

/// `{}` as the default of a list, set or map.
pub fn empty_default(location: Location, ty: &Type, whole: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0317, location, format!("{} starts empty, and has no default", show(ty)))
        .label("an empty record")
        .suggest(Suggestion::certain("leave the default out", whole, ""))
}

/// `closes` by a field of the value.
pub fn closed_by_field(location: Location, name: &str, keys: &str) -> Diagnostic {
    let text = format!("`closes` is computed from the keys ({keys}), and `{name}` is a field of the value");
    Diagnostic::new(&codes::E0204, location, text)
        .help("a value that ends some time after its last save is one with `keep: …`")
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

/// A name that stands twice in one list.
pub fn named_twice(location: Location, name: &str, earlier: Location) -> Diagnostic {
    number(location, format!("`{name}` is named twice")).secondary(earlier, "first named here")
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

/// `retry` in something that is no topic of Kafka.
pub fn retry_elsewhere(location: Location, name: &str) -> Diagnostic {
    Diagnostic::new(
        &codes::E0506,
        location,
        format!("`{name}` cannot be where records wait: `retry` is a topic of Kafka"),
    )
    .suggest(Suggestion::certain("write `kafka`", location, "kafka"))
}

/// `retry` that nothing is sent to.
pub fn retry_alone(location: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0503, location, "nothing is sent to `retry`: it needs the setting `on_error`")
        .label("no record would ever wait there")
        .help("add `on_error: park_key`, which keeps the order of each key, or `on_error: skip_order`")
}

/// `late: 5min else reject "why"`.
pub fn reason_of_late(location: Location) -> Diagnostic {
    Diagnostic::new(&codes::E0504, location, "`else reject` of `late` has no reason")
        .label("the reason is always that it came late")
        .suggest(Suggestion::certain("write `reject`", location, "reject"))
}

/// A field that is to be the time, and is none.
pub fn time_of_another_type(location: Location, name: &str, ty: &Type, declared: Option<Location>) -> Diagnostic {
    let text = format!("`time` needs a `timestamp`, and `{name}` is {}", show(ty));
    let diagnostic = Diagnostic::new(&codes::E0301, location, text);
    let diagnostic = match ty {
        Type::Integer(_) => {
            diagnostic.note("a number in a message is read as milliseconds where a `timestamp` is declared")
        }
        ty if ty.is_nullable() => diagnostic.note("a record without its time could not be ordered, so it is rejected"),
        _ => diagnostic,
    };
    let may_be = matches!(ty.non_null(), Type::Integer(_) | Type::Text | Type::Timestamp);
    match declared.filter(|_| may_be) {
        Some(declared) => diagnostic
            .secondary(declared, format!("declared here as {}", show(ty)))
            .suggest(Suggestion::likely(format!("declare it as `{name}: timestamp`"), declared, "timestamp")),
        None => diagnostic,
    }
}

/// A member's path as JSONPath or a JSON pointer writes it.
pub fn path_of_another_language(location: Location, path: &str) -> Option<Diagnostic> {
    let fix = |diagnostic: Diagnostic, meant: String| {
        diagnostic.suggest(Suggestion::certain(format!("write `\"{meant}\"`"), location, format!("\"{meant}\"")))
    };
    let has_index = path.contains('[') && path.contains(']');
    if has_index {
        let text = "an element of a list is no member".to_owned();
        return Some(member_path(location, text).help(format!(
            "read the list itself, with its type, and take `{}` in the flow",
            path.trim_start_matches("$.")
        )));
    }
    if let Some(rest) = path.strip_prefix("$.") {
        return Some(fix(
            member_path(location, format!("a member's path begins without `$.`: `{rest}`")),
            rest.to_owned(),
        ));
    }
    if let Some(rest) = path.strip_prefix('/') {
        let meant = rest.replace('.', "\\\\.").replace('/', ".");
        return Some(fix(
            member_path(location, format!("the parts of a member's path have dots between them: `{meant}`")),
            meant,
        ));
    }
    if let Some(rest) = path.strip_prefix("$headers.") {
        let text = format!("`{path}` is not a part of a message");
        return Some(fix(member_path(location, text), format!("$header.{rest}")));
    }
    None
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
