//! `test` items: run on the real engine, through the same commits, with connectors in memory.
//!
//! A law repeats the test in another way; all its expectations must hold again.

mod drops;
mod expect;
mod feed;
mod memory;
mod rows;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use nsf_plan::{Format, Origin, Plan, TestCase, TestLaw};

use crate::{
    ingest::Secret,
    observe::Observer,
    run::{BuildError, Clock, Engine, FAILPOINTS, Options, RunError},
};
use drops::Drops;
use memory::Memory;

/// A failed expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Under which law, if not the plain run; with what was done: "restart at after-outputs, 2nd time".
    pub under: Option<String>,
    /// What was expected and what was found, as text of one or several lines.
    pub message: String,
    /// Where the expectation stands.
    pub origin: Origin,
    /// Records that were rejected meanwhile: reason and place, for they often explain it.
    pub rejected: Vec<String>,
}

/// Runs a test; empty where everything held.
///
/// # Errors
/// Where the plan itself cannot be run.
pub fn run(plan: &Plan, case: &TestCase) -> Result<Vec<Failure>, Vec<BuildError>> {
    run_told(plan, case, &mut |_| {})
}

/// Runs a test and tells in which ways: "duplicate", "restart at after-outputs, time 2".
///
/// # Errors
/// Where the plan itself cannot be run.
pub fn run_told(plan: &Plan, case: &TestCase, tell: &mut dyn FnMut(&str)) -> Result<Vec<Failure>, Vec<BuildError>> {
    let plan = Arc::new(readable(plan));
    let feed = feed::plain(&plan, case);
    let first = outcome(&plan, case, feed.clone(), &options())?;
    let mut failures = expect::failures(&plan, case, &first, None);
    if !failures.is_empty() {
        return Ok(failures);
    }
    let mut runs = Runs { plan: &plan, case, feed: &feed, tell };
    for (law, _) in &case.laws {
        failures.extend(runs.under(*law)?);
    }
    Ok(failures)
}

/// A CSV source is fed as JSON members, by the names of its cells, and headers are members of the message.
fn readable(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let fields = plan.sources.iter_mut().flat_map(|source| &mut source.encoding.fields);
    fields.for_each(|field| feed::header_member(&mut field.path));
    let sources = plan.sources.iter_mut().map(|source| &mut source.encoding);
    for encoding in sources.chain(plan.tables.iter_mut().map(|table| &mut table.encoding)) {
        encoding.format = Format::Json;
    }
    plan
}

fn options() -> Options {
    Options {
        workers: 1,
        lanes: 4,
        one_by_one: true,
        commit_every: Duration::from_secs(3600),
        // In tests a secret's value is its own name.
        secrets: Arc::new(|name| Secret::Value(name.to_owned())),
        clock: Clock::Records { ahead: 0 },
        ..Options::default()
    }
}

/// What a test's runs left behind.
struct Outcome {
    memory: Memory,
    /// Dropped records, by the index of their stream and the reason.
    dropped: BTreeMap<(u32, String), u64>,
    /// Which counts are to be compared.
    counts: Counts,
    /// Why the run ended early, if it did.
    error: Option<String>,
}

/// Which counts a run leaves behind that expectations can be compared with.
#[derive(Clone, Copy, Debug)]
struct Counts {
    dropped: bool,
    rejected: bool,
}

impl Counts {
    const ALL: Self = Self { dropped: true, rejected: true };
    const NONE: Self = Self { dropped: false, rejected: false };
}

fn outcome(plan: &Arc<Plan>, case: &TestCase, feed: feed::Feed, options: &Options) -> Result<Outcome, Vec<BuildError>> {
    let memory = Memory::new(feed.streams, rows::tables(plan, case));
    rows::fill(plan, case, memory.store());
    let drops = Arc::new(Drops::default());
    let observed = Options { observer: Some(Arc::clone(&drops) as Arc<dyn Observer>), ..options.clone() };
    let pieces = Engine::build(Arc::clone(plan), observed, &memory)?;
    let error = pieces.run().err().map(|error| error.to_string());
    let counts = if error.is_none() { Counts::ALL } else { Counts::NONE };
    Ok(Outcome { memory, dropped: drops.counts(), counts, error })
}

/// The ways in which a test is run again.
struct Runs<'t> {
    plan: &'t Arc<Plan>,
    case: &'t TestCase,
    feed: &'t feed::Feed,
    tell: &'t mut dyn FnMut(&str),
}

/// What did not hold in a run, or why it could not be made.
type Found = Result<Vec<Failure>, Vec<BuildError>>;

impl Runs<'_> {
    fn under(&mut self, law: TestLaw) -> Found {
        match law {
            TestLaw::Duplicate => self.again(self.feed.duplicated(), "duplicate", Counts::ALL, &options()),
            TestLaw::Resend => self.again(self.feed.resent(), "resend", Counts::NONE, &options()),
            TestLaw::Parallel => {
                let parallel = Options { workers: 4, lanes: 16, one_by_one: false, ..options() };
                self.again(self.feed.clone(), "parallel", Counts::ALL, &parallel)
            }
            TestLaw::Shuffle => {
                for (number, order) in feed::shuffled(self.plan, self.case, self.feed).into_iter().enumerate() {
                    let name = format!("shuffle, order {}", number + 1);
                    let failures = self.again(order, &name, Counts::ALL, &options())?;
                    if !failures.is_empty() {
                        return Ok(failures);
                    }
                }
                Ok(Vec::new())
            }
            TestLaw::Restart => self.restarted(),
        }
    }

    fn again(&mut self, feed: feed::Feed, name: &str, counts: Counts, options: &Options) -> Found {
        (self.tell)(name);
        let mut outcome = outcome(self.plan, self.case, feed, options)?;
        if outcome.error.is_none() {
            outcome.counts = counts;
        }
        Ok(expect::failures(self.plan, self.case, &outcome, Some(name)))
    }

    /// Stops the run at every failpoint, each time that it comes there, and goes on with it.
    fn restarted(&mut self) -> Found {
        for failpoint in FAILPOINTS {
            for time in 1.. {
                let Some(failures) = self.stopped_at(failpoint, time)? else { break };
                if !failures.is_empty() {
                    return Ok(failures);
                }
            }
        }
        Ok(Vec::new())
    }

    /// None where the run ends without coming to the failpoint so often.
    fn stopped_at(&mut self, failpoint: &str, time: u64) -> Result<Option<Vec<Failure>>, Vec<BuildError>> {
        let options = options();
        options.failpoints.arm(failpoint, time);
        let memory = Memory::new(self.feed.streams.clone(), rows::tables(self.plan, self.case));
        rows::fill(self.plan, self.case, memory.store());
        let stopped = Engine::build(Arc::clone(self.plan), options, &memory)?.run();
        if !matches!(stopped, Err(RunError::Failpoint(_))) {
            return Ok(None);
        }
        let name = format!("restart at {failpoint}, time {time}");
        (self.tell)(&name);
        memory.rewind();
        let later = Options { clock: Clock::Records { ahead: STANDSTILL }, ..self::options() };
        let again = Engine::build(Arc::clone(self.plan), later, &memory)?.run();
        let error = again.err().map(|error| error.to_string());
        // What was dropped before the stop was counted by the run that was stopped; the rejected are stored.
        let counts = Counts { dropped: false, rejected: error.is_none() };
        let outcome = Outcome { memory, dropped: BTreeMap::new(), counts, error };
        Ok(Some(expect::failures(self.plan, self.case, &outcome, Some(&name))))
    }
}

/// How long a stopped run is taken to stand still, in milliseconds: `clock()` goes on meanwhile.
const STANDSTILL: i64 = 3_600_000;
