//! Levels of warnings for a whole project: `lints` in `nsf.yaml` lets some stand, and makes others errors.

use nsf_diagnostics::{Code, Diagnostic, Location, codes};

use crate::allow::lint;

/// What is made of a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It is not shown.
    Allow,
    /// It is shown as a warning, as without a level.
    Warn,
    /// It is an error.
    Deny,
}

/// The levels of a project.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    list: Vec<(&'static Code, Level)>,
}

impl Levels {
    /// Takes a level up; a name that is that of no warning is told of.
    pub fn set(&mut self, name: &str, level: Level, place: Location, found: &mut Vec<Diagnostic>) {
        match lint(name, place, &codes::E0693) {
            Ok(code) => self.list.push((code, level)),
            Err(told) => found.push(told),
        }
    }

    /// Takes the warnings out that are allowed, and makes errors of those that are denied.
    pub fn settle(&self, diagnostics: &mut Vec<Diagnostic>) {
        let level = |code: &Code| self.list.iter().find(|(own, _)| own.id == code.id).map(|(_, level)| *level);
        diagnostics.retain(|diagnostic| level(diagnostic.code) != Some(Level::Allow));
        for diagnostic in diagnostics.iter_mut().filter(|own| level(own.code) == Some(Level::Deny)) {
            diagnostic.denied = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use nsf_diagnostics::{FileId, Severity, Span};

    use super::*;

    fn at() -> Location {
        Span::at(0).in_file(FileId(0))
    }

    #[test]
    fn what_is_allowed_is_not_shown_and_what_is_denied_is_an_error() {
        let (mut levels, mut told) = (Levels::default(), Vec::new());
        levels.set("unused", Level::Allow, at(), &mut told);
        levels.set("shadowing", Level::Deny, at(), &mut told);
        levels.set("no-effect", Level::Warn, at(), &mut told);
        assert_eq!(told, []);
        let codes = [&codes::W0402, &codes::W0305, &codes::W0405, &codes::E0204];
        let mut found: Vec<Diagnostic> = codes.iter().map(|code| Diagnostic::new(code, at(), "")).collect();
        levels.settle(&mut found);
        let left: Vec<(&str, Severity)> = found.iter().map(|own| (own.code.id, own.severity())).collect();
        let due = [("W0305", Severity::Error), ("W0405", Severity::Warning), ("E0204", Severity::Error)];
        assert_eq!(left, due);
    }

    #[test]
    fn a_name_that_no_warning_has_is_told_of_with_the_near_one() {
        let (mut levels, mut told) = (Levels::default(), Vec::new());
        levels.set("unsued", Level::Allow, at(), &mut told);
        levels.set("mismatch", Level::Allow, at(), &mut told);
        let said: Vec<(&str, &str)> = told.iter().map(|own| (own.code.id, own.message.as_str())).collect();
        assert_eq!(said[0], ("E0693", "there is no warning `unsued`"));
        assert_eq!(told[0].suggestions[0].edits[0].replacement, "unused");
        assert!(said[1].1.starts_with("`mismatch` is an error"), "{said:?}");
    }
}
