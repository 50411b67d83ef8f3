//! `nsfc diff`: what a deployment keeps, migrates and loses.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::Outcome;
use crate::compared::{self, Compared};
use crate::output::Output;
use crate::problem::Problem;

/// Show what a deployment keeps, migrates and loses of what another version has stored, sent and told
///
/// OLD and NEW are plans that `nsfc compile` has written, or projects, which are compiled now. Exit code 1 when something is lost.
#[derive(clap::Args)]
pub struct Diff {
    /// What runs now: a plan, a project's folder or a .nsf file
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// What is to run
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// How it is shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: DiffFormat,
    /// A part that may be lost, as it is shown: "state shop.seen"; or a kind of parts: rejected-code
    #[arg(long, value_name = "PART")]
    allow_loss: Vec<String>,
}

/// How a comparison is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// Each part with what becomes of it and what to do
    #[default]
    Human,
    /// One line a change
    Short,
    /// One JSON object
    Json,
}

impl Diff {
    /// Compares.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        let Some(old) = compared::load(&self.old, output)? else { return Ok(Outcome::Errors) };
        let Some(new) = compared::load(&self.new, output)? else { return Ok(Outcome::Errors) };
        let compared = Compared::new(&old, &new, &self.allow_loss);
        let text = match self.format {
            DiffFormat::Human => compared.human(output),
            DiffFormat::Short => compared.short(),
            DiffFormat::Json => format!("{:#}\n", compared.json()),
        };
        output.result(&text)?;
        Ok(if compared.loses() { Outcome::Errors } else { Outcome::Clean })
    }
}
