//! The daemon `nsflow`: runs a compiled plan under a profile of `nsf.yaml`, on Kafka, Redis and MySQL. No compiler inside.
//!
//! | file | holds |
//! |---|---|
//! | `commands/` | one sub-command each |
//! | `admin/` | health, metrics and status over HTTP |
//! | `metrics/` | the metrics and their names |
//! | `board` | what the process shows of itself |
//! | `notify` | what systemd is told |
//! | `combined` | one store of Redis and MySQL, where dimensions are in several places |
//! | `configuration` | `nsf.yaml` and the plan, read and resolved |
//! | `mysql` | which tables and dimensions are on MySQL |
//! | `spaces` | where the rows of dimensions are kept |
//! | `production` | the pieces that a plan names, under a profile |
//! | `telemetry` | metrics and spans for a collector of OpenTelemetry |
//! | `transactions` | whether outputs and positions are committed in transactions of Kafka |
//! | `stores` | which store the states of a plan are kept in |
//! | `settings` | what the profile says, in the words of each connector |
//! | `reload` | a plan and a profile that are taken while the worker runs |
//! | `faults` | what tests of faults ask of a worker |
//! | `interrupts` | which thread takes signals |
//! | `kept` | states and dimensions as a person names them |
//! | `joined` | sources of several kinds as one |
//! | `journal` | what happens, as lines |
//! | `problem` | what a person is told when it does not go on |

mod admin;
mod board;
mod combined;
mod commands;
mod configuration;
#[cfg(feature = "faults")]
mod faults;
#[cfg(unix)]
mod interrupts;
mod joined;
mod journal;
mod kept;
mod metrics;
mod mysql;
#[cfg(unix)]
mod notify;
#[cfg(not(unix))]
#[path = "notify_nowhere.rs"]
mod notify;
mod problem;
mod production;
mod reload;
mod settings;
mod spaces;
mod stores;
mod telemetry;
mod transactions;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use problem::Problem;

/// Runs a compiled NsFlow plan on Kafka, Redis and MySQL.
#[derive(Debug, Parser)]
#[command(name = "nsflow", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a plan until it is told to stop.
    Run(commands::run::Run),
    /// Connects to everything that a plan needs and says whether it could run.
    Check(commands::check::Check),
    /// Looks at rows of states and dimensions.
    State(commands::state::State),
    /// Looks at rejected records and sends them back.
    Rejected(commands::rejected::Rejected),
    /// Lets a topic be read anew, from its first or behind its last message.
    Reset(commands::reset::Reset),
    /// Lets running workers take plan and profile anew.
    Reload(commands::reload::Reload),
    /// Prints the SQL that makes the tables of dimensions, and runs it where that is asked for.
    Migrate(commands::migrate::Migrate),
    /// Compares the spaces of dimensions, and brings to the further ones what they lack.
    Heal(commands::heal::Heal),
}

/// What most commands need.
#[derive(Clone, Debug, clap::Args)]
struct Deployment {
    /// The plan, as `nsfc compile` wrote it.
    plan: PathBuf,
    /// The profile of nsf.yaml.
    #[arg(long, short, default_value = "prod")]
    profile: String,
    /// The file of profiles; nsf.yaml beside the plan, or else here, where it is not given.
    #[arg(long, short)]
    config: Option<PathBuf>,
}

/// How lines of the journal are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum JournalFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The commands, options and their texts, for completions and pages of `man`.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let done = match arguments.command {
        Command::Run(run) => run.run(),
        Command::Check(check) => check.run(),
        Command::State(state) => state.run(),
        Command::Rejected(rejected) => rejected.run(),
        Command::Reset(reset) => reset.run(),
        Command::Reload(reload) => reload.run(),
        Command::Migrate(migrate) => migrate.run(),
        Command::Heal(heal) => heal.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            problems.iter().for_each(Problem::print);
            ExitCode::FAILURE
        }
    }
}
