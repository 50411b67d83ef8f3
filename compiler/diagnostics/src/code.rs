//! The one table of diagnostic codes.
//!
//! Ranges by pass: `01xx` syntax, `02xx` names, `03xx` types, `04xx` graph and proofs, `05xx` connectors and
//! settings, `06xx` plan and project, `07xx` tests. `E` is an error, `W` a warning. A code that was released is never
//! given another meaning. Every code has a page in `catalogue/`, which the tests execute.

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The program cannot run.
    Error,
    /// The program runs; something in it is probably not meant.
    Warning,
}

/// The pass that finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Text to tree.
    Syntax,
    /// Names.
    Names,
    /// Types.
    Types,
    /// Graph and proofs.
    Graph,
    /// Settings and connectors.
    Settings,
    /// Project, lock file and plan.
    Project,
    /// `test` items.
    Tests,
}

/// An entry of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `E0101`.
    pub id: &'static str,
    /// Short name in words, `unexpected-token`.
    pub slug: &'static str,
    /// The pass.
    pub stage: Stage,
    /// Error or warning.
    pub severity: Severity,
    /// One line for lists.
    pub summary: &'static str,
    /// The page: what, why, a failing and a mended example.
    pub page: &'static str,
}

macro_rules! codes {
    ($($id:ident $stage:ident $severity:ident $slug:literal $summary:literal;)*) => {
        /// Every code.
        pub(crate) mod all {
            use super::{Code, Severity, Stage};
            $(
                #[doc = $summary]
                pub static $id: Code = Code {
                    id: stringify!($id),
                    slug: $slug,
                    stage: Stage::$stage,
                    severity: Severity::$severity,
                    summary: $summary,
                    page: include_str!(concat!("../catalogue/", stringify!($id), "-", $slug, ".md")),
                };
            )*
        }
        /// The whole table, in its order.
        pub static CODES: &[&Code] = &[$(&all::$id),*];
    };
}

codes! {
    E0101 Syntax Error "unexpected-token" "A word or sign stands where the language expects another.";
    E0691 Project Error "broken-settings-file" "The file nsf.yaml cannot be read as YAML.";
    E0692 Project Error "wrong-project-setting" "A setting in nsf.yaml is not of the kind that is expected.";
    E0693 Project Error "unknown-project-setting" "A name in nsf.yaml is not the name of a setting.";
}

impl Code {
    /// The entry of an id such as `E0101`, upper or lower case.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Code> {
        CODES.iter().copied().find(|code| code.id.eq_ignore_ascii_case(id))
    }
}
