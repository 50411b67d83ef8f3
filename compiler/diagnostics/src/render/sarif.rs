//! SARIF 2.1.0, for tools that collect findings.
//!
//! Only the members that are used are declared here. Paths are relative to the folder the run was started in, columns
//! count Unicode scalar values.

use serde::Serialize;

use super::{excerpt, severity_word};
use crate::{CODES, Code, Diagnostic, Label, Location, SourceMap, Suggestion};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    column_kind: &'static str,
    results: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    version: &'a str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    name: &'a str,
    short_description: Message<'a>,
    help: Message<'a>,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Words,
    locations: Vec<Place<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Place<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Fix<'a>>,
}

#[derive(Serialize)]
struct Words {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: Physical,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fix<'a> {
    description: Message<'a>,
    artifact_changes: Vec<Change<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    artifact_location: Artifact,
    replacements: Vec<Replacement<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement<'a> {
    deleted_region: Region,
    inserted_content: Message<'a>,
}

/// The whole run as one SARIF document. `version` is the compiler's.
#[must_use]
pub fn sarif(diagnostics: &[Diagnostic], sources: &SourceMap, version: &str) -> String {
    let mut used: Vec<&'static Code> = Vec::new();
    used.extend(CODES.iter().copied().filter(|code| diagnostics.iter().any(|found| found.code.id == code.id)));
    let results = diagnostics.iter().map(|diagnostic| finding(diagnostic, &used, sources)).collect();
    let driver = Driver { name: "nsfc", version, rules: used.iter().map(|code| rule(code)).collect() };
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run] };
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

fn rule(code: &'static Code) -> Rule<'static> {
    Rule {
        id: code.id,
        name: code.slug,
        short_description: Message { text: code.summary },
        help: Message { text: code.page },
        default_configuration: Configuration { level: severity_word(code.severity) },
    }
}

fn finding<'a>(diagnostic: &'a Diagnostic, rules: &[&'static Code], sources: &SourceMap) -> Finding<'a> {
    let primary = diagnostic.labels.iter().filter(|label| label.primary);
    let others = diagnostic.labels.iter().filter(|label| !label.primary);
    let related = others.enumerate().filter_map(|(index, label)| place(label, Some(index), sources));
    let mut text = diagnostic.message.clone();
    for note in &diagnostic.notes {
        text.push('\n');
        text.push_str(&note.text);
    }
    Finding {
        rule_id: diagnostic.code.id,
        rule_index: rules.iter().position(|code| code.id == diagnostic.code.id).unwrap_or(0),
        level: severity_word(diagnostic.severity()),
        message: Words { text },
        locations: primary.filter_map(|label| place(label, None, sources)).collect(),
        related_locations: related.collect(),
        fixes: diagnostic.suggestions.iter().map(|suggestion| fix(suggestion, sources)).collect(),
    }
}

fn place<'a>(label: &'a Label, id: Option<usize>, sources: &SourceMap) -> Option<Place<'a>> {
    let message = (!label.message.is_empty()).then_some(Message { text: &label.message });
    let artifact_location = artifact(label.location, sources)?;
    let region = region(label.location, sources)?;
    Some(Place { id, physical_location: Physical { artifact_location, region }, message })
}

fn fix<'a>(suggestion: &'a Suggestion, sources: &SourceMap) -> Fix<'a> {
    let mut changes: Vec<Change<'a>> = Vec::new();
    for edit in &suggestion.edits {
        let parts = artifact(edit.location, sources).zip(region(edit.location, sources));
        let Some((artifact_location, deleted_region)) = parts else {
            continue;
        };
        let inserted_content = Message { text: &edit.replacement };
        let replacement = Replacement { deleted_region, inserted_content };
        match changes.iter_mut().find(|change| change.artifact_location.uri == artifact_location.uri) {
            Some(change) => change.replacements.push(replacement),
            None => changes.push(Change { artifact_location, replacements: vec![replacement] }),
        }
    }
    Fix { description: Message { text: &suggestion.message }, artifact_changes: changes }
}

fn artifact(location: Location, sources: &SourceMap) -> Option<Artifact> {
    sources.get(location.file).map(|file| Artifact { uri: uri(&file.path) })
}

fn region(location: Location, sources: &SourceMap) -> Option<Region> {
    let file = sources.get(location.file)?;
    let (start, end) = excerpt::bounds(location.span, &file.text);
    let (start, end) = (file.line_column(start as u32), file.line_column(end as u32));
    Some(Region { start_line: start.line, start_column: start.column, end_line: end.line, end_column: end.column })
}

/// A path as a relative URI reference: what is not allowed there is percent-encoded.
fn uri(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.trim_start_matches("./").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
