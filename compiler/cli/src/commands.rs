//! The sub-commands: one file each.

mod check;
mod compile;
mod diff;
mod explain;
mod fmt;
mod graph;
mod hand_over;
mod lsp;
mod new;
mod playground;
mod run;
mod test;

use clap::Subcommand;

pub use lsp::Disk;

use crate::Outcome;
use crate::output::Output;
use crate::problem::Problem;

/// What `nsfc` can do.
#[derive(Subcommand)]
pub enum Command {
    New(new::New),
    Check(check::Check),
    Compile(compile::Compile),
    Diff(diff::Diff),
    Run(run::Run),
    Test(test::Test),
    Fmt(fmt::Fmt),
    Graph(graph::Graph),
    Explain(explain::Explain),
    Lsp(lsp::Lsp),
    Playground(playground::Playground),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// When a wrong argument or a failing file keeps the command from its work.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        match self {
            Self::New(command) => command.run(output),
            Self::Check(command) => command.run(output),
            Self::Compile(command) => command.run(output),
            Self::Diff(command) => command.run(output),
            Self::Run(command) => command.run(output),
            Self::Test(command) => command.run(output),
            Self::Fmt(command) => command.run(output),
            Self::Graph(command) => command.run(output),
            Self::Explain(command) => command.run(output),
            Self::Lsp(command) => command.run(),
            Self::Playground(command) => command.run(output),
        }
    }
}
