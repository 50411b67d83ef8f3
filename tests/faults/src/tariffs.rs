//! The table that changes while the program reads it, and what it may have told.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use nsf_tests::servers::mariadb::Client;
use serde_json::Value;

/// How many rows it has.
pub const ROWS: u64 = 20;

/// A row's values are its number times this, and how often the table was changed.
const STEP: u64 = 1_000_000;

/// How often it is changed.
const EVERY: Duration = Duration::from_millis(300);

/// The table of one trial, in a database of its own.
#[derive(Clone, Debug)]
pub struct Tariffs {
    client: Client,
    database: String,
    /// How often it was changed at most: a change whose answer was lost counts.
    changes: Arc<AtomicU64>,
}

impl Tariffs {
    /// Makes the table.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub fn create(client: Client, database: &str) -> io::Result<Self> {
        let rows: Vec<String> = (0..ROWS).map(|row| format!("({row}, {})", row * STEP)).collect();
        let statements = format!(
            "CREATE DATABASE {database}; \
             CREATE TABLE {database}.tariffs (tariff BIGINT NOT NULL PRIMARY KEY, rate BIGINT NOT NULL); \
             INSERT INTO {database}.tariffs VALUES {}",
            rows.join(", ")
        );
        client.query(&statements).map_err(io::Error::other)?;
        Ok(Self { client, database: database.to_owned(), changes: Arc::default() })
    }

    /// Changes all rows again and again on a thread of its own, until it is told to end.
    #[must_use]
    pub fn keep_changing(&self, end: &Arc<AtomicBool>) -> JoinHandle<()> {
        let (own, end) = (self.clone(), Arc::clone(end));
        std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                std::thread::sleep(EVERY);
                let number = own.changes.fetch_add(1, Ordering::SeqCst) + 1;
                let database = &own.database;
                // A server that is down keeps what it had.
                let _ = own.client.query(&format!("UPDATE {database}.tariffs SET rate = tariff * {STEP} + {number}"));
            }
        })
    }

    /// Takes the rate out of a message; gives which change of the table it is of.
    ///
    /// # Errors
    /// Where the table never had that value for that account.
    pub fn take(&self, message: &mut Value) -> Result<u64, String> {
        let account = message.get("account").and_then(Value::as_u64);
        let rate = message.as_object_mut().and_then(|fields| fields.remove("rate")).as_ref().and_then(Value::as_u64);
        let (Some(account), Some(rate)) = (account, rate) else { return Err(format!("{message} has no rate")) };
        let change =
            rate.checked_sub(account % ROWS * STEP).filter(|change| *change <= self.changes.load(Ordering::SeqCst));
        change.ok_or_else(|| format!("the table never had the rate {rate} that {message} was given"))
    }
}
