//! `nsflow state`: looks at rows of states and dimensions in the store of a profile. Nothing is changed.

use std::{io::Write as _, sync::Arc};

use clap::Subcommand;
use nsf_engine::{connector::Connectors as _, inspect::Kept, store::Store};

use crate::{
    Deployment,
    configuration::{self, Configuration},
    kept,
    problem::Problem,
    production::Production,
};

/// Looks at rows of states and dimensions.
#[derive(Debug, clap::Args)]
pub struct State {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Prints the row of a key as a line of JSON.
    Get(Get),
    /// Prints all rows as lines of JSON. All keys of the store are gone through: that takes time where it is large.
    Scan(Scan),
}

#[derive(Debug, clap::Args)]
struct Get {
    #[command(flatten)]
    deployment: Deployment,
    /// The state or dimension, with its module where several have the name.
    state: String,
    /// The parts of the key, in their order; `~` for null.
    #[arg(required = true, allow_negative_numbers = true)]
    key: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Scan {
    #[command(flatten)]
    deployment: Deployment,
    /// The state or dimension, with its module where several have the name.
    state: String,
    /// How many rows are printed at most.
    #[arg(long, short, default_value_t = 100)]
    limit: usize,
}

impl State {
    /// Runs the command.
    ///
    /// # Errors
    /// What keeps the rows from being read.
    pub fn run(self) -> Result<(), Vec<Problem>> {
        match self.what {
            What::Get(get) => get.run(),
            What::Scan(scan) => scan.run(),
        }
    }
}

/// The store of the profile.
fn open(configuration: Configuration) -> Result<Arc<dyn Store>, Vec<Problem>> {
    let Configuration { plan, profile, folder } = configuration;
    let production = Production::new(&plan, profile, folder).map_err(|problem| vec![problem])?;
    production.store().map_err(|error| vec![Problem::connector("store", &error)])
}

/// Prints a line; gives whether someone still reads.
fn print(line: &str) -> bool {
    writeln!(std::io::stdout(), "{}", super::printable(line)).is_ok()
}

/// Prints a row; one whose key cannot be read by the plan is another program's.
fn print_row(kept: &Kept<'_>, key: &[u8], row: &[u8]) -> bool {
    kept.line(key, row).is_none_or(|line| print(&line))
}

impl Get {
    fn run(self) -> Result<(), Vec<Problem>> {
        let configuration = configuration::read(&self.deployment)?;
        let plan = Arc::clone(&configuration.plan);
        let kept = kept::find(&plan, &self.state).map_err(|problem| vec![problem])?;
        let words: Vec<&str> = self.key.iter().map(String::as_str).collect();
        let key = kept
            .key(&words)
            .map_err(|mistake| vec![Problem::new(mistake.to_string()).with_help(kept::key_help(&kept))])?;
        let store = open(configuration)?;
        let mut found = false;
        let mut row = |_: usize, row: &[u8]| {
            found = true;
            print_row(&kept, &key, row);
        };
        store.get_many(kept.table, &[&key], &mut row).map_err(|error| vec![Problem::connector("store", &error)])?;
        if found {
            return Ok(());
        }
        let message = format!("`{}` has no row of the key {}", kept.name, self.key.join(" "));
        Err(vec![Problem::new(message).with_help(kept::key_help(&kept))])
    }
}

impl Scan {
    fn run(self) -> Result<(), Vec<Problem>> {
        let configuration = configuration::read(&self.deployment)?;
        let plan = Arc::clone(&configuration.plan);
        let kept = kept::find(&plan, &self.state).map_err(|problem| vec![problem])?;
        let store = open(configuration)?;
        let (mut printed, mut more) = (0, false);
        let mut row = |key: &[u8], row: &[u8]| {
            more = printed == self.limit;
            printed += 1;
            !more && print_row(&kept, key, row)
        };
        store.scan(kept.table, &kept.prefix(), &mut row).map_err(|error| vec![Problem::connector("store", &error)])?;
        if more {
            eprintln!("note: there are more than {} rows; give a larger --limit to see them", self.limit);
        }
        Ok(())
    }
}
