//! Settings read from the tree: names that are known, values of the kind that is due, references looked up.
//!
//! The same code reads a profile twice: when the file is checked, without an environment, and when the profile is
//! resolved, with one. So what is refused in a text that stands in the file is refused in one that a variable gives.

use zeroize::Zeroizing;

use super::environment::Environment;
use super::mistake::{MistakeKind, ProfileError, ProfileErrorKind};
use super::reference::Text;
use super::rule::Rule;
use super::secret::Secret;
use super::tree::{self, Node, NodeKind};

/// Mistakes that are told of at most: each costs a reading of the file, and no one reads more.
const MISTAKES: usize = 100;

/// A setting as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given<T> {
    /// It is not there.
    Absent,
    /// It is there.
    Known(T),
    /// It is there, and its value is wrong, or known only where the program runs.
    Unknown,
}

impl<T> Given<T> {
    /// The value, or the one that holds without it; none where it is not known.
    pub fn or(self, default: T) -> Option<T> {
        self.or_else(|| Some(default))
    }

    /// The value, or another one.
    pub fn or_else(self, default: impl FnOnce() -> Option<T>) -> Option<T> {
        match self {
            Self::Absent => default(),
            Self::Known(value) => Some(value),
            Self::Unknown => None,
        }
    }

    /// Whether there is one; none where it is not known.
    pub fn optional(self) -> Option<Option<T>> {
        match self {
            Self::Absent => Some(None),
            Self::Known(value) => Some(Some(value)),
            Self::Unknown => None,
        }
    }

    /// The value, where it is there and known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it is written in the file.
    pub fn is_there(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// What was read from a setting that is there.
    pub fn of(read: Option<T>) -> Self {
        read.map_or(Self::Unknown, Self::Known)
    }
}

/// A name with its value.
#[derive(Clone)]
pub(super) struct Entry<'n> {
    /// The way to it: `profiles.prod.kafka`.
    pub path: String,
    /// The name, which is shown where something is wrong.
    pub key: &'n Node,
    /// The value.
    pub value: &'n Node,
}

/// The settings under a name.
pub(super) struct Section<'n> {
    /// The way to them.
    pub path: String,
    /// Where what is missing is told of.
    pub key: &'n Node,
    entries: Vec<(String, Entry<'n>)>,
}

impl<'n> Section<'n> {
    /// A setting, if it is there.
    pub fn get(&self, name: &str) -> Option<&Entry<'n>> {
        self.entries.iter().find(|(own, _)| own == name).map(|(_, entry)| entry)
    }

    /// Every setting with its name.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry<'n>)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// The way to a setting, there or not.
    pub fn path_of(&self, name: &str) -> String {
        joined(&self.path, name)
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The reading of a file or of one profile in it.
pub(super) struct Reading<'r> {
    text: &'r str,
    environment: Option<Environment<'r>>,
    /// The project's name, where it is known.
    pub project: Option<&'r str>,
    found: Vec<ProfileError>,
}

impl<'r> Reading<'r> {
    /// A reading of the file's text, which is needed for places.
    pub fn new(text: &'r str, project: Option<&'r str>, environment: Option<Environment<'r>>) -> Self {
        Self { text, environment, project, found: Vec::new() }
    }

    /// What was found wrong, in the order of the file.
    pub fn into_found(mut self) -> Vec<ProfileError> {
        self.found.sort_by_key(|error| (error.range.start, error.range.end));
        self.found
    }

    /// Takes over what another reading of the same text found.
    pub fn take(&mut self, other: Reading<'_>) {
        self.found.extend(other.found);
    }

    /// Tells of something at a node.
    pub fn push(&mut self, node: &Node, kind: ProfileErrorKind) {
        if self.found.len() < MISTAKES {
            let range = tree::place(self.text, node);
            let line = self.text[..range.start].matches('\n').count() + 1;
            self.found.push(ProfileError { range, line, kind });
        }
    }

    /// Tells of a mistake at a node.
    pub fn mistake(&mut self, node: &Node, kind: MistakeKind) {
        self.push(node, ProfileErrorKind::Setting(kind));
    }

    /// Tells that a setting is not of the kind that is due.
    pub fn wrong(&mut self, node: &Node, setting: &str, expected: impl Into<String>) {
        self.mistake(node, MistakeKind::WrongKind { setting: setting.to_owned(), expected: expected.into() });
    }

    /// Tells of a rule that is broken at a setting.
    pub fn rule(&mut self, entry: &Entry<'_>, rule: Rule) {
        self.mistake(entry.key, MistakeKind::Rule { setting: entry.path.clone(), rule });
    }

    /// Tells of a rule that a section breaks by a setting that is not there, or by several that are.
    pub fn rule_of(&mut self, section: &Section<'_>, setting: String, rule: Rule) {
        self.mistake(section.key, MistakeKind::Rule { setting, rule });
    }

    /// Tells that a setting is missing.
    pub fn missing(&mut self, section: &Section<'_>, name: &str, what: &'static str) {
        self.mistake(section.key, MistakeKind::Missing { setting: section.path_of(name), what });
    }

    /// The settings under a name; those not known are told of.
    pub fn section<'n>(&mut self, entry: &Entry<'n>, known: &'static [&'static str]) -> Option<Section<'n>> {
        let section = self.named(entry, "settings by name, or `{}`")?;
        for (name, entry) in section.entries() {
            if !known.contains(&name) {
                let kind = MistakeKind::Unknown { setting: entry.path.clone(), name: name.to_owned(), known };
                self.mistake(entry.key, kind);
            }
        }
        Some(section)
    }

    /// What stands under a name, whose names are free.
    pub fn named<'n>(&mut self, entry: &Entry<'n>, expected: &'static str) -> Option<Section<'n>> {
        let mut section = Section { path: entry.path.clone(), key: entry.key, entries: Vec::new() };
        match &entry.value.kind {
            NodeKind::Null => {}
            NodeKind::Map(entries) => {
                for (key, value) in entries {
                    let name = match &key.kind {
                        NodeKind::Text(name) if !name.trim().is_empty() => name.clone(),
                        NodeKind::Number(name) => name.clone(),
                        _ => {
                            self.wrong(key, &entry.path, "settings whose names are texts");
                            continue;
                        }
                    };
                    if section.get(&name).is_some() {
                        self.mistake(key, MistakeKind::Twice { name });
                        continue;
                    }
                    let path = joined(&entry.path, &name);
                    section.entries.push((name, Entry { path, key, value }));
                }
            }
            _ => {
                self.wrong(entry.key, &entry.path, expected);
                return None;
            }
        }
        Some(section)
    }

    /// A text, looked up.
    pub fn text(&mut self, entry: Option<&Entry<'_>>) -> Given<String> {
        self.parsed(entry, "a text", |text| (!text.is_empty()).then(|| text.to_owned()))
    }

    /// A text or number, looked up and made into what it means.
    pub fn parsed<T>(
        &mut self,
        entry: Option<&Entry<'_>>,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Given<T> {
        let Some(entry) = entry else { return Given::Absent };
        Given::of(self.value(entry, entry.value, expected, false, parse))
    }

    /// As [`Reading::parsed`], of what may hold a secret among other things: its file must be its owner's alone.
    pub fn guarded<T>(&mut self, entry: &Entry<'_>, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Given<T> {
        Given::of(self.value(entry, entry.value, expected, true, parse))
    }

    /// As [`Reading::parsed`], of a node that may be in a list.
    pub fn parsed_node<T>(
        &mut self,
        entry: &Entry<'_>,
        node: &Node,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.value(entry, node, expected, false, parse)
    }

    fn value<T>(
        &mut self,
        entry: &Entry<'_>,
        node: &Node,
        expected: &str,
        secret: bool,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let words = match &node.kind {
            NodeKind::Text(words) | NodeKind::Number(words) => words,
            _ => {
                self.wrong(entry.key, &entry.path, expected);
                return None;
            }
        };
        let text = self.references(entry, node, words)?;
        let value = self.look_up(entry, node, &text, secret)?;
        let parsed = parse(value.trim());
        if parsed.is_none() {
            let (setting, expected) = (entry.path.clone(), expected.to_owned());
            let reference = text.references();
            match text.is_literal() {
                true => self.wrong(node, &setting, expected),
                false => self.push(node, ProfileErrorKind::Wrong { setting, reference, expected }),
            }
        }
        parsed
    }

    /// A password, token or key: a reference, never the value itself.
    pub fn secret(&mut self, entry: Option<&Entry<'_>>) -> Given<Secret> {
        let Some(entry) = entry else { return Given::Absent };
        let Some(text) = self.secret_text(entry) else { return Given::Unknown };
        Given::of(self.look_up(entry, entry.value, &text, true).map(Secret::new))
    }

    /// The secret in a file that is read again while the program runs, and the file's path.
    pub fn renewed_secret(&mut self, entry: Option<&Entry<'_>>) -> Given<(Secret, String)> {
        let Some(entry) = entry else { return Given::Absent };
        let Some(text) = self.secret_text(entry) else { return Given::Unknown };
        if !matches!(text, Text::File(_)) {
            self.rule(entry, Rule::TokenFromFile);
            return Given::Unknown;
        }
        let secret = self.look_up(entry, entry.value, &text, true).map(Secret::new);
        let path = self.environment.and_then(|environment| environment.path(&entry.path, &text).ok());
        Given::of(secret.zip(path))
    }

    fn secret_text(&mut self, entry: &Entry<'_>) -> Option<Text> {
        let words = match &entry.value.kind {
            NodeKind::Text(words) => words.as_str(),
            // A password of digits is one too.
            NodeKind::Number(_) | NodeKind::Switch(_) => "",
            _ => {
                self.wrong(entry.key, &entry.path, "a reference, such as `${NAME}` or `file:/path`");
                return None;
            }
        };
        let text = if words.trim().starts_with("${") || words.trim().starts_with("file:") {
            self.references(entry, entry.value, words.trim())?
        } else {
            Text::Inline(Vec::new())
        };
        if text.is_reference_alone() {
            return Some(text);
        }
        self.mistake(entry.key, MistakeKind::Literal { setting: entry.path.clone() });
        None
    }

    /// One of several words, which stands in the file itself: what else is checked depends on it.
    pub fn choice<T: Copy>(&mut self, entry: Option<&Entry<'_>>, choices: &[(&'static str, T)]) -> Given<T> {
        let Some(entry) = entry else { return Given::Absent };
        let chosen = match &entry.value.kind {
            NodeKind::Text(words) => choices.iter().find(|(name, _)| name == words),
            _ => None,
        };
        if chosen.is_none() {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            let (last, rest) = names.split_last().map_or(("", &names[..]), |(last, rest)| (last.as_str(), rest));
            self.wrong(entry.value, &entry.path, format!("{} or {last}", rest.join(", ")));
        }
        Given::of(chosen.map(|(_, value)| *value))
    }

    /// `true` or `false`, which stands in the file itself.
    pub fn switch(&mut self, entry: Option<&Entry<'_>>) -> Given<bool> {
        let Some(entry) = entry else { return Given::Absent };
        match entry.value.kind {
            NodeKind::Switch(value) => Given::Known(value),
            _ => {
                self.wrong(entry.key, &entry.path, "`true` or `false`");
                Given::Unknown
            }
        }
    }

    /// A text with its references; one that cannot be read is told of.
    pub fn references(&mut self, entry: &Entry<'_>, node: &Node, words: &str) -> Option<Text> {
        match Text::read(words) {
            Ok(text) => Some(text),
            Err(mistake) => {
                self.mistake(node, MistakeKind::Reference { setting: entry.path.clone(), mistake });
                None
            }
        }
    }

    /// What a text is; none where that is known only where the program runs.
    fn look_up(&mut self, entry: &Entry<'_>, node: &Node, text: &Text, secret: bool) -> Option<Zeroizing<String>> {
        match &self.environment {
            None if text.is_literal() => Some(Zeroizing::new(text.marked(' '))),
            None => None,
            Some(environment) => match environment.look_up(&entry.path, text, secret) {
                Ok(value) => Some(value),
                Err(kind) => {
                    self.push(node, kind);
                    None
                }
            },
        }
    }
}
