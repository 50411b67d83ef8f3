//! Mistakes of names.

use nsf_diagnostics::{Diagnostic, Location, Suggestion, codes};

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq)]
pub enum NameError {
    /// `use` of a module that is not there.
    UnknownModule {
        /// As written.
        path: String,
        /// The nearest module.
        near: Option<String>,
        /// Where.
        location: Location,
    },
    /// `use a.{x}` where `a` has no `x`.
    NotInModule {
        /// `x`.
        name: String,
        /// `a`.
        module: String,
        /// The nearest item there.
        near: Option<String>,
        /// Where.
        location: Location,
    },
    /// Two items of one name in one module.
    DeclaredTwice {
        /// The name.
        name: String,
        /// The second.
        location: Location,
        /// The first.
        earlier: Location,
    },
    /// A name that means nothing here.
    Unknown {
        /// What was looked for: "field", "state".
        what: String,
        /// As written.
        name: String,
        /// The nearest name.
        near: Option<String>,
        /// A module that declares it and is not imported.
        module: Option<String>,
        /// Where.
        location: Location,
    },
    /// A name that two imports bring in.
    Ambiguous {
        /// The name.
        name: String,
        /// Full names of both.
        candidates: [String; 2],
        /// Where it is used.
        location: Location,
        /// Where both are declared.
        declared: [Location; 2],
    },
    /// A name of an item of another kind.
    WrongKind {
        /// The name.
        name: String,
        /// What it is.
        is: &'static str,
        /// What is expected.
        expected: String,
        /// Where it is used.
        location: Location,
        /// Where it is declared.
        declared: Location,
    },
}

impl NameError {
    /// The diagnostic.
    #[must_use]
    pub fn diagnostic(self) -> Diagnostic {
        match self {
            Self::UnknownModule { path, near, location } => with_near(
                Diagnostic::new(&codes::E0201, location, format!("there is no module `{path}`"))
                    .note("a module is named by its file's path from the project's folder: `a/b.nsf` is `a.b`"),
                &path,
                near,
                location,
            ),
            Self::NotInModule { name, module, near, location } => with_near(
                Diagnostic::new(&codes::E0202, location, format!("module `{module}` has no item `{name}`")),
                &name,
                near,
                location,
            ),
            Self::DeclaredTwice { name, location, earlier } => {
                Diagnostic::new(&codes::E0203, location, format!("`{name}` is declared twice"))
                    .label("declared again here")
                    .secondary(earlier, "first declared here")
                    .help("give one of them another name")
            }
            Self::Unknown { what, name, near, module, location } => {
                let message = format!("there is no {what} `{name}` here");
                let diagnostic = Diagnostic::new(&codes::E0204, location, message);
                // A list and an element of it are called so; and a constant is no field.
                let is_constant = |name: &str| !name.chars().any(char::is_lowercase);
                let is_plural = |one: &str, other: &str| one.strip_suffix('s') == Some(other);
                let diagnostic = match &near {
                    Some(near)
                        if what == "field"
                            && (is_plural(&name, near)
                                || is_plural(near, &name)
                                || is_constant(near) != is_constant(&name)) =>
                    {
                        diagnostic.label(format!("did you mean `{near}`?")).suggest(Suggestion::likely(
                            format!("write `{near}`"),
                            location,
                            near.clone(),
                        ))
                    }
                    near => with_near(diagnostic, &name, near.clone(), location),
                };
                match module {
                    Some(module) if near.is_none() => diagnostic
                        .help(format!("module `{module}` declares it: add `use {module}` at the top of the file")),
                    _ => diagnostic,
                }
            }
            Self::Ambiguous { name, candidates, location, declared } => {
                let [first, second] = candidates;
                Diagnostic::new(&codes::E0205, location, format!("`{name}` may mean `{first}` or `{second}`"))
                    .secondary(declared[0], "declared here")
                    .secondary(declared[1], "and here")
                    .help("import the one that is meant by name, as in `use module.{name}`")
            }
            Self::WrongKind { name, is, expected, location, declared } => {
                Diagnostic::new(&codes::E0206, location, format!("`{name}` is a {is}, not {expected}"))
                    .secondary(declared, format!("this {is}"))
            }
        }
    }
}

fn with_near(diagnostic: Diagnostic, written: &str, near: Option<String>, location: Location) -> Diagnostic {
    match near {
        Some(near) => {
            let fix = Suggestion::name(location, written, &near);
            diagnostic.label(format!("did you mean `{near}`?")).suggest(fix)
        }
        None => diagnostic,
    }
}
