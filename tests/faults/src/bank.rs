//! The program under test: its input, and what must come of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{tariffs::Tariffs, topic::Message};

/// What a trial feeds.
#[derive(Clone, Copy, Debug)]
pub struct Dose {
    /// Movements; a quarter as many logins.
    pub records: u64,
    /// Accounts.
    pub accounts: u64,
    /// For the choice of accounts.
    pub seed: u64,
}

/// A record to feed: the account, and the message.
pub struct Fed {
    /// The account, which is the key.
    pub account: u64,
    /// Its number among the records of its topic.
    pub number: u64,
    /// The message.
    pub message: String,
}

impl Dose {
    fn account(&self, number: u64) -> u64 {
        let mixed = (number ^ self.seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ (mixed >> 29)) % self.accounts
    }

    /// Movements. One in fifty has no amount and is rejected.
    pub fn movements(&self) -> impl Iterator<Item = Fed> + '_ {
        (0..self.records).map(|number| {
            let account = self.account(number);
            let amount = amount(number);
            let at = time(number);
            let message = format!(r#"{{"account":{account},"number":{number},"amount":{amount},"at":"{at}"}}"#);
            Fed { account, number, message }
        })
    }

    /// Logins.
    pub fn logins(&self) -> impl Iterator<Item = Fed> + '_ {
        (0..self.records / 4).map(|number| {
            let account = self.account(number.wrapping_mul(7) + 3);
            let at = time(number);
            Fed { account, number, message: format!(r#"{{"account":{account},"number":{number},"at":"{at}"}}"#) }
        })
    }
}

const fn amount(number: u64) -> u64 {
    if number % 50 == 49 { 0 } else { number % 997 + 1 }
}

fn time(number: u64) -> String {
    let seconds = number / 10;
    format!(
        "2026-01-{:02}T{:02}:{:02}:{:02}Z",
        1 + seconds / 86_400,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// What must stand in the end, and what must have been said.
#[derive(Debug, Default)]
pub struct Expected {
    /// Rows of states by their keys, and their fields.
    pub states: BTreeMap<String, Value>,
    /// Rows of the dimension.
    pub dimensions: BTreeMap<String, Value>,
    /// By topic: every message once.
    pub messages: BTreeMap<&'static str, Vec<Value>>,
    /// How many records are rejected.
    pub rejected: u64,
    /// Whether records of one key may come in another order than they were fed in.
    pub unordered: bool,
}

/// Computes by itself what the program must make of a dose.
#[must_use]
pub fn expected(dose: &Dose) -> Expected {
    let mut expected = Expected::default();
    let mut totals: BTreeMap<u64, (i64, i64, i64)> = BTreeMap::new();
    let mut days: BTreeMap<(u64, u64), (i64, i64)> = BTreeMap::new();
    charges(dose, &mut expected);
    for Fed { account, number, .. } in dose.movements() {
        let amount = amount(number);
        if amount == 0 {
            expected.rejected += 1;
            continue;
        }
        let total = totals.entry(account).or_insert((0, 0, 7));
        *total = (total.0 + 1, total.1 + amount as i64, (total.2 * 31 + number as i64) % 1_000_000_007);
        let day = days.entry((account, number / 20)).or_insert((0, 3));
        *day = (day.0 + 1, (day.1 * 37 + total.2) % 1_000_000_009);
        let message = json!({
            "account": account, "number": number, "count": total.0, "sum": total.1, "chain": total.2, "day_chain": day.1
        });
        expected.messages.entry("moved").or_default().push(message);
    }
    for (account, (count, sum, chain)) in totals {
        expected
            .states
            .insert(format!("bank.movements.totals:{account}"), json!({"count": count, "sum": sum, "chain": chain}));
        expected.dimensions.insert(format!("bank.accounts.holder:{account}"), json!({"balance": sum, "moves": count}));
    }
    for ((account, day), (count, chain)) in days {
        expected.states.insert(format!("bank.movements.days:{account}:{day}"), json!({"count": count, "chain": chain}));
    }
    let mut visits: BTreeMap<u64, (i64, i64)> = BTreeMap::new();
    for Fed { account, number, .. } in dose.logins() {
        let visit = visits.entry(account).or_insert((0, 11));
        *visit = (visit.0 + 1, (visit.1 * 41 + number as i64) % 1_000_000_007);
        let message = json!({"account": account, "number": number, "count": visit.0, "chain": visit.1});
        expected.messages.entry("visited").or_default().push(message);
    }
    let mut buckets: BTreeMap<u64, (i64, i64)> = BTreeMap::new();
    for Fed { number, .. } in dose.movements() {
        let bucket = buckets.entry(number % 97).or_default();
        *bucket = (bucket.0 + 1, bucket.1 + number as i64);
        let message = json!({"bucket": number % 97, "number": number});
        expected.messages.entry("bucketed").or_default().push(message);
    }
    for (bucket, (count, sum)) in buckets {
        expected.states.insert(format!("bank.buckets.buckets:{bucket}"), json!({"count": count, "sum": sum}));
    }
    for (account, (count, sum)) in activity(dose) {
        expected.states.insert(format!("bank.activity.activity:{account}"), json!({"count": count, "sum": sum}));
    }
    for (account, (count, chain)) in visits {
        expected.states.insert(format!("bank.logins.visits:{account}"), json!({"count": count, "chain": chain}));
    }
    expected
}

/// What movements cost, but for the rate.
fn charges(dose: &Dose, expected: &mut Expected) {
    let mut charges: BTreeMap<u64, (i64, i64)> = BTreeMap::new();
    let mut messages = Vec::new();
    for Fed { account, number, .. } in dose.movements() {
        let own = charges.entry(account).or_insert((0, 5));
        *own = (own.0 + 1, (own.1 * 43 + number as i64) % 1_000_000_007);
        messages.push(json!({"account": account, "number": number, "count": own.0, "chain": own.1}));
    }
    expected.messages.insert("charged", messages);
    for (account, (count, chain)) in charges {
        expected.states.insert(format!("bank.charges.charges:{account}"), json!({"count": count, "chain": chain}));
    }
}

/// By account: records of both topics, and the sum of their numbers. In what order they come is not told.
fn activity(dose: &Dose) -> BTreeMap<u64, (i64, i64)> {
    let mut activity: BTreeMap<u64, (i64, i64)> = BTreeMap::new();
    for Fed { account, number, .. } in dose.movements().chain(dose.logins()) {
        let own = activity.entry(account).or_default();
        *own = (own.0 + 1, own.1 + number as i64);
    }
    activity
}

/// How outputs compare with what they must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Messages.
    pub messages: u64,
    /// Of them repetitions: of an id that was there before.
    pub repeated: u64,
    /// Repetitions with other bytes, where records of one key may come in another order.
    pub differing: u64,
}

impl Expected {
    /// Compares rows with what they must be; gives the first that are wrong, in words.
    #[must_use]
    pub fn wrong_rows(expected: &BTreeMap<String, Value>, found: &BTreeMap<String, String>) -> Vec<String> {
        let mut wrong = Vec::new();
        for (key, fields) in expected {
            let row = found.get(key).map(|row| serde_json::from_str::<Value>(row).unwrap_or_default());
            let same = row.as_ref().is_some_and(|row| {
                fields.as_object().is_some_and(|fields| fields.iter().all(|(name, value)| row.get(name) == Some(value)))
            });
            if !same {
                wrong.push(format!("{key} is {row:?}, not {fields}"));
            }
        }
        wrong.extend(
            found.keys().filter(|key| !expected.contains_key(*key)).map(|key| format!("{key} should not be there")),
        );
        wrong
    }

    /// A message as it is compared: which record it is of, and unless the order may be another what was computed.
    fn comparable(&self, message: &Value) -> String {
        if self.unordered {
            json!({"account": message.get("account"), "number": message.get("number")}).to_string()
        } else {
            message.to_string()
        }
    }

    /// From here on records of one key may come in another order than they were fed in: chains say nothing any more.
    pub fn forget_order(&mut self) {
        self.unordered = true;
        for row in self.states.values_mut() {
            if let Some(fields) = row.as_object_mut() {
                fields.remove("chain");
            }
        }
    }

    /// Compares a topic with what must be in it: every message at least once, messages of one id alike, and nothing else.
    ///
    /// # Errors
    /// What is missing or wrong, in words.
    pub fn compare(&self, topic: &str, found: &[Message]) -> Result<Outputs, String> {
        let values = found.iter().map(|message| (message.id.as_str(), String::from_utf8_lossy(&message.value)));
        let values: Vec<(&str, String)> = values.map(|(id, value)| (id, value.into_owned())).collect();
        self.compare_values(topic, &values)
    }

    /// The same for a topic whose messages may differ on replay in what a table says: that must be something that the table
    /// had. Gives besides how many changes of the table are seen in them.
    ///
    /// # Errors
    /// What is missing or wrong, in words.
    pub fn compare_but_rates(
        &self,
        topic: &str,
        found: &[Message],
        tariffs: &Tariffs,
    ) -> Result<(Outputs, usize), String> {
        let (mut values, mut changes) = (Vec::new(), BTreeSet::new());
        for message in found {
            let mut value: Value =
                serde_json::from_slice(&message.value).map_err(|error| format!("{topic}: {error}"))?;
            changes.insert(tariffs.take(&mut value).map_err(|wrong| format!("{topic}: {wrong}"))?);
            values.push((message.id.as_str(), value.to_string()));
        }
        Ok((self.compare_values(topic, &values)?, changes.len()))
    }

    fn compare_values(&self, topic: &str, found: &[(&str, String)]) -> Result<Outputs, String> {
        let mut by_id: BTreeMap<&str, &str> = BTreeMap::new();
        let mut outputs = Outputs { messages: found.len() as u64, ..Outputs::default() };
        for (id, value) in found {
            if id.is_empty() {
                return Err(format!("a message of {topic} has no id"));
            }
            match by_id.insert(id, value) {
                Some(before) if before != value && self.unordered => {
                    outputs.repeated += 1;
                    outputs.differing += 1;
                }
                Some(before) if before != value => {
                    return Err(format!("messages of {topic} with the id {id} differ: {before} and {value}"));
                }
                Some(_) => outputs.repeated += 1,
                None => {}
            }
        }
        let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
        for message in self.messages.get(topic).into_iter().flatten() {
            *wanted.entry(self.comparable(message)).or_default() += 1;
        }
        for value in by_id.values() {
            let value: Value = serde_json::from_str(value).map_err(|error| format!("{topic}: {error}"))?;
            *wanted.entry(self.comparable(&value)).or_default() -= 1;
        }
        match wanted.iter().find(|(_, count)| **count != 0) {
            None => Ok(outputs),
            Some((message, count)) if *count > 0 => Err(format!("{topic} lacks {message} ({count} times)")),
            Some((message, count)) => Err(format!("{topic} has {message} {} times too often", -count)),
        }
    }
}
