//! `nsfc graph`: who reads, writes and tells whom.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use nsf_analysis::Analysis;
use nsf_analysis::graph::print::{self, UnknownFlow, View};

use crate::Outcome;
use crate::checked::Checked;
use crate::output::Output;
use crate::problem::Problem;

/// Show how sources, flows, states, dimensions and topics hang together
#[derive(clap::Args)]
pub struct Graph {
    /// Only this flow and what it touches; a project's folder or a .nsf file stands for all of that project
    #[arg(value_name = "FLOW")]
    flow: Option<String>,
    /// The project that FLOW is in, when it is not the current one
    #[arg(long, value_name = "PATH")]
    project: Option<PathBuf>,
    /// The language the graph is written in
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: GraphFormat,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum GraphFormat {
    /// For people
    #[default]
    Text,
    /// For Graphviz
    Dot,
    /// For Markdown pages that draw Mermaid
    Mermaid,
    /// For programs
    Json,
}

impl Graph {
    /// Draws the graph of a project or flow.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        let (path, flow) = self.path_and_flow();
        let checked = Checked::load(path.as_deref())?;
        if !checked.is_usable(output)? {
            return Ok(Outcome::Errors);
        }
        let Analysis { dag, sources, .. } = &checked.analysis;
        let view = View::of(dag, sources, flow.as_deref()).map_err(|error| unknown(&error))?;
        let mut text = match self.format {
            GraphFormat::Text => print::text(&view),
            GraphFormat::Dot => print::dot(&view),
            GraphFormat::Mermaid => print::mermaid(&view),
            GraphFormat::Json => print::json(&view),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        output.result(&text)?;
        Ok(Outcome::Clean)
    }

    /// A first argument that is a path names the project: no flow is named like one.
    fn path_and_flow(&self) -> (Option<PathBuf>, Option<String>) {
        match &self.flow {
            Some(name) if self.project.is_none() && is_path(name) => (Some(PathBuf::from(name)), None),
            flow => (self.project.clone(), flow.clone()),
        }
    }
}

fn is_path(name: &str) -> bool {
    name == "." || name.contains('/') || name.ends_with(".nsf") || Path::new(name).is_dir()
}

fn unknown(error: &UnknownFlow) -> Problem {
    let problem = Problem::usage(format!("the program has no flow `{}`", error.name));
    let names: Vec<String> = error.flows.iter().map(|flow| format!("`{flow}`")).collect();
    match &error.near {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if names.is_empty() => problem.help("it has no flow at all"),
        None => problem.help(format!("its flows are {}", names.join(", "))),
    }
}
