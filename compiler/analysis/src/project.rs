//! What the passes are given: the texts of a project, and the standard library's.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use nsf_diagnostics::{FileId, SourceText};
use nsf_syntax::ast::ItemKind;
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
        let by_module: HashMap<String, usize> =
            self.files.iter().enumerate().map(|(index, file)| (module_name(&file.path), index)).collect();
        let mut taken = BTreeSet::from([*by_module.get(&module_name(path))?]);
        let mut open: Vec<usize> = taken.iter().copied().collect();
        let mut size = 0;
        while let Some(file) = open.pop().and_then(|index| self.files.get(index)) {
            size += file.parsed.text.len();
            if size > most {
                return None;
            }
            let used = file.parsed.parse.file.items.iter().filter_map(|item| match &item.kind {
                ItemKind::Use(usage) => by_module.get(&usage.module()).copied(),
                _ => None,
            });
            open.extend(used.filter(|index| taken.insert(*index)));
        }
        let files = taken.iter().filter_map(|index| self.files.get(*index)).cloned().collect();
        Some(Self { name: self.name.clone(), files, lock: self.lock.clone() })
    }
}

/// The module that a path names: `classroom/fields.nsf` is `classroom.fields`. A path with a part that is no
/// identifier is still a module, which no `use` can name.
#[must_use]
pub fn module_name(path: &str) -> String {
    path.strip_suffix(".nsf").unwrap_or(path).replace('/', ".")
}
