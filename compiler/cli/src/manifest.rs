//! `nsf.yaml`: the project's name and its profiles.
//!
//! Mistakes are diagnostics like those of the program texts, so that every format of `nsfc check` shows them.

use std::collections::BTreeMap;
use std::ops::Range;

use nsf_diagnostics::{Code, Diagnostic, FileId, Location, Span, Suggestion, closest, codes};
use serde_yaml::{Mapping, Value};

/// What the file says.
#[derive(Debug, Default)]
pub struct Manifest {
    /// The project's name.
    pub name: Option<String>,
    /// The settings of each profile, not yet looked into.
    pub profiles: BTreeMap<String, Mapping>,
    /// What is wrong with the file.
    pub mistakes: Vec<Mistake>,
}

/// A mistake in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub range: Range<usize>,
    /// What.
    pub kind: MistakeKind,
}

/// What may be wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MistakeKind {
    /// The text is not YAML.
    NotYaml,
    /// A name is given twice in one mapping.
    Twice {
        /// The name.
        name: String,
    },
    /// A setting is not of the kind that is expected.
    WrongKind {
        /// `profiles`, `profiles.prod`; empty for the file itself.
        setting: String,
        /// "a text".
        expected: &'static str,
    },
    /// There is no such setting.
    Unknown {
        /// What was written.
        name: String,
    },
}

/// The settings that the file may hold.
const SETTINGS: [&str; 2] = ["name", "profiles"];

/// Reads the text of the file. What is wrong is left out of the result and put on its list.
pub fn parse(text: &str) -> Manifest {
    let mut manifest = Manifest::default();
    match serde_yaml::from_str::<Value>(text) {
        Ok(Value::Null) => {}
        Ok(Value::Mapping(settings)) => manifest.fill(&settings, text),
        Ok(_) => manifest.wrong(first_line(text), "", "settings, each on a line, such as `name: shop`"),
        Err(error) => manifest.mistakes.push(yaml_mistake(&error, text)),
    }
    manifest
}

impl Manifest {
    fn fill(&mut self, settings: &Mapping, text: &str) {
        for (key, value) in settings {
            let Some(key) = key.as_str() else {
                self.wrong(first_line(text), "", "settings whose names are texts");
                continue;
            };
            let place = key_place(text, &[key]);
            match (key, value) {
                ("name", Value::String(name)) if !name.trim().is_empty() => self.name = Some(name.trim().to_owned()),
                ("name", _) => self.wrong(place, "name", "a text"),
                ("profiles", Value::Mapping(profiles)) => self.fill_profiles(profiles, text),
                ("profiles", Value::Null) => {}
                ("profiles", _) => self.wrong(place, "profiles", "profiles by name, such as `dev: {}`"),
                _ => {
                    let kind = MistakeKind::Unknown { name: key.to_owned() };
                    self.mistakes.push(Mistake { range: place, kind });
                }
            }
        }
    }

    fn fill_profiles(&mut self, profiles: &Mapping, text: &str) {
        for (key, value) in profiles {
            let name = match key {
                Value::String(name) => name.clone(),
                Value::Number(number) => number.to_string(),
                _ => {
                    self.wrong(key_place(text, &["profiles"]), "profiles", "profiles whose names are texts");
                    continue;
                }
            };
            let settings = match value {
                Value::Mapping(settings) => settings.clone(),
                Value::Null => Mapping::new(),
                _ => {
                    let place = key_place(text, &["profiles", &name]);
                    self.wrong(place, &format!("profiles.{name}"), "settings by name, or `{}`");
                    continue;
                }
            };
            self.profiles.insert(name, settings);
        }
    }

    fn wrong(&mut self, range: Range<usize>, setting: &str, expected: &'static str) {
        self.mistakes.push(Mistake { range, kind: MistakeKind::WrongKind { setting: setting.to_owned(), expected } });
    }
}

/// What the YAML reader found, as one of our own mistakes.
fn yaml_mistake(error: &serde_yaml::Error, text: &str) -> Mistake {
    let offset = error.location().map_or(0, |location| location.index().min(text.len()));
    let line_start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line_end = text.get(line_start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| line_start + at);
    let words = error.to_string();
    // The reader tells of a repeated name only in its message.
    let twice = words.split_once("duplicate entry with key \"").and_then(|(_, rest)| rest.split_once('"'));
    match twice {
        Some((name, _)) => {
            let range = last_key_place(text, name).unwrap_or(line_start..line_end);
            Mistake { range, kind: MistakeKind::Twice { name: name.to_owned() } }
        }
        None => Mistake { range: offset.max(line_start)..line_end.max(offset), kind: MistakeKind::NotYaml },
    }
}

fn first_line(text: &str) -> Range<usize> {
    0..text.find('\n').unwrap_or(text.len())
}

/// Where the name at the end of `path` stands. The reader keeps no places, so it is looked for line by line: each
/// part of the path further in than the one before.
fn key_place(text: &str, path: &[&str]) -> Range<usize> {
    let mut at = 0;
    let mut found = first_line(text);
    for key in path {
        for line in text[at..].split_inclusive('\n') {
            let start = at;
            at += line.len();
            if let Some(range) = key_in_line(line, key) {
                found = start + range.start..start + range.end;
                break;
            }
        }
    }
    found
}

/// The last line that begins with the name.
fn last_key_place(text: &str, key: &str) -> Option<Range<usize>> {
    let mut at = 0;
    let mut found = None;
    for line in text.split_inclusive('\n') {
        if let Some(range) = key_in_line(line, key) {
            found = Some(at + range.start..at + range.end);
        }
        at += line.len();
    }
    found
}

fn key_in_line(line: &str, key: &str) -> Option<Range<usize>> {
    let body = line.trim_start();
    let quote = body.starts_with(['"', '\'']);
    let start = line.len() - body.len() + usize::from(quote);
    let rest = body[usize::from(quote)..].strip_prefix(key)?;
    let rest = if quote { rest.strip_prefix(['"', '\''])? } else { rest };
    rest.trim_start().starts_with(':').then(|| start..start + key.len())
}

impl Mistake {
    /// The mistake as a diagnostic; `file` is the settings file among the sources.
    pub fn diagnostic(&self, file: FileId) -> Diagnostic {
        let location = Span::new(self.range.start as u32, self.range.end as u32).in_file(file);
        let new = |code: &'static Code, message: String| Diagnostic::new(code, location, message);
        match &self.kind {
            MistakeKind::NotYaml => new(&codes::E0691, "nsf.yaml is not YAML that can be read".to_owned())
                .label("the reader cannot go on here")
                .help("look for a missing colon, bracket or quote here or just above, and for tabs: YAML is indented by blanks"),
            MistakeKind::Twice { name } => {
                new(&codes::E0691, format!("nsf.yaml gives `{name}` twice")).label("given again here")
            }
            MistakeKind::WrongKind { setting, expected } if setting.is_empty() => {
                new(&codes::E0692, format!("nsf.yaml must hold {expected}"))
            }
            MistakeKind::WrongKind { setting, expected } => {
                new(&codes::E0692, format!("`{setting}` in nsf.yaml must be {expected}"))
            }
            MistakeKind::Unknown { name } => unknown(name, location),
        }
    }
}

fn unknown(name: &str, location: Location) -> Diagnostic {
    let message = format!("nsf.yaml has no setting `{name}`");
    let diagnostic = Diagnostic::new(&codes::E0693, location, message);
    match closest(name, SETTINGS) {
        Some(near) => diagnostic.suggest(Suggestion::likely(format!("write `{near}`"), location, near)),
        None => diagnostic.help("its settings are `name` and `profiles`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<(String, MistakeKind)> {
        let manifest = parse(text);
        manifest.mistakes.iter().map(|mistake| (text[mistake.range.clone()].to_owned(), mistake.kind.clone())).collect()
    }

    #[test]
    fn name_and_profiles_are_read() {
        let manifest = parse("name: shop\nprofiles:\n  dev: {}\n  test:\n  prod:\n    redis: { url: \"${R}\" }\n");
        assert_eq!(manifest.name.as_deref(), Some("shop"));
        assert_eq!(manifest.profiles.keys().collect::<Vec<_>>(), ["dev", "prod", "test"]);
        assert!(manifest.mistakes.is_empty());
    }

    #[test]
    fn an_empty_file_is_fine() {
        assert!(parse("").mistakes.is_empty());
        assert!(parse("# only a comment\n").mistakes.is_empty());
    }

    #[test]
    fn a_wrong_kind_names_the_setting_and_its_place() {
        let text = "name: [a]\nprofiles:\n  prod: 5\n";
        let wrong = |setting: &str, expected| MistakeKind::WrongKind { setting: setting.to_owned(), expected };
        assert_eq!(
            mistakes(text),
            [
                ("name".to_owned(), wrong("name", "a text")),
                ("prod".to_owned(), wrong("profiles.prod", "settings by name, or `{}`")),
            ]
        );
    }

    #[test]
    fn an_unknown_setting_offers_the_near_one() {
        let text = "nmae: shop\n";
        let manifest = parse(text);
        let diagnostic = manifest.mistakes[0].diagnostic(FileId(0));
        assert_eq!(diagnostic.message, "nsf.yaml has no setting `nmae`");
        assert_eq!(diagnostic.suggestions[0].edits[0].replacement, "name");
    }

    #[test]
    fn broken_yaml_is_placed_at_its_line() {
        let text = "name: shop\nprofiles: {dev: {}\n";
        let manifest = parse(text);
        assert_eq!(manifest.mistakes[0].kind, MistakeKind::NotYaml);
        let twice = mistakes("name: a\nname: b\n");
        assert_eq!(twice, [("name".to_owned(), MistakeKind::Twice { name: "name".to_owned() })]);
    }
}
