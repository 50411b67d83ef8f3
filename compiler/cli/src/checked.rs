//! A project with all that the passes found in it: what `check`, `compile`, `run`, `test` and `graph` start from.

use std::path::Path;

use nsf_analysis::Analysis;
use nsf_analysis::graph::Node;
use nsf_analysis::levels::Levels;
use nsf_analysis::lock::Lock;
use nsf_analysis::project::{InputFile, ProjectInput};
use nsf_diagnostics::{Diagnostics, FileId, IntoDiagnostic, Severity, Stage};

use nsf_plan::Plan;
use nsf_plan::connector::Connector;
use nsf_plan::profile::Manifest;

use crate::manifest;
use crate::output::Output;
use crate::problem::Problem;
use crate::project::{Project, SETTINGS_FILE};
use crate::report::{self, Format};

/// A project after the passes.
pub struct Checked {
    /// As it was read.
    pub project: Project,
    /// What the passes made of it; the paths of its texts are those that are shown.
    pub analysis: Analysis,
}

impl Checked {
    /// Reads the project that `path` names and runs the passes over it.
    ///
    /// # Errors
    /// When files cannot be read; mistakes in them are diagnostics.
    pub fn load(path: Option<&Path>) -> Result<Self, Problem> {
        Project::load(path).map(Self::of)
    }

    /// Runs the passes over a project.
    pub fn of(project: Project) -> Self {
        let files = project
            .files
            .iter()
            .map(|file| InputFile { path: file.path.clone(), text: nsf_syntax::decode(&file.bytes).into_owned() });
        let input = ProjectInput { name: project.name.clone(), files: files.collect(), lock: project.lock.clone() };
        let mut analysis = nsf_analysis::check(&input);
        let bytes = project.files.iter().enumerate().map(|(index, file)| (FileId(index as u32), file.bytes.as_slice()));
        let files = Files {
            not_text: bytes.filter(|(_, bytes)| std::str::from_utf8(bytes).is_err()).collect(),
            settings: project.settings.as_deref(),
            manifest: &project.manifest,
        };
        files.add_mistakes(&mut analysis);
        analysis.sources.prefix_paths(&project.shown_root);
        Self { project, analysis }
    }

    /// Shows errors and warnings on standard error; whether the program can be used.
    ///
    /// # Errors
    /// When a program without errors was not understood, which is a mistake of the compiler.
    pub fn is_usable(&self, output: &mut Output) -> Result<bool, Problem> {
        let Analysis { diagnostics, sources, dag, .. } = &self.analysis;
        if !diagnostics.is_empty() {
            output.error(&report::render(Format::Human, diagnostics, sources, output.error_looks()));
        }
        if self.analysis.has_errors() {
            return Ok(false);
        }
        if !dag.complete {
            return Err(Problem::failure("the program has no errors, and yet it could not be understood")
                .help("this is a mistake in nsfc, please report it with the program"));
        }
        Ok(true)
    }

    /// The plan of a program without errors. Otherwise, and where there are warnings, they are shown on standard error.
    ///
    /// # Errors
    /// As [`Checked::is_usable`].
    pub fn plan_or_report(&self, output: &mut Output) -> Result<Option<Plan>, Problem> {
        if !self.is_usable(output)? {
            return Ok(None);
        }
        let Analysis { sources, dag, .. } = &self.analysis;
        let plan = self.lower();
        let contradictions = nsf_analysis::lower::contradictions(&plan, dag, sources);
        if contradictions.is_empty() {
            return Ok(Some(plan));
        }
        output.error(&report::render(Format::Human, &contradictions, sources, output.error_looks()));
        Ok(None)
    }

    /// The plan of what was understood.
    pub fn lower(&self) -> Plan {
        nsf_analysis::lower::lower(&self.analysis.dag, &self.analysis.sources)
    }

    /// What `nsf.lock` must hold for this program.
    pub fn lock_text(&self) -> String {
        let before = self.project.lock.as_deref().and_then(|text| Lock::read(text, None).ok());
        Lock::of(&self.analysis.dag, before.as_ref()).text()
    }
}

/// Every connector that the program names.
fn connectors(analysis: &Analysis) -> Vec<&Connector> {
    let connectors = analysis.dag.graph.node_weights().filter_map(|node| match node {
        Node::Topic(topic) => Some(&topic.value.connector),
        Node::State(state) => state.value.store.as_ref(),
        _ => None,
    });
    connectors.collect()
}

/// What only the one who read the files knows of them.
pub struct Files<'p> {
    /// Those that hold bytes that are no text.
    pub not_text: Vec<(FileId, &'p [u8])>,
    /// The text of the settings file, if there is one.
    pub settings: Option<&'p str>,
    /// What is said there.
    pub manifest: &'p Manifest,
}

impl Files<'_> {
    /// Adds bytes that are no text, and mistakes in the settings, to what the passes have found.
    pub fn add_mistakes(&self, analysis: &mut Analysis) {
        let mut found = Diagnostics::default();
        let mut levels = Levels::default();
        for (id, bytes) in &self.not_text {
            // The passes have read a text in which other characters stand for the bytes; the parser of the bytes
            // themselves knows which of its mistakes are real.
            let elsewhere = |code: &nsf_diagnostics::Code, file| code.stage != Stage::Syntax || file != *id;
            analysis.diagnostics.retain(|other| elsewhere(other.code, other.location().file));
            let errors = nsf_syntax::parse_bytes(*id, bytes).errors;
            found.extend(errors.into_iter().map(|error| error.into_diagnostic(&analysis.sources)));
        }
        if let Some(settings) = self.settings {
            let id = analysis.sources.add(SETTINGS_FILE, settings);
            found.extend(self.manifest.mistakes.iter().map(|mistake| manifest::diagnostic(mistake, id)));
            manifest::levels(self.manifest, id, &mut levels, &mut found);
            found.extend(manifest::missing_connections(self.manifest, &connectors(analysis), id));
            // How a program without mistakes runs is of interest; many mistakes in keys have the same mend.
            if !analysis.diagnostics.iter().any(|found| found.severity() == Severity::Error) {
                found.extend(manifest::not_shared(self.manifest, &analysis.dag, id));
            }
        }
        found.extend(std::mem::take(&mut analysis.diagnostics));
        analysis.diagnostics = found.into_sorted();
        // What the settings show of a program can be allowed too.
        analysis.allowances.settle(&mut analysis.diagnostics);
        levels.settle(&mut analysis.diagnostics);
    }
}
