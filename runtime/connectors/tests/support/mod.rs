//! Plans built by hand, and projects in folders of their own to run them in.
#![allow(dead_code, unused_imports, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

#[path = "../../../engine/tests/support/mod.rs"]
mod plans;

use nsf_plan::Plan;
pub use plans::*;

/// A folder with a project, and runs in it.
pub struct Project {
    pub folder: tempfile::TempDir,
}

impl Default for Project {
    fn default() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }
}

impl Project {
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn append(&self, name: &str, text: &str) {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    pub fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn sorted(&self, name: &str) -> Vec<String> {
        let mut lines = self.lines(name);
        lines.sort();
        lines
    }

    /// Names given as `NAME=FILE`, the files in the project's folder.
    pub fn local(&self, inputs: &[(&str, &str)], outputs: &[(&str, &str)]) -> nsf_connectors::local::Local {
        let given =
            |places: &[(&str, &str)]| places.iter().map(|(name, file)| ((*name).to_owned(), self.path(file))).collect();
        nsf_connectors::local::Local::new(nsf_connectors::local::LocalSettings {
            project: self.folder.path().to_path_buf(),
            inputs: given(inputs),
            outputs: given(outputs),
            follow: false,
            fresh: false,
        })
    }

    /// Runs a plan.
    pub fn run(
        &self,
        plan: &Plan,
        inputs: &[(&str, &str)],
        outputs: &[(&str, &str)],
        options: nsf_engine::run::Options,
    ) -> Result<nsf_engine::summary::Summary, nsf_engine::run::RunError> {
        let connectors = self.local(inputs, outputs);
        let pieces = nsf_engine::run::Engine::build(std::sync::Arc::new(plan.clone()), options, &connectors);
        match pieces {
            Ok(pieces) => pieces.run(),
            Err(errors) => panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        }
    }
}
