//! What stands in a text of the settings file: characters, `${NAME}`, or `file:/path`.

/// A text with the references in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// Characters and variables.
    Inline(Vec<Part>),
    /// The content of the file of this path.
    File(Vec<Part>),
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Characters.
    Literal(String),
    /// The value of a variable.
    Variable(String),
}

/// Why a reference cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceMistake {
    /// `${NAME` without its brace.
    Unclosed,
    /// What stands in the braces is not a name.
    Name(String),
    /// A dollar that begins no reference.
    Dollar,
    /// `file:` without a path.
    NoPath,
}

/// What begins the path of a file.
const FILE: &str = "file:";

impl Text {
    /// Takes a text apart.
    pub(super) fn read(text: &str) -> Result<Self, ReferenceMistake> {
        match text.trim().strip_prefix(FILE) {
            Some(path) if path.trim().is_empty() => Err(ReferenceMistake::NoPath),
            Some(path) => parts(path.trim()).map(Self::File),
            None => parts(text).map(Self::Inline),
        }
    }

    /// Whether nothing of its value stands in the settings file itself.
    pub(super) fn is_reference_alone(&self) -> bool {
        match self {
            Self::File(_) => true,
            Self::Inline(parts) => matches!(parts.as_slice(), [Part::Variable(_)]),
        }
    }

    /// Whether it is the same everywhere.
    pub(super) fn is_literal(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Inline(parts) => parts.iter().all(|part| matches!(part, Part::Literal(_))),
        }
    }

    /// The text with every variable replaced by `mark`.
    pub(super) fn marked(&self, mark: char) -> String {
        match self {
            Self::File(_) => mark.to_string(),
            Self::Inline(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Literal(text) => text.clone(),
                    Part::Variable(_) => mark.to_string(),
                })
                .collect(),
        }
    }

    /// As it is shown to a person: the references, never what they give.
    pub(super) fn references(&self) -> String {
        let (parts, file) = match self {
            Self::Inline(parts) => (parts, false),
            Self::File(parts) => (parts, true),
        };
        let shown = parts.iter().filter_map(|part| match part {
            Part::Literal(text) => file.then(|| text.clone()),
            Part::Variable(name) => Some(format!("${{{name}}}")),
        });
        let shown: Vec<String> = shown.collect();
        if file { format!("{FILE}{}", shown.concat()) } else { shown.join(" and ") }
    }
}

fn parts(text: &str) -> Result<Vec<Part>, ReferenceMistake> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        literal.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix('$') {
            literal.push('$');
            rest = after;
        } else if let Some(inner) = after.strip_prefix('{') {
            let (name, after) = inner.split_once('}').ok_or(ReferenceMistake::Unclosed)?;
            if !is_name(name) {
                return Err(ReferenceMistake::Name(name.to_owned()));
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Variable(name.to_owned()));
            rest = after;
        } else {
            return Err(ReferenceMistake::Dollar);
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Part {
        Part::Literal(text.to_owned())
    }

    fn variable(name: &str) -> Part {
        Part::Variable(name.to_owned())
    }

    #[test]
    fn variables_stand_inside_a_text_and_two_dollars_are_one() {
        assert_eq!(Text::read("a${B}c$$d"), Ok(Text::Inline(vec![literal("a"), variable("B"), literal("c$d")])));
        assert_eq!(Text::read("$${B}"), Ok(Text::Inline(vec![literal("${B}")])));
        assert_eq!(Text::read("${A}${B}"), Ok(Text::Inline(vec![variable("A"), variable("B")])));
    }

    #[test]
    fn a_file_is_named_by_its_path_which_may_hold_variables() {
        assert_eq!(Text::read("file:/run/x"), Ok(Text::File(vec![literal("/run/x")])));
        assert_eq!(Text::read("file: ${DIR}/x"), Ok(Text::File(vec![variable("DIR"), literal("/x")])));
    }

    #[test]
    fn what_is_no_reference_is_told_of() {
        assert_eq!(Text::read("${A"), Err(ReferenceMistake::Unclosed));
        assert_eq!(Text::read("${A:-b}"), Err(ReferenceMistake::Name("A:-b".to_owned())));
        assert_eq!(Text::read("${}"), Err(ReferenceMistake::Name(String::new())));
        assert_eq!(Text::read("$A"), Err(ReferenceMistake::Dollar));
        assert_eq!(Text::read("file:"), Err(ReferenceMistake::NoPath));
    }

    #[test]
    fn only_a_whole_reference_keeps_its_value_out_of_the_file() {
        let alone = |text: &str| Text::read(text).unwrap().is_reference_alone();
        assert!(alone("${A}") && alone("file:/x") && !alone("a${A}") && !alone("a"));
        assert_eq!(Text::read("file:${D}/x").unwrap().references(), "file:${D}/x");
        assert_eq!(Text::read("a${D}${E}").unwrap().references(), "${D} and ${E}");
    }
}
