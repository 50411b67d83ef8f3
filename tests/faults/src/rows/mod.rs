//! The rows of the fault matrix. Each prints what it did, and writes a line into RESULTS.md where it was run in full.

mod blocked;
mod broken;
mod cluster;
mod failpoint;
mod foreign;
mod full;
mod joins;
mod journal;
mod kill;
mod mariadb;
mod mysql_states;
mod network;
mod poison;
pub(crate) mod refusals;
mod results;
mod resume;
mod sentinel;
mod store;
mod storm;
mod timers;
mod topics;
mod transactions;
mod upgrade;

use std::path::PathBuf;

use nsf_tests::servers::Unavailable;

use crate::{redis_servers::Form, stage::Servers};

/// A row of the matrix.
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// What breaks, in words.
    pub fault: &'static str,
    /// How often it does in full.
    pub dose: u32,
    run: fn(&Trial<'_>) -> Result<String, String>,
}

/// Every row.
pub const ROWS: &[Row] = &[
    Row { name: "kill", fault: "kill -9 of a worker at random", dose: 200, run: kill::kill },
    Row { name: "failpoint", fault: "the end of a worker at each of 26 named places", dose: 104, run: failpoint::run },
    Row { name: "pause", fault: "a worker is paused for twice its session, then goes on", dose: 50, run: kill::pause },
    Row { name: "rolling", fault: "workers are told to stop, one after the other", dose: 50, run: kill::rolling },
    Row { name: "redis-always", fault: "kill -9 of Redis, appendfsync always", dose: 50, run: store::always },
    Row { name: "redis-everysec", fault: "kill -9 of Redis, appendfsync everysec", dose: 50, run: store::every_second },
    Row { name: "redis-cut", fault: "kill -9 of Redis, its last changes cut off", dose: 50, run: store::cut },
    Row { name: "sentinel", fault: "Sentinel makes another server the master", dose: 10, run: sentinel::run },
    Row { name: "cluster", fault: "a cluster's master fails over; a slot moves", dose: 20, run: cluster::run },
    Row { name: "redis-full", fault: "Redis has no memory left, or its disk is full", dose: 20, run: full::full },
    Row { name: "redis-empty", fault: "Redis forgets everything", dose: 10, run: full::empty },
    Row { name: "network", fault: "the network is slow, cut, half open, or loses replies", dose: 5, run: network::run },
    Row { name: "mariadb", fault: "kill -9 of MariaDB while tables are read", dose: 20, run: mariadb::run },
    Row {
        name: "mysql-states",
        fault: "kill -9 of a worker, of MariaDB, of both; states on MariaDB, no Redis",
        dose: 60,
        run: mysql_states::run,
    },
    Row { name: "broken", fault: "a build that leaves a rule out", dose: 20, run: broken::run },
    Row { name: "timers", fault: "restarts and clocks that jump while values end", dose: 10, run: timers::run },
    Row { name: "broker", fault: "kill -9 of Kafka", dose: 20, run: store::broker },
    Row {
        name: "broker-errors",
        fault: "brokers answer with errors, by a mock cluster",
        dose: 200,
        run: refusals::run,
    },
    Row {
        name: "transactions",
        fault: "kill -9 of a worker or of Kafka, in transactions",
        dose: 60,
        run: transactions::run,
    },
    Row {
        name: "upgrade",
        fault: "another version of the program is taken, and taken back",
        dose: 10,
        run: upgrade::run,
    },
    Row { name: "foreign-key", fault: "a topic that is not partitioned by its key", dose: 5, run: foreign::run },
    Row { name: "partitions", fault: "partitions are added under load", dose: 10, run: topics::partitions },
    Row { name: "recreated", fault: "a topic is deleted and made anew", dose: 10, run: topics::recreated },
    Row { name: "storm", fault: "a worker joins or leaves every 3 s", dose: 200, run: joins::run },
    Row { name: "blocked", fault: "a sink that stands still, 12 partitions and 1", dose: 2, run: blocked::run },
    Row { name: "poison", fault: "one record in a hundred is poison, of ten kinds", dose: 4, run: poison::run },
];

/// What a row is run with.
pub struct Trial<'t> {
    /// How often the fault happens.
    pub dose: u32,
    /// Percent of the records of a full dose.
    pub percent: u64,
    /// For what is left to chance.
    pub seed: u64,
    /// The programs.
    pub nsfc: &'t PathBuf,
    /// The daemon.
    pub nsflow: &'t PathBuf,
    /// The program of the fault matrix, which can be a mock cluster too.
    pub own: &'t PathBuf,
    /// Further variables of the workers' environment.
    pub environment: Vec<(String, String)>,
}

impl Trial<'_> {
    /// Starts the servers of the row.
    ///
    /// # Errors
    /// Where they are not to be had.
    pub fn servers(&self, redis: Form, proxied: bool) -> Result<Servers, String> {
        let started = match redis {
            Form::Single(options) if proxied => Servers::start_behind_proxies(options),
            redis => Servers::start(redis),
        };
        started.map_err(|error: Unavailable| format!("{error:?}"))
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub struct Asked {
    rows: Vec<String>,
    dose: Option<u32>,
    percent: u64,
    seed: u64,
    nsfc: PathBuf,
    nsflow: PathBuf,
    own: PathBuf,
}

impl Asked {
    /// Reads the command line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        // The programs are built beside this one.
        let own = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
        let folder = own.parent().map_or_else(PathBuf::new, std::path::Path::to_path_buf);
        let mut asked = Self {
            rows: Vec::new(),
            dose: None,
            percent: 100,
            seed: 1,
            nsfc: folder.join("nsfc"),
            nsflow: folder.join("nsflow"),
            own,
        };
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().unwrap_or_default();
                value.parse::<u64>().map_err(|_| format!("{word} needs a number, not `{value}`"))
            };
            match word.as_str() {
                "--dose" => asked.dose = Some(u32::try_from(number()?).unwrap_or(u32::MAX)),
                "--percent" => asked.percent = number()?.clamp(1, 100),
                "--seed" => asked.seed = number()?,
                name if ROWS.iter().any(|row| row.name == name) => asked.rows.push(word),
                _ => return Err(format!("there is no row `{word}`; there are: {}", names())),
            }
        }
        Ok(asked)
    }
}

fn names() -> String {
    ROWS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ")
}

/// Runs one row by its name, with these programs; gives what it did, in words.
///
/// # Errors
/// What went wrong.
pub fn run_row(name: &str, dose: u32, percent: u64, seed: u64, programs: &Programs) -> Result<String, String> {
    let row = ROWS.iter().find(|row| row.name == name).ok_or_else(|| format!("there is no row `{name}`"))?;
    let Programs { nsfc, nsflow, own } = programs;
    let trial = Trial { dose, percent, seed, nsfc, nsflow, own, environment: Vec::new() };
    (row.run)(&trial)
}

/// The programs under test.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The compiler.
    pub nsfc: PathBuf,
    /// The daemon, built with the feature `faults`.
    pub nsflow: PathBuf,
    /// The program of the fault matrix, which can be a mock cluster too.
    pub own: PathBuf,
}

/// Runs the rows that are asked for, or all.
///
/// # Errors
/// What went wrong in the first that failed.
pub fn run(asked: &Asked) -> Result<(), String> {
    let wanted = |row: &&Row| asked.rows.is_empty() || asked.rows.iter().any(|name| name == row.name);
    for row in ROWS.iter().filter(wanted) {
        let dose = asked.dose.unwrap_or(row.dose);
        let Asked { percent, seed, nsfc, nsflow, own, .. } = asked;
        let trial = Trial { dose, percent: *percent, seed: *seed, nsfc, nsflow, own, environment: Vec::new() };
        println!("── {}: {} ({dose} times, seed {})", row.name, row.fault, asked.seed);
        let done = (row.run)(&trial).map_err(|words| format!("{}: {words}", row.name))?;
        println!("── {}: {done}", row.name);
        results::record(row, &trial, &done)?;
    }
    Ok(())
}
