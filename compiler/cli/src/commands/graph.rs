//! `nsfc graph`: who reads, writes and tells whom.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use nsf_analysis::graph::print::{self, Scope, Steps, UnknownPart, View};

use crate::Outcome;
use crate::checked::Checked;
use crate::open;
use crate::output::Output;
use crate::problem::Problem;
use crate::project::replace_file;
use crate::report;

/// Show how sources, flows, states, dimensions and topics hang together
///
/// What is wrong in the program is marked at its place. Of a program with errors, what was understood is shown, and the exit code is 1.
#[derive(clap::Args)]
pub struct Graph {
    /// Only this flow, source, topic, state, dimension, … and what it touches; a project's folder or a .nsf file stands for all of
    /// that project
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The project that NAME is in, when it is not the current one
    #[arg(long, value_name = "PATH")]
    project: Option<PathBuf>,
    /// What NAME gets its data from, so many steps back; a number or `all`
    #[arg(long, value_name = "N", value_parser = steps)]
    up: Option<Steps>,
    /// What gets data from NAME, so many steps on; a number or `all`
    #[arg(long, value_name = "N", value_parser = steps)]
    down: Option<Steps>,
    /// The language the graph is written in; by default the one that the file's name ends in, or else text
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<GraphFormat>,
    /// The file to write; without it, or with `-`, standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show the picture in the program that this machine opens pictures with; it is left in a file of the folder for temporary
    /// files unless `--output` names one
    #[arg(long)]
    open: bool,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GraphFormat {
    /// For people
    Text,
    /// A picture, for browsers and pages
    Svg,
    /// For Graphviz
    Dot,
    /// For Markdown pages that draw Mermaid
    Mermaid,
    /// For programs
    Json,
}

impl Graph {
    /// Draws the graph of a project, or of a part and what is around it.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        let (path, name) = self.path_and_name();
        if name.is_none() && (self.up.is_some() || self.down.is_some()) {
            return Err(Problem::usage("`--up` and `--down` count steps from a part, and none is named")
                .help("name a flow, source, topic, state or dimension: nsfc graph NAME --up 2"));
        }
        if self.open && self.format.is_some_and(|format| format != GraphFormat::Svg) {
            return Err(Problem::usage("`--open` shows a picture, and `--format` asks for something else")
                .help("leave `--format` out, or write a file: nsfc graph --format dot --output graph.dot"));
        }
        let checked = Checked::load(path.as_deref())?;
        let analysis = &checked.analysis;
        if !analysis.diagnostics.is_empty() {
            let looks = output.error_looks();
            output.error(&report::render(report::Format::Human, &analysis.diagnostics, &analysis.sources, looks));
        }
        let scope = Scope { of: name, up: self.up, down: self.down };
        let view = View::of(analysis, &scope).map_err(|error| unknown(&error, analysis.has_errors()))?;
        self.write(&view, output)?;
        Ok(if analysis.has_errors() { Outcome::Errors } else { Outcome::Clean })
    }

    fn write(&self, view: &View, output: &mut Output) -> Result<(), Problem> {
        let file = self.output.as_deref().filter(|file| *file != Path::new("-"));
        let by_name = || file.map_or(GraphFormat::Text, GraphFormat::of_file);
        let format = if self.open { GraphFormat::Svg } else { self.format.unwrap_or_else(by_name) };
        let text = format.draw(view);
        let file = match file {
            Some(file) => {
                replace_file(file, &text)?;
                file.to_path_buf()
            }
            None if self.open => open::temporary(&view.project, &text)?,
            None => return output.result(&text),
        };
        let project = &view.project;
        let what = view.scope.as_ref().map_or_else(|| project.clone(), |scope| format!("{scope} in {project}"));
        output.error(&format!("wrote the graph of {what} to {}\n", file.display()));
        if self.open { open::show(&file) } else { Ok(()) }
    }

    /// A first argument that is a path names the project: no part is named like one.
    fn path_and_name(&self) -> (Option<PathBuf>, Option<String>) {
        match &self.name {
            Some(name) if self.project.is_none() && is_path(name) => (Some(PathBuf::from(name)), None),
            name => (self.project.clone(), name.clone()),
        }
    }
}

impl GraphFormat {
    /// The graph in this format; it ends in a line's end.
    fn draw(self, view: &View) -> String {
        let mut text = match self {
            Self::Text => print::text(view),
            Self::Svg => print::svg(view),
            Self::Dot => print::dot(view),
            Self::Mermaid => print::mermaid(view),
            Self::Json => print::json(view),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    /// What the name of a file says of the format that is wanted in it.
    fn of_file(file: &Path) -> Self {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("svg") => Self::Svg,
            Some("dot" | "gv") => Self::Dot,
            Some("mmd" | "mermaid") => Self::Mermaid,
            Some("json") => Self::Json,
            _ => Self::Text,
        }
    }
}

fn is_path(name: &str) -> bool {
    name == "." || name.contains('/') || name.ends_with(".nsf") || Path::new(name).is_dir()
}

fn steps(text: &str) -> Result<Steps, String> {
    match text {
        "all" => Ok(Steps::All),
        number => number.parse().map(Steps::Number).map_err(|_| "it takes a number of steps, or `all`".to_owned()),
    }
}

fn unknown(error: &UnknownPart, has_errors: bool) -> Problem {
    let problem = Problem::usage(format!("the program has nothing named `{}`", error.name));
    let names: Vec<String> = error.flows.iter().map(|flow| format!("`{flow}`")).collect();
    match &error.near {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if has_errors => problem.help("its errors may be the reason: mend them first"),
        None if names.is_empty() => problem.help("it has no flow at all; `nsfc graph` shows what it has"),
        None => problem.help(format!("its flows are {}; `nsfc graph` shows all its parts", names.join(", "))),
    }
}
