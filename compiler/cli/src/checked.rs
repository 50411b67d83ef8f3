//! A project with all that the passes found in it: what `check`, `compile`, `run`, `test` and `graph` start from.

use std::path::Path;

use nsf_diagnostics::{Diagnostic, Diagnostics, IntoDiagnostic, SourceMap};

use crate::problem::Problem;
use crate::project::{Project, SETTINGS_FILE};

/// A project after the passes.
pub struct Checked {
    /// As it was read.
    pub project: Project,
    /// Its texts, under the paths that are shown.
    pub sources: SourceMap,
    /// Every mistake and warning, by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Checked {
    /// Reads the project that `path` names and runs the passes over it.
    ///
    /// # Errors
    /// When files cannot be read; mistakes in them are diagnostics.
    pub fn load(path: Option<&Path>) -> Result<Self, Problem> {
        let project = Project::load(path)?;
        let mut sources = SourceMap::default();
        let mut found = Diagnostics::default();
        for file in &project.files {
            let id = sources.add(project.shown(&file.path), nsf_syntax::decode(&file.bytes));
            let parsed = nsf_syntax::parse_bytes(id, &file.bytes);
            found.extend(parsed.errors.into_iter().map(|error| error.into_diagnostic(&sources)));
        }
        if let Some(settings) = &project.settings {
            let id = sources.add(project.shown(SETTINGS_FILE), settings.as_str());
            found.extend(project.manifest.mistakes.iter().map(|mistake| mistake.diagnostic(id)));
        }
        Ok(Self { project, sources, diagnostics: found.into_sorted() })
    }

    /// Whether the program cannot run.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity() == nsf_diagnostics::Severity::Error)
    }
}
