//! What is not lane by lane: dimensions, layout and plan, and reads of what is stored.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use nsf_engine::store::{Changes, LaneStore, Saved, Store, StoreBatch, StoreTable, row_version};
use nsf_redis::RedisStore;
use support::{Server, claim, progress, rows};

fn read(store: &RedisStore, table: StoreTable, keys: &[&str]) -> Vec<Option<String>> {
    let mut found = vec![None; keys.len()];
    let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
    let mut last = None;
    store
        .get_many(table, &keys, &mut |index, row| {
            assert!(last.is_none_or(|last| last < index), "in order");
            last = Some(index);
            found[index] = Some(String::from_utf8(row.to_vec()).unwrap());
        })
        .unwrap();
    found
}

fn all(store: &RedisStore, table: StoreTable, prefix: &str) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut found = Vec::new();
    store
        .scan(table, prefix.as_bytes(), &mut |key, row| {
            found.push((text(key), text(row)));
            true
        })
        .unwrap();
    found
}

const NONE: u64 = 0;

#[test]
fn rows_of_dimensions_are_written_if_they_are_as_they_were_read() {
    let Some(server) = Server::start("compare and set of rows of dimensions", &[]) else { return };
    let (one, other) = (server.store(), server.store());
    assert_eq!(one.swap(&rows(&[("p:1", "a"), ("p:2", "b"), ("p:3", "c")]), &[NONE; 3]).unwrap(), [0_usize; 0]);
    assert_eq!(read(&other, StoreTable::Dimension, &["p:1", "p:2", "p:4", "p:3"])[3].as_deref(), Some("c"));
    // Another worker changes two of them: only the rest is written.
    let mut changes = rows(&[("p:1", "x")]);
    changes.delete(b"p:3");
    assert!(other.swap(&changes, &[row_version(Some(b"a")), row_version(Some(b"c"))]).unwrap().is_empty());
    let versions = [row_version(Some(b"a")), row_version(Some(b"b")), row_version(Some(b"c")), NONE];
    let changes = rows(&[("p:1", "A"), ("p:2", "B"), ("p:3", "C"), ("p:4", "D")]);
    assert_eq!(one.swap(&changes, &versions).unwrap(), [0, 2]);
    let found = read(&one, StoreTable::Dimension, &["p:1", "p:2", "p:3", "p:4"]);
    assert_eq!(found, [Some("x".into()), Some("B".into()), None, Some("D".into())]);
    assert!(one.swap(&Changes::default(), &[]).unwrap().is_empty());
    assert!(one.swap(&changes, &[]).is_err());
}

#[test]
fn writers_of_the_same_rows_lose_no_write() {
    let Some(server) = Server::start("many writers of the same rows of dimensions", &[]) else { return };
    let keys: Vec<String> = (0..300).map(|number| format!("counter:{number:03}")).collect();
    let count = |worker: usize| {
        let store = server.store();
        // Each adds one to each row ten times; those that were changed meanwhile again.
        let mut open: Vec<(usize, usize)> = (0..keys.len()).map(|key| (key, 10)).collect();
        while !open.is_empty() {
            let names: Vec<&str> = open.iter().map(|(key, _)| keys[*key].as_str()).collect();
            let found = read(&store, StoreTable::Dimension, &names);
            let mut changes = Changes::default();
            let mut versions = Vec::new();
            for (name, row) in names.iter().zip(&found) {
                let number: u64 = row.as_ref().map_or(0, |row| row.parse().unwrap());
                changes.put(name.as_bytes(), (number + 1).to_string().as_bytes());
                versions.push(row_version(row.as_ref().map(String::as_bytes)));
            }
            let changed = store.swap(&changes, &versions).unwrap();
            for (index, (_, left)) in open.iter_mut().enumerate() {
                *left -= usize::from(!changed.contains(&index));
            }
            open.retain(|(_, left)| *left > 0);
        }
        worker
    };
    std::thread::scope(|scope| {
        for worker in 0..3 {
            scope.spawn(move || count(worker));
        }
    });
    let found = all(&server.store(), StoreTable::Dimension, "counter:");
    assert_eq!(found.len(), 300);
    assert!(found.iter().all(|(_, number)| number == "30"), "{found:?}");
}

#[test]
fn layout_and_counters_are_kept() {
    let Some(server) = Server::start("layout, plan and counters", &[]) else { return };
    let store = server.store();
    assert!(store.lanes().is_some());
    assert_eq!(read(&store, StoreTable::Meta, &["plan"]), [None]);
    assert!(all(&store, StoreTable::Meta, "").is_empty());
    let mut batch = StoreBatch::default();
    batch.table(StoreTable::Meta).put(b"plan", b"p1");
    batch.table(StoreTable::Meta).put(b"layout", b"1");
    batch.table(StoreTable::Counters).put(b"records", b"12");
    store.commit(&batch).unwrap();
    batch.clear();
    batch.table(StoreTable::Meta).put(b"plan", b"p2");
    batch.table(StoreTable::Meta).delete(b"layout");
    store.commit(&batch).unwrap();
    assert_eq!(read(&store, StoreTable::Meta, &["layout", "plan"]), [None, Some("p2".into())]);
    assert_eq!(all(&store, StoreTable::Counters, "rec"), [("records".into(), "12".into())]);
    assert_eq!(server.ask(&["HGET", "test:meta", "plan"]), "p2");
    // What belongs to lanes is not written past them, and nothing beside it either.
    batch.clear();
    batch.table(StoreTable::Meta).put(b"plan", b"p3");
    batch.table(StoreTable::State).put(b"k", b"v");
    let error = store.commit(&batch).unwrap_err();
    assert!(error.message.contains("the table `state` of a store on Redis"), "{error}");
    assert_eq!(read(&store, StoreTable::Meta, &["plan"]), [Some("p2".into())]);
}

#[test]
fn rows_are_found_without_their_lanes() {
    let Some(server) = Server::start("reads over all lanes", &[]) else { return };
    let store = server.store();
    for lane in 0..4 {
        let held = claim(&store, lane, &[0]);
        let mut changes = Changes::default();
        for number in 0..700 {
            changes.put(format!("orders:{number:03}{lane}").as_bytes(), format!("{lane}").as_bytes());
        }
        changes.put(format!("or*ders:{lane}").as_bytes(), b"star");
        assert_eq!(store.save(lane, &held, &changes, &[progress(1)]), Saved::Applied);
    }
    assert!(store.swap(&rows(&[("orders:9", "dimension")]), &[NONE]).unwrap().is_empty());
    // Another program's keys in the same server.
    server.ask(&["SET", "test2:{0-uz}:s:orders:1", "foreign"]);
    let found = read(&store, StoreTable::State, &["orders:0013", "nothing", "orders:0000"]);
    assert_eq!(found, [Some("3".into()), None, Some("0".into())]);
    let found = all(&store, StoreTable::State, "orders:");
    assert_eq!(found.len(), 2800);
    assert!(found.is_sorted(), "in order");
    assert_eq!(all(&store, StoreTable::State, "or*").len(), 4);
    assert_eq!(all(&store, StoreTable::Dimension, ""), [("orders:9".into(), "dimension".into())]);
    assert!(all(&store, StoreTable::Rejected, "").is_empty());
    let mut seen = 0;
    store
        .scan(StoreTable::State, b"", &mut |_, _| {
            seen += 1;
            seen < 5
        })
        .unwrap();
    assert_eq!(seen, 5);
}
