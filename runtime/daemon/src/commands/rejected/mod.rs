//! `nsflow rejected`: looks at records that were rejected, and sends them back to the topics that they came from.
//!
//! | file | holds |
//! |---|---|
//! | `read` | reads the topics of rejected records |
//! | `filter` | which of them are meant |
//! | `replay` | sends them back |

mod filter;
mod read;
mod replay;

use std::{collections::VecDeque, io::Write as _};

use clap::Subcommand;

use super::printable;
use crate::{
    Deployment,
    configuration::{self, Configuration},
    problem::Problem,
    production::Production,
};
use filter::{Filter, Since};
use read::Found;

/// Looks at rejected records and sends them back.
#[derive(Debug, clap::Args)]
pub struct Rejected {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists rejected records, the newest last.
    List(List),
    /// Prints one whole, as JSON: everyone who rejected it, and its message.
    Show(Show),
    /// Sends messages back to the topics that they came from, as new ones with their old bytes and keys.
    ///
    /// All flows that read the topic take them, those too that had taken them before. What is sent twice is taken twice.
    Replay(replay::Replay),
}

/// Which of the rejected records are meant.
#[derive(Debug, clap::Args)]
struct Choice {
    /// Those of a code, such as R0101.
    #[arg(long)]
    code: Option<String>,
    /// Those of a source or ingest, by its name.
    #[arg(long)]
    source: Option<String>,
    /// Those since a time (2026-01-31T12:00:00Z) or for a while (90min, 2h, 3d).
    #[arg(long)]
    since: Option<Since>,
}

impl Choice {
    fn filter(&self, ids: Vec<String>) -> Filter {
        Filter { code: self.code.clone(), source: self.source.clone(), since: self.since, ids }
    }
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    deployment: Deployment,
    #[command(flatten)]
    choice: Choice,
    /// How many are shown at most: the newest.
    #[arg(long, short, default_value_t = 50)]
    limit: usize,
    /// Prints them whole, one JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    deployment: Deployment,
    /// The record, as `list` names it: TOPIC/PARTITION/OFFSET.
    id: String,
}

impl Rejected {
    /// Runs the command.
    ///
    /// # Errors
    /// What keeps the records from being read or sent.
    pub fn run(self) -> Result<(), Vec<Problem>> {
        match self.what {
            What::List(list) => list.run(),
            What::Show(show) => show.run(),
            What::Replay(replay) => replay.run(),
        }
    }
}

/// The plan and its connectors.
struct Open {
    plan: std::sync::Arc<nsf_plan::Plan>,
    production: Production,
}

fn open(deployment: &Deployment) -> Result<Open, Vec<Problem>> {
    let Configuration { plan, profile, folder } = configuration::read(deployment)?;
    let production = Production::new(&plan, profile, folder).map_err(|problem| vec![problem])?;
    Ok(Open { plan, production })
}

impl List {
    fn run(self) -> Result<(), Vec<Problem>> {
        let open = open(&self.deployment)?;
        let filter = self.choice.filter(Vec::new());
        let (mut newest, mut all) = (VecDeque::new(), 0_usize);
        let read = read::read(&open, &mut |found: Found| {
            if filter.wants(&found) {
                all += 1;
                newest.push_back(found);
                if newest.len() > self.limit {
                    newest.pop_front();
                }
            }
            Ok(())
        });
        let notes = read.map_err(|problem| vec![problem])?;
        // Partitions are read one beside the other.
        newest.make_contiguous().sort_by_key(|found| found.time);
        for found in &newest {
            let line = if self.json { found.json().to_string() } else { found.line() };
            if writeln!(std::io::stdout(), "{}", printable(&line)).is_err() {
                break;
            }
        }
        notes.iter().for_each(|note| eprintln!("note: {note}"));
        if all > newest.len() {
            eprintln!("note: {all} rejected records are meant, the newest {} are shown; see --limit", newest.len());
        } else if all == 0 {
            eprintln!("no rejected record is there that is meant");
        }
        Ok(())
    }
}

impl Show {
    fn run(self) -> Result<(), Vec<Problem>> {
        let open = open(&self.deployment)?;
        let filter = Filter { ids: vec![self.id.clone()], ..Filter::default() };
        let mut shown = 0_usize;
        let read = read::read(&open, &mut |found: Found| {
            if filter.wants(&found) {
                shown += 1;
                let json = serde_json::to_string_pretty(&found.json()).unwrap_or_default();
                // Whoever reads may be gone, and needs no more of it then.
                let _ = writeln!(std::io::stdout(), "{}", printable(&json));
            }
            Ok(())
        });
        read.map_err(|problem| vec![problem])?;
        if shown > 0 {
            return Ok(());
        }
        let problem = Problem::new(format!("no rejected record `{}` is there", self.id));
        Err(vec![problem.with_help("name it as `nsflow rejected list` does: TOPIC/PARTITION/OFFSET")])
    }
}
