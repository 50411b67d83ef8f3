//! Rows of dimensions on two real servers, each found where it is.
#![allow(clippy::unwrap_used)]

use nsf_engine::{
    cell::Cell,
    dimension::{
        Dimensions,
        row::{Row, RowWrite},
        stamp::{Stamp, WrittenBy},
    },
    run::stage::{DimensionRows as _, WriteKind},
    store::{Form, row_version},
};
use nsf_mysql::{MysqlDatabase, MysqlSettings};
use nsf_plan::{
    Dimension, DimensionField, DimensionId, Origin, Plan, Space, SpaceId, Type,
    profile::{Environment, Manifest, ResolvedProfile},
};
use nsf_redis::{Place, RedisSettings};
use nsf_tests::servers::{
    mariadb::MariaDb,
    redis::{Options, Redis},
    shown,
};

use super::*;
use crate::{mysql, spaces::Kept};

/// `here` is on Redis, `there` on MySQL, the others on both: `table` on MySQL first, `keys` on Redis first.
const HERE: DimensionId = DimensionId(0);
const THERE: DimensionId = DimensionId(1);
const TABLE: DimensionId = DimensionId(2);
const KEYS: DimensionId = DimensionId(3);

/// How long Redis and MySQL keep rows for `table` and `keys`: an hour.
const KEEP: i64 = 3_600_000;

fn plan() -> Plan {
    let dimension = |(name, code, spaces): (&str, u32, &[u32])| Dimension {
        name: name.into(),
        code,
        keys: vec![("id".into(), Type::INT64)],
        spaces: spaces.iter().copied().map(SpaceId).collect(),
        fields: vec![DimensionField {
            name: "n".into(),
            ty: Type::INT64,
            id: u64::from(code),
            label: None,
            derived: false,
            empty: None,
        }],
        label: None,
        origin: Origin::default(),
    };
    let mut plan = Plan::new("both");
    let space = |(name, store, keep): (&str, &str, Option<i64>)| Space {
        name: name.into(),
        store: store.into(),
        shards: 1,
        keep,
    };
    plan.spaces = [
        ("main", "mysql", None),
        ("hot", "redis", Some(KEEP)),
        ("direct", "redis", None),
        ("copy", "mysql", Some(KEEP)),
    ]
    .map(space)
    .into();
    let dimensions: [(&str, u32, &[u32]); 4] =
        [("here", 1001, &[2]), ("there", 1002, &[0]), ("table", 1003, &[0, 1]), ("keys", 1004, &[2, 3])];
    plan.dimensions = dimensions.map(dimension).into();
    plan
}

/// Something that happens once.
pub type Between = std::sync::Mutex<Option<Box<dyn FnOnce() + Send>>>;

/// Lets it happen, if it has not yet.
pub fn happens(between: &Between) {
    let own = between.lock().unwrap().take();
    if let Some(own) = own {
        own();
    }
}

/// Both servers, and a store on them.
struct Bench {
    _folder: tempfile::TempDir,
    redis: Redis,
    maria: MariaDb,
    dimensions: Arc<Dimensions>,
    store: CombinedStore,
}

fn profile() -> ResolvedProfile {
    let text = "name: both\nprofiles: { prod: { kafka: { brokers: \"k:1\" }, redis: { url: \"redis://r:1\" }, mysql: { url: \"mysql://m:1/d\" } } }";
    let nothing = Environment { variable: &|_| None, file: &|_| Err(String::new()) };
    Manifest::parse(text).profiles["prod"].resolve("both", &nothing).unwrap()
}

impl Bench {
    fn start(test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let redis = shown(test, Redis::start(&folder.path().join("redis"), Options::default()))?;
        let maria = shown(test, MariaDb::start(&folder.path().join("mysql")))?;
        let store = store(&redis, &maria);
        let dimensions = Arc::new(Dimensions::in_form(&plan(), Form::Text).unwrap());
        Some(Self { _folder: folder, redis, maria, dimensions, store })
    }

    fn rows(&self, dimension: DimensionId, rows: &[(i64, i64)]) -> Changes {
        let mut changes = Changes::default();
        for (id, n) in rows {
            changes.put(&key(&self.dimensions, dimension, *id), &row(&self.dimensions, dimension, *n));
        }
        changes.sort();
        changes
    }

    /// Writes rows in the first place, where none of them is yet.
    fn write(&self, dimension: DimensionId, rows: &[(i64, i64)]) -> Changes {
        let rows = self.rows(dimension, rows);
        assert_eq!(self.store.swap(&rows, &vec![0; rows.len()]).unwrap(), Vec::<usize>::new());
        rows
    }

    /// The row of a key as a place has it.
    fn there(&self, server: Server, dimension: DimensionId, id: i64) -> Option<Vec<u8>> {
        self.store.read(server, &[&key(&self.dimensions, dimension, id)]).unwrap().remove(0)
    }

    fn kept(&self, dimension: DimensionId) -> &Kept {
        self.store.spaces.list.iter().find(|kept| kept.id == dimension).unwrap()
    }

    fn differs(&self, dimension: DimensionId, now: i64, heals: bool) -> (u64, u64, u64, u64) {
        let kept = self.kept(dimension);
        let Difference { rows, missing, other, alone } =
            self.store.compare(kept, &kept.further[0], now, heals).unwrap();
        (rows, missing, other, alone)
    }
}

/// The store of one more worker.
fn store(redis: &Redis, maria: &MariaDb) -> CombinedStore {
    let plan = plan();
    let profile = profile();
    let mut settings = MysqlSettings::new(nsf_mysql::Node::new("127.0.0.1", maria.address().port()), "tests", "tests");
    settings.password = Some(nsf_mysql::Secret::new("tests"));
    let spaces = Spaces::new(&plan, &profile, Server::Redis).unwrap();
    let mysql = MysqlDatabase::new(settings).unwrap().dimensions(&plan, &mysql::placed(&spaces)).unwrap();
    mysql.apply(&mysql.migration().unwrap().statements).unwrap();
    let place = Place::Single { node: nsf_redis::Node::new("127.0.0.1", redis.address().port()), database: 0 };
    let redis = RedisStore::new(RedisSettings::new(place, "both", "group")).unwrap();
    CombinedStore::new(redis, Some(mysql), spaces)
}

fn key(dimensions: &Arc<Dimensions>, dimension: DimensionId, id: i64) -> Vec<u8> {
    let mut key = Vec::new();
    dimensions.key(dimension, &[Cell::Integer(id)], &mut key);
    key
}

fn row(dimensions: &Dimensions, dimension: DimensionId, n: i64) -> Vec<u8> {
    let mut row = Row::new(1);
    let stamp = Stamp { time: n, by: WrittenBy::Ingest, writer: "tests".into(), partition: 0, offset: 1 };
    row.apply(&RowWrite { kind: WriteKind::Assign, fields: &[(0, Cell::Integer(n))], stamp });
    let mut bytes = Vec::new();
    dimensions.write_row(dimension, &row, &mut bytes);
    bytes
}

#[test]
fn rows_are_written_and_found_where_they_are() {
    let Some(bench) = Bench::start("a store of two") else { return };
    let Bench { dimensions, store, maria, .. } = &bench;
    let mut rows = Changes::default();
    for dimension in [HERE, THERE] {
        for id in 0..20 {
            rows.put(&key(dimensions, dimension, id), &row(dimensions, dimension, id));
        }
    }
    rows.sort();
    let swap = |rows: &Changes, expected: &[u64]| LaneStore::swap(store, rows, expected).unwrap();
    assert_eq!(swap(&rows, &[0; 40]), Vec::<usize>::new());
    // All of them were there: each is told by its place among all.
    assert_eq!(swap(&rows, &[0; 40]), (0..40).collect::<Vec<_>>());
    assert_eq!(maria.query("SELECT COUNT(*), SUM(n) FROM there").unwrap(), "20\t190\n");

    let keys: Vec<Vec<u8>> = rows.rows().map(|(key, _)| key.to_vec()).collect();
    let asked: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    let mut found = vec![None; 40];
    store.get_many(StoreTable::Dimension, &asked, &mut |at, row| found[at] = Some(row.to_vec())).unwrap();
    let written: Vec<_> = rows.rows().map(|(_, row)| row.map(<[u8]>::to_vec)).collect();
    assert_eq!(found, written);
    for prefix in [dimensions.prefix(HERE), dimensions.prefix(THERE), Vec::new()] {
        let mut scanned = Vec::new();
        let mut keep = |key: &[u8], _: &[u8]| {
            scanned.push(key.to_vec());
            true
        };
        store.scan(StoreTable::Dimension, &prefix, &mut keep).unwrap();
        assert_eq!(scanned, keys.iter().filter(|key| key.starts_with(&prefix)).cloned().collect::<Vec<_>>());
    }

    // One is as it was read and one is not, on each side.
    let mut next = Changes::default();
    let mut expected = Vec::new();
    for dimension in [HERE, THERE] {
        for (id, known) in [(3, 3), (4, 77)] {
            next.put(&key(dimensions, dimension, id), &row(dimensions, dimension, 100));
            expected.push(row_version(Some(&row(dimensions, dimension, known))));
        }
    }
    assert_eq!(swap(&next, &expected), [1, 3]);
    assert_eq!(maria.query("SELECT id, n FROM there WHERE id IN (3, 4)").unwrap(), "3\t100\n4\t4\n");
}

#[test]
fn rows_are_brought_to_further_places_and_kept_there_for_a_time() {
    let Some(bench) = Bench::start("further places") else { return };
    for (dimension, first, further) in [(TABLE, Server::Mysql, Server::Redis), (KEYS, Server::Redis, Server::Mysql)] {
        let rows = bench.write(dimension, &[(1, 10), (2, 20)]);
        assert_eq!(bench.there(further, dimension, 1), None, "written in the first place alone");
        bench.store.spread(&rows).unwrap();
        for id in [1, 2] {
            assert!(bench.there(first, dimension, id).is_some());
            assert_eq!(bench.there(further, dimension, id), bench.there(first, dimension, id));
        }
        // Once more changes nothing; what the first place does not have is left.
        bench.store.spread(&rows).unwrap();
        bench.store.spread(&bench.rows(dimension, &[(3, 1)])).unwrap();
        assert_eq!(bench.there(further, dimension, 3), None);
    }
    // People read both, and both forget by themselves what is to be kept for a time.
    let ttl = |words: &[&str]| bench.redis.command(words).unwrap().text().parse::<i64>().unwrap();
    let stored = bench.redis.command(&["KEYS", "both:*:d:table:1"]).unwrap().parts()[0].text();
    assert!(bench.redis.command(&["GET", &stored]).unwrap().text().starts_with("{\"n\":10,"));
    assert!((1..=KEEP).contains(&ttl(&["PTTL", &stored])));
    let stored = bench.redis.command(&["KEYS", "both:*:d:keys:1"]).unwrap().parts()[0].text();
    assert_eq!(ttl(&["PTTL", &stored]), -1, "the first place of `keys` keeps rows for ever");
    let kept = "SELECT id, n, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), nsf_expires) BETWEEN 3000 AND 3600 FROM `keys`";
    assert_eq!(bench.maria.query(kept).unwrap(), "1\t10\t1\n2\t20\t1\n");
}

/// Of a worker that was held up between the two places and one that came after it, whoever writes last: the newer row stays.
#[test]
fn no_older_row_takes_the_place_of_a_newer_one() {
    let Some(bench) = Bench::start("workers that meet in a further place") else { return };
    let other = store(&bench.redis, &bench.maria);
    for (dimension, further) in [(TABLE, Server::Redis), (KEYS, Server::Mysql)] {
        let ids: Vec<i64> = (0..20).collect();
        let old = bench.write(dimension, &ids.iter().map(|id| (*id, 1)).collect::<Vec<_>>());
        let new = bench.rows(dimension, &ids.iter().map(|id| (*id, 2)).collect::<Vec<_>>());
        let expected: Vec<u64> = old.rows().map(|(_, row)| row_version(row)).collect();
        assert_eq!(other.swap(&new, &expected).unwrap(), Vec::<usize>::new());
        other.spread(&new).unwrap();
        // The one that was held up goes on with what it has.
        bench.store.spread(&old).unwrap();
        for id in &ids {
            let newest = Some(row(&bench.dimensions, dimension, 2));
            assert_eq!(bench.there(further, dimension, *id), newest);
        }
        // Many at once, each a hundred versions on: what stands in both in the end is one and the same.
        thread::scope(|scope| {
            for worker in [&bench.store, &other] {
                scope.spawn(|| {
                    for n in 3..40 {
                        let rows = bench.rows(dimension, &ids.iter().map(|id| (*id, n)).collect::<Vec<_>>());
                        let keys: Vec<&[u8]> = rows.rows().map(|(key, _)| key).collect();
                        let first = worker.first(keys[0]);
                        let read = worker.read(first, &keys).unwrap();
                        let expected: Vec<u64> = read.iter().map(|row| row_version(row.as_deref())).collect();
                        worker.swap(&rows, &expected).unwrap();
                        worker.spread(&rows).unwrap();
                        let now = bench.there(further, dimension, 0);
                        assert!(now.is_some());
                    }
                });
            }
        });
        assert_eq!(bench.differs(dimension, 0, false), (20, 0, 0, 0));
    }
}

/// A worker looks at the further place before it reads the first: one that comes between the two with a newer row, in both
/// places, is then seen. In the other order it would not be: the older row, read before, would take the place of the newer.
#[test]
fn a_newer_row_that_comes_between_the_two_reads_stays() {
    let Some(bench) = Bench::start("a worker between two reads") else { return };
    for (dimension, further) in [(TABLE, Server::Redis), (KEYS, Server::Mysql)] {
        // Where the further place has no row yet, and where it has one.
        for (id, is_there) in [(1, false), (2, true)] {
            let first = bench.write(dimension, &[(id, 1)]);
            if is_there {
                bench.store.spread(&first).unwrap();
            }
            let version = |rows: &Changes| rows.rows().map(|(_, row)| row_version(row)).collect::<Vec<_>>();
            let second = bench.rows(dimension, &[(id, 2)]);
            assert_eq!(bench.store.swap(&second, &version(&first)).unwrap(), Vec::<usize>::new());
            let (third, expected) = (bench.rows(dimension, &[(id, 3)]), version(&second));
            let other = store(&bench.redis, &bench.maria);
            *bench.store.between.lock().unwrap() = Some(Box::new(move || {
                assert_eq!(other.swap(&third, &expected).unwrap(), Vec::<usize>::new());
                other.spread(&third).unwrap();
            }));
            bench.store.spread(&second).unwrap();
            assert!(bench.store.between.lock().unwrap().is_none(), "the other worker came between");
            assert_eq!(bench.there(further, dimension, id), Some(row(&bench.dimensions, dimension, 3)));
        }
    }
}

#[test]
fn what_a_further_place_lost_is_found_and_brought_back() {
    let Some(bench) = Bench::start("a place that lost rows") else { return };
    let rows = bench.write(TABLE, &(0..700).map(|id| (id, 10_000)).collect::<Vec<_>>());
    bench.store.spread(&rows).unwrap();
    assert_eq!(bench.differs(TABLE, 20_000, false), (700, 0, 0, 0));
    bench.redis.command(&["FLUSHALL"]).unwrap();
    let one = bench.rows(TABLE, &[(5, 9_000), (9_999, 1)]);
    assert_eq!(bench.store.write(Server::Redis, &one, &[0, 0]).unwrap(), Vec::<usize>::new());
    assert_eq!(bench.differs(TABLE, 20_000, false), (700, 699, 1, 1));
    // Rows whose time there is over are not missing.
    assert_eq!(bench.differs(TABLE, 10_001 + KEEP, false), (1, 0, 1, 1));
    assert_eq!(bench.differs(TABLE, 20_000, true), (700, 699, 1, 1));
    assert_eq!(bench.differs(TABLE, 20_000, false), (700, 0, 0, 1));
    // Loads and scans see the first place alone.
    let mut seen = 0;
    let prefix = bench.dimensions.prefix(TABLE);
    let mut count = |_: &[u8], _: &[u8]| {
        seen += 1;
        true
    };
    bench.store.scan(StoreTable::Dimension, &prefix, &mut count).unwrap();
    assert_eq!(seen, 700);
}
