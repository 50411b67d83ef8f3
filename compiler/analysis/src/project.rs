//! What the passes are given: the texts of a project, and the standard library's.

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

/// The module that a path names: `classroom/fields.nsf` is `classroom.fields`. A path with a part that is no
/// identifier is still a module, which no `use` can name.
#[must_use]
pub fn module_name(path: &str) -> String {
    path.strip_suffix(".nsf").unwrap_or(path).replace('/', ".")
}
