//! What may be wrong with the settings file, as data, and the words for it: `nsfc` shows them with places and codes,
//! the daemon as they are.

use std::fmt;
use std::ops::Range;

use super::properties::Refusal;
use super::reference::ReferenceMistake;
use super::rule::Rule;

/// A mistake in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where: bytes of the file's text.
    pub range: Range<usize>,
    /// What.
    pub kind: MistakeKind,
}

/// What may be wrong with the file. A `setting` is the way to it: `profiles.prod.kafka.brokers`.
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
        /// The setting; empty for the file itself.
        setting: String,
        /// "a text".
        expected: String,
    },
    /// There is no such setting.
    Unknown {
        /// The setting whose last name is not known.
        setting: String,
        /// What was written.
        name: String,
        /// The names that are known there.
        known: &'static [&'static str],
    },
    /// A setting that must be there is not.
    Missing {
        /// The setting.
        setting: String,
        /// "the brokers to ask first".
        what: &'static str,
    },
    /// A password, token or key stands in the file itself.
    Literal {
        /// The setting.
        setting: String,
    },
    /// What looks like a reference is none.
    Reference {
        /// The setting.
        setting: String,
        /// What is wrong with it.
        mistake: ReferenceMistake,
    },
    /// A property of the Kafka client that may not be set.
    Property {
        /// The setting.
        setting: String,
        /// The property.
        name: String,
        /// Why not.
        refusal: Refusal,
    },
    /// Settings do not go together.
    Rule {
        /// The setting where it shows.
        setting: String,
        /// The rule.
        rule: Rule,
    },
}

impl MistakeKind {
    /// What is wrong, in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::NotYaml => "nsf.yaml is not YAML that can be read".to_owned(),
            Self::Twice { name } => format!("nsf.yaml gives `{name}` twice"),
            Self::WrongKind { setting, expected } if setting.is_empty() => format!("nsf.yaml must hold {expected}"),
            Self::WrongKind { setting, expected } => format!("`{setting}` in nsf.yaml must be {expected}"),
            Self::Unknown { setting, .. } => format!("nsf.yaml has no setting `{setting}`"),
            Self::Missing { setting, what } => format!("nsf.yaml lacks `{setting}`, {what}"),
            Self::Literal { setting } => format!("`{setting}` holds a credential that stands in nsf.yaml itself"),
            Self::Reference { setting, mistake } => match mistake {
                ReferenceMistake::Unclosed => format!("a `${{` in `{setting}` is not closed"),
                ReferenceMistake::Name(name) => {
                    format!("`${{{name}}}` in `{setting}` does not name an environment variable")
                }
                ReferenceMistake::Dollar => format!("a dollar in `{setting}` begins no reference"),
                ReferenceMistake::NoPath => format!("`file:` in `{setting}` names no file"),
            },
            Self::Property { name, refusal, .. } => {
                format!("the property `{name}` of the Kafka client may not be set: {}", refusal.reason())
            }
            Self::Rule { setting, rule } => rule.message(setting),
        }
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotYaml => Some(
                "look for a missing colon, bracket or quote here or just above, and for tabs: YAML is indented by blanks"
                    .to_owned(),
            ),
            Self::Twice { .. } | Self::WrongKind { .. } => None,
            Self::Unknown { known, .. } => Some(format!("its settings are {}", listed(known))),
            Self::Missing { setting, .. } => {
                let name = setting.rsplit('.').next().unwrap_or(setting);
                Some(format!("add `{name}` here"))
            }
            Self::Literal { .. } => Some(
                "name it, as `${NAME}` (an environment variable) or `file:/path`, and have it replaced where it was given \
                 out: what was in version control is known"
                    .to_owned(),
            ),
            Self::Reference { mistake, .. } => Some(
                match mistake {
                    ReferenceMistake::Unclosed | ReferenceMistake::Dollar => {
                        "a variable is written `${NAME}`, a dollar itself `$$`"
                    }
                    ReferenceMistake::Name(_) => {
                        "a name has letters, digits and `_` and begins with no digit; there are no defaults within it"
                    }
                    ReferenceMistake::NoPath => "write `file:/path`",
                }
                .to_owned(),
            ),
            Self::Property { refusal, .. } => Some(refusal.help()),
            Self::Rule { rule, .. } => rule.help(),
        }
    }
}

/// What keeps a profile from being used, found when its references were looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileError {
    /// Where: bytes of the file's text.
    pub range: Range<usize>,
    /// The line of the file, from 1.
    pub line: usize,
    /// What.
    pub kind: ProfileErrorKind,
}

/// What may keep a profile from being used. What a reference gives is never part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileErrorKind {
    /// The file itself is wrong, or becomes so with what its references give.
    Setting(MistakeKind),
    /// A variable is not set.
    Unset {
        /// The setting.
        setting: String,
        /// The variable.
        variable: String,
    },
    /// A variable or file holds nothing but blanks.
    Empty {
        /// The setting.
        setting: String,
        /// `${NAME}`, `file:/path`.
        reference: String,
    },
    /// A file cannot be read.
    Unreadable {
        /// The setting.
        setting: String,
        /// The file.
        path: String,
        /// Why, in the system's words.
        reason: String,
    },
    /// A file with a secret can be read by others than its owner.
    ReadByOthers {
        /// The setting.
        setting: String,
        /// The file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// What a reference gives is not what the setting needs.
    Wrong {
        /// The setting.
        setting: String,
        /// `${NAME}`, `file:/path`.
        reference: String,
        /// "a size with its unit, such as `512MiB`".
        expected: String,
    },
}

impl ProfileErrorKind {
    /// What is wrong, in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Setting(mistake) => mistake.message(),
            Self::Unset { setting, variable } => {
                format!("the environment variable {variable}, which `{setting}` names, is not set")
            }
            Self::Empty { setting, reference } => format!("`{setting}` is empty: {reference} holds nothing"),
            Self::Unreadable { setting, path, reason } => {
                format!("the file `{path}`, which `{setting}` names, cannot be read: {reason}")
            }
            Self::ReadByOthers { setting, path, mode } => {
                format!(
                    "the file `{path}`, which holds the secret of `{setting}`, can be read by others: its mode is {mode:04o}"
                )
            }
            Self::Wrong { setting, reference, expected } => {
                format!("`{setting}` must be {expected}, and {reference} gives something else")
            }
        }
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Setting(mistake) => mistake.help(),
            Self::Unset { variable, .. } => Some(format!("set {variable} where the program is started")),
            Self::Empty { reference, .. } => Some(format!("give {reference} its value, or take the setting out")),
            Self::Unreadable { .. } => {
                Some("see that the file is there and that the user of the program may read it".to_owned())
            }
            Self::ReadByOthers { path, .. } => {
                Some(format!("`chmod 600 {path}`; in a mounted secret, set the mode of its files to 0400"))
            }
            Self::Wrong { .. } => None,
        }
    }
}

impl fmt::Display for ProfileErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_help(formatter, &self.message(), self.help())
    }
}

impl fmt::Display for MistakeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_help(formatter, &self.message(), self.help())
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "nsf.yaml:{}: {}", self.line, self.kind)
    }
}

impl std::error::Error for ProfileError {}

fn write_with_help(formatter: &mut fmt::Formatter<'_>, message: &str, help: Option<String>) -> fmt::Result {
    formatter.write_str(message)?;
    help.map_or(Ok(()), |help| write!(formatter, " ({help})"))
}

/// "`a`, `b` and `c`".
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
