//! The command line of the NSF compiler: one file a sub-command under `commands/`, and the IO they share.
//!
//! The passes do no IO; this crate reads the files of a project, hands them to the passes, and shows or writes what
//! comes back.

mod binding;
mod checked;
mod commands;
mod compared;
mod edited;
mod fix;
mod live;
mod manifest;
mod numbers;
mod open;
mod output;
mod page;
mod pages;
mod playground;
mod problem;
mod project;
mod report;
mod summary;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use commands::Command;
use output::Output;

/// Checks, compiles, runs and tests NSF programs.
///
/// A project is a folder of .nsf files, with an nsf.yaml if it has settings. Wherever a PATH may be given and is left
/// out, the project around the current folder is meant.
#[derive(Parser)]
#[command(name = "nsfc", version, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 clean, 1 errors found, 2 wrong usage.\nStart with: nsfc new hello")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing is wrong.
    Clean,
    /// Errors were found and have been shown.
    Errors,
}

/// The commands, options and their texts, for completions and pages of `man`.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command that the program's arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::of_process();
    match arguments.command.run(&mut output) {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Errors) => ExitCode::from(1),
        Err(problem) => {
            output.problem(&problem);
            ExitCode::from(problem.exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        super::command().debug_assert();
    }
}
