//! What the passes are given: the texts of a project, and the standard library's.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use nsf_diagnostics::{FileId, SourceText};
use nsf_syntax::ast::{Item, ItemKind};
use nsf_syntax::{Parse, SyntaxError};

/// A `.nsf` file as text.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// Path relative to the project, with `/`.
    pub path: String,
    /// The text; invalid UTF-8 was reported by whoever read the file.
    pub text: String,
}

/// A project as text.
#[derive(Clone, Debug, Default)]
pub struct ProjectInput {
    /// The project's name: of `nsf.yaml`, or of the folder.
    pub name: String,
    /// Its `.nsf` files, in the order of their paths.
    pub files: Vec<InputFile>,
    /// The text of `nsf.lock`, if there is one.
    pub lock: Option<String>,
}

/// A text that was read, with its tree and its mistakes: all that does not depend on where it stands. Whoever checks a project
/// again keeps those of the texts that have not changed, and reading them costs nothing.
#[derive(Debug)]
pub struct Parsed {
    /// The text.
    pub text: SourceText,
    /// What was read; the mistakes are of the file 0.
    pub parse: Parse,
}

impl Parsed {
    /// Reads a text.
    #[must_use]
    pub fn of(text: SourceText) -> Self {
        let parse = nsf_syntax::parse(FileId(0), &text);
        Self { text, parse }
    }

    /// The mistakes, as those of a file.
    pub fn errors(&self, file: FileId) -> impl Iterator<Item = SyntaxError> + '_ {
        self.parse.errors.iter().cloned().map(move |mut error| {
            error.location.file = file;
            error
        })
    }
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct ParsedFile {
    /// Path relative to the project, with `/`.
    pub path: String,
    /// What was read of it.
    pub parsed: Arc<Parsed>,
}

/// A project whose files were read.
#[derive(Clone, Debug, Default)]
pub struct ParsedProject {
    /// The project's name: of `nsf.yaml`, or of the folder.
    pub name: String,
    /// Its `.nsf` files, in the order of their paths.
    pub files: Vec<ParsedFile>,
    /// The text of `nsf.lock`, if there is one.
    pub lock: Option<SourceText>,
}

impl ParsedProject {
    /// Reads every file of a project.
    #[must_use]
    pub fn of(input: &ProjectInput) -> Self {
        let files = input.files.iter().map(|file| ParsedFile {
            path: file.path.clone(),
            parsed: Arc::new(Parsed::of(SourceText::new(file.text.as_str()))),
        });
        let lock = input.lock.as_deref().map(SourceText::new);
        Self { name: input.name.clone(), files: files.collect(), lock }
    }

    /// Bytes in all its texts.
    #[must_use]
    pub fn size(&self) -> usize {
        self.files.iter().map(|file| file.parsed.text.len()).sum()
    }

    /// The project as if it held nothing but a file and those that it uses, and those that they use; none where there is no such
    /// file, or where these have more than `most` bytes.
    #[must_use]
    pub fn part(&self, path: &str, most: usize) -> Option<Self> {
        let uses = self.uses();
        self.only(closure([self.index(path)?], &uses), most)
    }

    /// The same with the files that use it, and those that these use.
    #[must_use]
    pub fn part_around(&self, path: &str, most: usize) -> Option<Self> {
        let uses = self.uses();
        let mut users = vec![Vec::new(); uses.len()];
        for (user, used) in uses.iter().enumerate() {
            for own in used {
                users[*own].push(user);
            }
        }
        let users = closure([self.index(path)?], &users);
        self.only(closure(users, &uses), most)
    }

    fn index(&self, path: &str) -> Option<usize> {
        self.files.iter().position(|file| file.path == path)
    }

    /// For each file those that it uses.
    fn uses(&self) -> Vec<Vec<usize>> {
        let by_module: HashMap<String, usize> =
            self.files.iter().enumerate().map(|(index, file)| (module_name(&file.path), index)).collect();
        let used = |item: &Item| match &item.kind {
            ItemKind::Use(usage) => by_module.get(&usage.module()).copied(),
            _ => None,
        };
        self.files.iter().map(|file| file.parsed.parse.file.items.iter().filter_map(used).collect()).collect()
    }

    fn only(&self, taken: BTreeSet<usize>, most: usize) -> Option<Self> {
        let files: Vec<ParsedFile> = taken.iter().filter_map(|index| self.files.get(*index)).cloned().collect();
        let part = Self { name: self.name.clone(), files, lock: self.lock.clone() };
        (part.size() <= most).then_some(part)
    }
}

/// What can be reached from some.
fn closure(from: impl IntoIterator<Item = usize>, next: &[Vec<usize>]) -> BTreeSet<usize> {
    let mut found: BTreeSet<usize> = from.into_iter().collect();
    let mut open: Vec<usize> = found.iter().copied().collect();
    while let Some(index) = open.pop() {
        let more = next.get(index).into_iter().flatten().copied();
        open.extend(more.filter(|index| found.insert(*index)));
    }
    found
}

/// The module that a path names: `classroom/fields.nsf` is `classroom.fields`. A path with a part that is no
/// identifier is still a module, which no `use` can name.
#[must_use]
pub fn module_name(path: &str) -> String {
    path.strip_suffix(".nsf").unwrap_or(path).replace('/', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_a_file_uses_or_what_also_uses_it() {
        let file = |path: &str, text: &str| InputFile { path: path.to_owned(), text: text.to_owned() };
        let files = vec![
            file("a.nsf", "use b\n"),
            file("b.nsf", "use deep.c\nuse b\n"),
            file("deep/c.nsf", "use nowhere\nuse b\n"),
            file("d.nsf", "use e\nuse b\n"),
            file("e.nsf", "const E: int64 = 1\n"),
        ];
        let project = ParsedProject::of(&ProjectInput { name: "p".to_owned(), files, lock: None });
        let paths = |part: Option<ParsedProject>| -> Vec<String> {
            part.map(|part| part.files.into_iter().map(|file| file.path).collect()).unwrap_or_default()
        };
        assert_eq!(paths(project.part("a.nsf", 1000)), ["a.nsf", "b.nsf", "deep/c.nsf"]);
        assert_eq!(paths(project.part("e.nsf", 1000)), ["e.nsf"]);
        assert_eq!(paths(project.part_around("e.nsf", 1000)), ["b.nsf", "deep/c.nsf", "d.nsf", "e.nsf"]);
        assert_eq!(paths(project.part_around("b.nsf", 1000)).len(), 5);
        assert!(project.part("a.nsf", 10).is_none() && project.part("f.nsf", 1000).is_none());
        assert_eq!(project.size(), 72);
    }
}
