//! What tests of faults ask of a worker by variables of its environment; only in builds with the feature `faults`.
//!
//! `NSFLOW_FAILPOINT=NAME:TIMES` ends the process, as `kill -9` would, when it comes to a failpoint for that time;
//! `NAME:TIMES:stop` stops it there as `kill -STOP` would, until somebody lets it go on.
//! `NSFLOW_BROKEN=RULE` leaves a rule of the protocol out, so that the tests can show that they notice; `at-least-once` leaves
//! out all that the lanes' check and fence cost, for who measures it (`bench/w3`).

use std::sync::Arc;

use nsf_engine::{
    connector::ConnectorResult,
    protocol::Rules,
    run::Options,
    store::{Changes, Held, LaneProgress, LaneStore, PartitionName, Saved, Store, StoreBatch, StoreTable},
};
use nsf_plan::Plan;

fn broken() -> String {
    std::env::var("NSFLOW_BROKEN").unwrap_or_default()
}

/// Arms the failpoint that is asked for.
pub fn arm(options: &Options) {
    let Ok(asked) = std::env::var("NSFLOW_FAILPOINT") else { return };
    let mut parts = asked.split(':');
    let (name, times) = (parts.next().unwrap_or_default(), parts.next().and_then(|times| times.parse().ok()));
    match parts.next() {
        Some("stop") => options.failpoints.arm_with(name, times.unwrap_or(1), stop),
        _ => options.failpoints.arm(name, times.unwrap_or(1)),
    }
}

/// Stops the process until it is let go on.
fn stop() {
    eprintln!("stopped at the failpoint");
    let own = std::process::id().to_string();
    let _ = std::process::Command::new("kill").args(["-STOP", &own]).status();
}

/// Ends the process where a failpoint ended the run.
pub fn die(failpoint: &str) -> ! {
    eprintln!("failpoint {failpoint}");
    // No destructor runs, nothing is flushed, nobody is told.
    std::process::abort()
}

/// The rules that are kept.
pub fn rules() -> Rules {
    let broken = broken();
    Rules {
        emit_first: broken != "save-before-emit",
        start_from_store: broken != "positions-of-the-log",
        pass_over_repetitions: broken != "count-repetitions",
    }
}

/// The plan, without a bound on times that are ahead if that is asked for.
pub fn plan(mut plan: Plan) -> Plan {
    if broken() == "no-future-clamp" {
        plan.sources.iter_mut().for_each(|source| source.max_skew = i64::MAX);
    }
    plan
}

/// Whether lanes are checked and fenced at all.
pub fn fenced() -> bool {
    broken() != "at-least-once"
}

/// The store, careless if that is asked for.
pub fn store(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let careful = Careless { store: Arc::clone(&store), looks: true, loads: true, saves: true };
    match broken().as_str() {
        "no-load-check" => Arc::new(Careless { store, loads: false, ..careful }),
        "no-fence" => Arc::new(Careless { store, saves: false, ..careful }),
        "no-look" => Arc::new(Careless { store, looks: false, ..careful }),
        _ => store,
    }
}

/// A store that reads or saves whatever the lane is.
struct Careless {
    store: Arc<dyn Store>,
    /// Whether it is looked at lanes from which nothing is read.
    looks: bool,
    loads: bool,
    saves: bool,
}

impl Store for Careless {
    fn get_many(&self, table: StoreTable, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        self.store.get_many(table, keys, found)
    }

    fn scan(&self, table: StoreTable, prefix: &[u8], row: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> ConnectorResult<()> {
        self.store.scan(table, prefix, row)
    }

    fn commit(&self, batch: &StoreBatch) -> ConnectorResult<()> {
        self.store.commit(batch)
    }

    fn is_spread(&self, key: &[u8]) -> bool {
        self.store.is_spread(key)
    }

    fn lanes(&self) -> Option<&dyn LaneStore> {
        self.store.lanes().map(|_| self as &dyn LaneStore)
    }
}

impl Careless {
    fn careful(&self) -> ConnectorResult<&dyn LaneStore> {
        use nsf_engine::connector::{ConnectorError, ConnectorErrorKind};
        let error = || ConnectorError::new(ConnectorErrorKind::Other, "the store does not commit lane by lane");
        self.store.lanes().ok_or_else(error)
    }
}

impl LaneStore for Careless {
    fn claim(&self, lane: u16, partitions: &[Arc<PartitionName>]) -> ConnectorResult<Vec<(u64, LaneProgress)>> {
        self.careful()?.claim(lane, partitions)
    }

    fn load(
        &self,
        lane: u16,
        held: &[Held],
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, &[u8]),
    ) -> ConnectorResult<()> {
        if keys.is_empty() && !self.looks {
            return Ok(());
        }
        if self.loads {
            return self.careful()?.load(lane, held, keys, found);
        }
        self.store.get_many(StoreTable::State, keys, found)
    }

    fn ends(
        &self,
        lane: u16,
        held: &[Held],
        state: &str,
        partition: u32,
        after: i64,
        most: usize,
    ) -> ConnectorResult<Vec<(i64, Vec<u8>)>> {
        self.careful()?.ends(lane, held, state, partition, after, most)
    }

    fn save(&self, lane: u16, held: &[Held], rows: &Changes, progress: &[LaneProgress]) -> Saved {
        let careful = match self.careful() {
            Ok(careful) => careful,
            Err(error) => return Saved::Unknown(error),
        };
        if self.saves {
            return careful.save(lane, held, rows, progress);
        }
        // Whoever has the lane is fenced by this save, and not the other way round.
        let names: Vec<Arc<PartitionName>> = held.iter().map(|held| Arc::clone(&held.name)).collect();
        let claimed = match careful.claim(lane, &names) {
            Ok(claimed) => claimed,
            Err(error) => return Saved::Unknown(error),
        };
        let now = names.into_iter().zip(claimed).map(|(name, (epoch, found))| Held { name, epoch, next: found.next });
        careful.save(lane, &now.collect::<Vec<_>>(), rows, progress)
    }

    fn swap(&self, rows: &Changes, expected: &[u64]) -> ConnectorResult<Vec<usize>> {
        self.careful()?.swap(rows, expected)
    }

    fn spread(&self, rows: &Changes) -> ConnectorResult<()> {
        self.careful()?.spread(rows)
    }
}
