//! The sub-commands: one file each.

mod check;
mod compile;
mod explain;
mod fmt;
mod new;
mod run;

use clap::Subcommand;

use crate::Outcome;
use crate::output::Output;
use crate::problem::Problem;

/// What `nsfc` can do.
#[derive(Subcommand)]
pub enum Command {
    New(new::New),
    Check(check::Check),
    Compile(compile::Compile),
    Run(run::Run),
    Fmt(fmt::Fmt),
    Explain(explain::Explain),
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
            Self::Run(command) => command.run(output),
            Self::Fmt(command) => command.run(output),
            Self::Explain(command) => command.run(output),
        }
    }
}
