//! Keywords, settings, types and connectors: a sentence each.

use nsf_plan::connector::descriptor;
use nsf_syntax::Token;

use super::code_and;
use crate::features::completion::{setting_docs, type_docs, word_docs};
use crate::signature;
use crate::view::Place;

/// Words that stand in the middle of things.
const MIDDLE: [(&str, &str); 34] = [
    ("from", "what is read, or the member that a field is read from"),
    ("by", "the keys"),
    ("on", "the dimension or part that is meant, or the changes that are told"),
    ("in", "is among; in a head, where it is stored"),
    ("into", "the state or collection that is changed"),
    ("as", "another name"),
    ("else", "otherwise"),
    ("then", "the value where the condition holds"),
    ("if", "one of two values: `if c then a else b`"),
    ("match", "one of several values; every value has an arm, or there is `else`"),
    ("and", "both hold"),
    ("or", "one of both holds"),
    ("not", "the contrary"),
    ("catch", "the value where the one before fails"),
    ("let", "a name that is known in this step alone"),
    ("null", "no value; only a `T?` can be null"),
    ("derived", "computed by exactly one flow"),
    ("within", "for how long it is remembered, in record time"),
    ("expired", "the values of a state that have ended"),
    ("delete", "ends the value, or clears the row"),
    ("reset", "clears fields of a row"),
    ("insert", "puts an element into a set or list"),
    ("remove", "takes an element out of a set or map"),
    ("keep", "any other value stays as it is"),
    ("given", "records that come, in order"),
    ("with", "rows that are there before the first record"),
    ("expect", "what must hold when all records have come"),
    ("published", "what was sent, exactly, in order for each key"),
    ("rejected", "how many records were rejected, and why"),
    ("dropped", "how many records were dropped, and why"),
    ("same", "the test is repeated under other runs and must give the same"),
    ("under", "what is done to the run"),
    ("min", "keeps the smaller of both values"),
    ("max", "keeps the larger of both values"),
];

/// What a word is where it stands.
pub(super) fn of(text: &str, tokens: &[Token], index: usize, place: &Place<'_>) -> Option<String> {
    let at = |index: usize| tokens.get(index).map_or("", |token| token.text(text));
    let word = at(index);
    let next = at(index + 1);
    if let Some(own) = descriptor(word).filter(|own| next == "(" || own.argument.is_none()) {
        let head = format!("{}({})", own.name, signature::connector_parameters(own, true).join(", "));
        let where_it_is = place.connection(own.name, None).unwrap_or_default();
        return Some(code_and(&head, &[own.summary.to_owned(), where_it_is]));
    }
    if matches!(next, ":" | "{")
        && let Some(docs) = setting_docs(at(0), word)
    {
        return Some(format!("**{word}** of a {}: {docs}", at(0)));
    }
    let before = index.checked_sub(1).map_or("", at);
    if matches!(before, ":" | "->" | "<" | "=" | ",")
        && let Some(docs) = type_docs(word)
    {
        return Some(format!("**{word}**: {docs}"));
    }
    let middle = MIDDLE.iter().find(|(own, _)| *own == word).map(|(_, docs)| *docs);
    let docs = if index == 0 { word_docs(word).or(middle) } else { middle.or_else(|| word_docs(word)) };
    Some(format!("**{word}**: {}", docs?))
}

/// The topic that a text names.
pub(super) fn of_text(text: &str, tokens: &[Token], index: usize, place: &Place<'_>) -> Option<String> {
    let at = |index: usize| tokens.get(index).map_or("", |token| token.text(text));
    let own = descriptor(at(index.checked_sub(2)?)).filter(|_| at(index - 1) == "(")?;
    let name = at(index).trim_matches('"');
    let dag = &place.analysis.dag;
    let topics = (0..dag.index.topics.len() as u32).filter_map(|id| dag.topic(nsf_plan::TopicId(id)));
    let topic =
        topics.into_iter().find(|topic| topic.value.connector.kind == own.name && topic.value.connector.name == name);
    let uses = match topic.map(|topic| (topic.value.read, topic.value.written)) {
        Some((true, true)) => "read and written by this project",
        Some((true, false)) => "read by this project",
        Some((false, true)) => "written by this project",
        _ => "",
    };
    let argument = own.argument.unwrap_or_default();
    let where_it_is = place.connection(own.name, None).unwrap_or_default();
    Some(code_and(
        &format!("{}(\"{name}\")", own.name),
        &[format!("{argument} `{name}`"), uses.to_owned(), where_it_is],
    ))
}
