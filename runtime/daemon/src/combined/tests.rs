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
use nsf_plan::{Dimension, DimensionField, DimensionId, Origin, Plan, Type};
use nsf_redis::{Place, RedisSettings};
use nsf_tests::servers::{
    mariadb::MariaDb,
    redis::{Options, Redis},
    shown,
};

use super::*;

/// `here` is on Redis, `there` on MySQL.
const HERE: DimensionId = DimensionId(0);
const THERE: DimensionId = DimensionId(1);

fn plan() -> Plan {
    let dimension = |(name, code): (&str, u32)| Dimension {
        name: name.into(),
        code,
        keys: vec![("id".into(), Type::INT64)],
        spaces: Vec::new(),
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
    plan.dimensions = [("here", 1001), ("there", 1002)].map(dimension).into();
    plan
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
    let folder = tempfile::tempdir().unwrap();
    let Some(redis) = shown("a store of two", Redis::start(&folder.path().join("redis"), Options::default())) else {
        return;
    };
    let Some(maria) = shown("a store of two", MariaDb::start(&folder.path().join("mysql"))) else { return };
    let plan = plan();
    let mut settings = MysqlSettings::new(nsf_mysql::Node::new("127.0.0.1", maria.address().port()), "tests", "tests");
    settings.password = Some(nsf_mysql::Secret::new("tests"));
    let mysql = MysqlDatabase::new(settings).unwrap().dimensions(&plan, &|id| id == THERE).unwrap();
    mysql.apply(&mysql.migration().unwrap().statements).unwrap();
    let place = Place::Single { node: nsf_redis::Node::new("127.0.0.1", redis.address().port()), database: 0 };
    let store = CombinedStore::new(RedisStore::new(RedisSettings::new(place, "both", "group")).unwrap(), mysql);

    let dimensions = Arc::new(Dimensions::in_form(&plan, Form::Text).unwrap());
    let mut rows = Changes::default();
    for dimension in [HERE, THERE] {
        for id in 0..20 {
            rows.put(&key(&dimensions, dimension, id), &row(&dimensions, dimension, id));
        }
    }
    rows.sort();
    let swap = |rows: &Changes, expected: &[u64]| LaneStore::swap(&store, rows, expected).unwrap();
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
            next.put(&key(&dimensions, dimension, id), &row(&dimensions, dimension, 100));
            expected.push(row_version(Some(&row(&dimensions, dimension, known))));
        }
    }
    assert_eq!(swap(&next, &expected), [1, 3]);
    assert_eq!(maria.query("SELECT id, n FROM there WHERE id IN (3, 4)").unwrap(), "3\t100\n4\t4\n");
}
