//! `tests/PROOF.md`: one section for each part.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const HEAD: &str = "\
# What was shown

Written by `cargo xtask prove`; `--part NAME` runs one part alone and replaces its section, and there are options for its
dose: `--kills N`, `--percent N` (of records, programs, places), `--seconds N` (of fuzzing), `--cases N` (of each property), `--seed N`.
A dose below the full one is named as such. The short doses of every part run with `cargo xtask test`.
";

/// A part of the proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All tests of the workspace.
    Tests,
    /// Runs that are killed and continued.
    Kill,
    /// The fuzz targets.
    Fuzz,
    /// The property tests.
    Properties,
    /// What `nsfc fmt` may never do.
    Formatter,
    /// Files that are cut short, or have a token twice or not.
    Damage,
    /// The grammar for editors.
    Grammar,
}

impl Part {
    /// Every part, in the order of the page.
    pub const ALL: [Self; 7] =
        [Self::Tests, Self::Kill, Self::Fuzz, Self::Properties, Self::Formatter, Self::Damage, Self::Grammar];

    /// Its name as an option.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Kill => "kill",
            Self::Fuzz => "fuzz",
            Self::Properties => "properties",
            Self::Formatter => "formatter",
            Self::Damage => "damage",
            Self::Grammar => "grammar",
        }
    }

    /// The part of a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn parse(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|part| part.name() == name);
        found.ok_or_else(|| format!("there is no part `{name}`; there are {}", Self::ALL.map(Self::name).join(", ")))
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Tests => "Tests of the workspace",
            Self::Kill => "Killed runs end like whole ones",
            Self::Fuzz => "Fuzzing of parser, formatter, plan and record",
            Self::Properties => "Properties",
            Self::Formatter => "The formatter loses, moves and changes nothing",
            Self::Damage => "A damaged file is read in time, and what stands around the damage as before",
            Self::Grammar => "Editors read what the compiler reads",
        }
    }
}

/// The page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    sections: BTreeMap<Part, String>,
}

impl Page {
    /// The page as it is; an empty one where there is none.
    pub fn read(path: &Path) -> Self {
        Self::parse(&fs::read_to_string(path).unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut sections = BTreeMap::new();
        for section in text.split("\n## ").skip(1) {
            let Some((title, body)) = section.split_once('\n') else { continue };
            if let Some(part) = Part::ALL.into_iter().find(|part| part.title() == title.trim()) {
                sections.insert(part, body.trim().to_owned());
            }
        }
        Self { sections }
    }

    /// Replaces a section.
    pub fn put(&mut self, part: Part, lines: &[String]) {
        let mut body = String::new();
        for (index, line) in lines.iter().enumerate() {
            let list = line.starts_with("- ") && index > 0 && lines[index - 1].starts_with("- ");
            if index > 0 {
                body.push_str(if list { "\n" } else { "\n\n" });
            }
            body.push_str(line);
        }
        self.sections.insert(part, body);
    }

    fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for part in Part::ALL {
            let body = self.sections.get(&part).map_or("**NOT SHOWN**: not run yet.", String::as_str);
            text.push_str(&format!("\n## {}\n\n{body}\n", part.title()));
        }
        text
    }

    /// Writes the page.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        fs::write(path, self.text()).map_err(|error| format!("{}: {error}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, Part};

    #[test]
    fn a_part_replaces_its_own_section_alone() {
        let mut page = Page::default();
        page.put(Part::Kill, &["Dose.".to_owned(), "- a".to_owned(), "- b".to_owned(), "Shown.".to_owned()]);
        let mut again = Page::parse(&page.text());
        again.put(Part::Fuzz, &["x".to_owned()]);
        let text = again.text();
        assert!(text.contains("Dose.\n\n- a\n- b\n\nShown.") && text.contains("\n\nx\n"), "{text}");
        assert_eq!(text.matches("NOT SHOWN").count(), 5, "{text}");
    }
}
