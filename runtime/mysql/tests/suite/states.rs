//! The store beside its lanes: tables, rights, layout, and reads of what is stored.

use nsf_engine::{
    connector::ConnectorErrorKind as Kind,
    store::{Changes, LaneStore, Saved, Store, StoreBatch, StoreTable},
};
use nsf_mysql::{Migration, MysqlDatabase, MysqlStore, Secret};
use nsf_tests::lanes::{claim, loaded, moved, progress, rows};

use crate::support::{Forms, Server, lanes, placed, plan, server};

fn all(store: &MysqlStore, table: StoreTable, prefix: &str, from: &str) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut found = Vec::new();
    store
        .scan_from(table, prefix.as_bytes(), from.as_bytes(), &mut |key, row| {
            found.push((text(key), text(row)));
            true
        })
        .unwrap();
    found
}

/// A user who may do what is granted and nothing else.
fn user(server: &Server, name: &str, grants: &[&str]) -> MysqlDatabase {
    server.query(&format!("CREATE USER '{name}'@'%' IDENTIFIED BY 'pw'"));
    for grant in grants {
        server.root(&format!("GRANT {grant} TO '{name}'@'%'"));
    }
    let mut settings = server.settings();
    (settings.user, settings.password) = (name.into(), Some(Secret::new("pw")));
    MysqlDatabase::new(settings).unwrap()
}

#[test]
fn tables_are_printed_made_and_made_once() {
    let Some(server) = server("tables of states") else { return };
    let plan = plan(1);
    let store = || {
        let database = server.database();
        let dimensions = database.dimensions(&plan, &placed(&plan)).unwrap();
        database.store(lanes("shop"), Some(dimensions)).unwrap()
    };
    let error = store().check().unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(
        error.message.ends_with(
            "lacks tables or columns of states and dimensions in the database `tests`, or the user `tests` may not see \
             them: `nsf_shop_state`, `nsf_shop_progress`, `nsf_shop_ends`, `nsf_shop_meta`, `fields_class`"
        ),
        "{error}"
    );
    assert!(error.help.unwrap().contains("nsflow migrate PLAN --apply"));
    let migration = store().migration().unwrap();
    let first = &migration.statements[0];
    assert_eq!((first.of.as_str(), first.table.as_str()), ("states", "nsf_shop_state"));
    assert!(first.sql.ends_with("ENGINE=InnoDB ROW_FORMAT=DYNAMIC"), "{}", first.sql);
    // To print is to change nothing.
    assert_eq!(server.query("SHOW TABLES"), "");
    store().apply(&migration.statements).unwrap();
    assert_eq!(store().migration().unwrap(), Migration::default());
    store().check().unwrap();

    // What an older version made is widened, and what cannot be used is told of.
    server.query("ALTER TABLE nsf_shop_progress DROP COLUMN counted");
    let migration = store().migration().unwrap();
    assert_eq!(
        migration.statements[0].sql,
        "ALTER TABLE `tests`.`nsf_shop_progress` ADD COLUMN counted VARBINARY(255) NOT NULL DEFAULT ''"
    );
    store().apply(&migration.statements).unwrap();
    server.query("ALTER TABLE nsf_shop_state MODIFY nsf_row BLOB NOT NULL; ALTER TABLE nsf_shop_meta ENGINE=Aria");
    let problems = store().migration().unwrap().problems;
    assert!(problems[0].message.contains("`nsf_row`") && problems[0].message.contains("must be `longtext`"));
    assert!(problems[1].message.contains("is one of the engine Aria, which has no transactions"), "{}", problems[1]);
    assert_eq!(
        problems[1].help.as_deref().unwrap(),
        "change it by hand: ALTER TABLE `tests`.`nsf_shop_meta` ENGINE=InnoDB"
    );
    assert!(store().check().is_err());

    // A copy by `CREATE TABLE … AS SELECT` has the columns and not the key: a partition would be claimed twice.
    server
        .query("ALTER TABLE nsf_shop_state MODIFY nsf_row LONGTEXT NOT NULL; ALTER TABLE nsf_shop_meta ENGINE=InnoDB");
    server.query("ALTER TABLE nsf_shop_progress DROP PRIMARY KEY");
    let error = store().check().unwrap_err();
    assert!(
        error
            .message
            .contains("`nsf_shop_progress` (states) must have the primary key (lane, partition_name), and has none"),
        "{error}"
    );
    let help = error.help.unwrap();
    assert!(help.ends_with("ALTER TABLE `tests`.`nsf_shop_progress` ADD PRIMARY KEY (lane, partition_name)"), "{help}");
}

#[test]
fn the_documented_rights_are_enough_and_each_is_needed() {
    let Some(server) = server("least rights for states") else { return };
    server.states(&server.database(), "shop");
    let tables = ["state", "progress", "ends", "meta"].map(|name| format!("ON tests.nsf_shop_{name}"));
    let grants = tables.map(|table| format!("SELECT, INSERT, UPDATE, DELETE {table}"));
    let database = user(&server, "worker", &grants.each_ref().map(String::as_str));
    let store = database.store(lanes("shop"), None).unwrap();
    store.check().unwrap();
    let mut batch = StoreBatch::default();
    batch.table(StoreTable::Meta).put(b"lanes", &[4, 0]);
    store.commit(&batch).unwrap();
    let held = claim(&store, 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
    assert_eq!(loaded(&store, 0, &moved(&held, 1), &["k"]).unwrap(), [Some("1".to_owned())]);
    assert!(store.notes().unwrap().is_empty());

    // Who may read alone is told what is missing before anything is worked on.
    let reader = user(&server, "reader", &["SELECT ON tests.*"]);
    let error = reader.store(lanes("shop"), None).unwrap().check().unwrap_err();
    assert_eq!(error.kind, Kind::Permission);
    assert!(
        error.message.contains("the user `reader` may not INSERT at the table `tests`.`nsf_shop_state` of MySQL at"),
        "{error}"
    );
    assert_eq!(
        error.help.as_deref().unwrap(),
        "give it at the server: GRANT SELECT, INSERT, UPDATE, DELETE ON `tests`.`nsf_shop_state` TO 'reader'"
    );
    let settings = lanes("other");
    let error = reader.store(settings.clone(), None).unwrap().check().unwrap_err();
    assert_eq!(error.kind, Kind::NotFound, "{error}");
    let store = reader.store(settings, None).unwrap();
    let error = store.apply(&store.migration().unwrap().statements).unwrap_err();
    assert!(
        error.message.starts_with("the table `nsf_other_state` cannot be changed: the user `reader` lacks"),
        "{error}"
    );
    assert!(error.help.unwrap().contains("needs CREATE and ALTER besides"));
}

#[test]
fn a_server_that_may_forget_is_told_of() {
    let Some(server) = server("a careless server") else { return };
    let store = server.states(&server.database(), "shop");
    assert!(store.notes().unwrap().is_empty());
    server.query("SET GLOBAL innodb_flush_log_at_trx_commit = 2");
    assert!(store.notes().unwrap()[0].contains("has `innodb_flush_log_at_trx_commit = 2`"));
}

#[test]
fn layout_and_counters_are_kept() {
    let Some(server) = server("layout and counters") else { return };
    let store = server.states(&server.database(), "shop");
    let mut batch = StoreBatch::default();
    batch.table(StoreTable::Meta).put(b"lanes", &[4, 0]);
    batch.table(StoreTable::Meta).put(b"state/a", b"one");
    batch.table(StoreTable::Meta).put(b"state/b", b"two");
    batch.table(StoreTable::Counters).put(b"state/a", b"17");
    batch.sort();
    store.commit(&batch).unwrap();
    let mut batch = StoreBatch::default();
    batch.table(StoreTable::Meta).delete(b"state/a");
    batch.table(StoreTable::Meta).put(b"state/b", b"three");
    store.commit(&batch).unwrap();
    assert_eq!(all(&store, StoreTable::Meta, "state/", ""), [("state/b".to_owned(), "three".to_owned())]);
    assert_eq!(all(&store, StoreTable::Counters, "", ""), [("state/a".to_owned(), "17".to_owned())]);
    let mut found = Vec::new();
    let keys: [&[u8]; 2] = [b"lanes", b"nothing"];
    store.get_many(StoreTable::Meta, &keys, &mut |index, value| found.push((index, value.to_vec()))).unwrap();
    assert_eq!(found, [(0, vec![4, 0])]);
    // What belongs to lanes is not written past them.
    let mut batch = StoreBatch::default();
    batch.table(StoreTable::State).put(b"k", b"1");
    assert!(store.commit(&batch).is_err());
    assert!(store.scan(StoreTable::Progress, b"", &mut |_, _| true).is_err());
}

#[test]
fn rows_of_all_lanes_are_found_in_the_order_of_their_keys() {
    let Some(server) = server("reads over all lanes") else { return };
    let store = server.states(&server.database(), "shop");
    let mut wanted = Vec::new();
    for lane in 0..4_u16 {
        let held = claim(&store, lane, &[0]);
        let mut changes = Changes::default();
        for number in 0..300 {
            let key = format!("a:{:04}", number * 4 + usize::from(lane));
            changes.put(key.as_bytes(), b"{}");
            wanted.push(key);
        }
        changes.put(b"b:1", b"{}");
        changes.sort();
        assert_eq!(store.save(lane, &held, &changes, &[progress(1)]), Saved::Applied);
    }
    wanted.sort();
    let keys =
        |from: &str| all(&store, StoreTable::State, "a:", from).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!(keys(""), wanted);
    assert_eq!(keys("a:0700"), wanted[700..]);
    let mut seen = 0;
    let mut three = |_: &[u8], _: &[u8]| {
        seen += 1;
        seen < 3
    };
    store.scan(StoreTable::State, b"a:", &mut three).unwrap();
    assert_eq!(seen, 3);
    let asked: Vec<&[u8]> = wanted.iter().map(String::as_bytes).chain([&b"nothing"[..]]).collect();
    let mut found = Vec::new();
    store.get_many(StoreTable::State, &asked, &mut |index, _| found.push(index)).unwrap();
    assert_eq!(found, (0..wanted.len()).collect::<Vec<_>>());
}

#[test]
fn dimensions_are_beside_the_states() {
    let Some(server) = server("dimensions beside states") else { return };
    let (plan, database) = (plan(2), server.database());
    let forms = Forms::of(&plan);
    let store = database.store(lanes("shop"), Some(database.dimensions(&plan, &placed(&plan)).unwrap())).unwrap();
    store.apply(&store.migration().unwrap().statements).unwrap();
    let row = forms.written(forms.empty(), 1, &[(1, nsf_engine::cell::Cell::Integer(3))]);
    assert!(store.swap(&forms.changes(&[(7, &row)]), &[0]).unwrap().is_empty());
    assert_eq!(store.swap(&forms.changes(&[(7, &row)]), &[0]).unwrap(), [0]);
    let mut found = 0;
    store.get_many(StoreTable::Dimension, &[&forms.key(7)], &mut |_, _| found += 1).unwrap();
    store
        .scan(StoreTable::Dimension, b"", &mut |_, _| {
            found += 1;
            true
        })
        .unwrap();
    assert_eq!(found, 2);
    // Without dimensions none is written, and none is there.
    let bare = database.store(lanes("shop"), None).unwrap();
    assert!(bare.swap(&forms.changes(&[(7, &row)]), &[0]).is_err());
    bare.scan(StoreTable::Dimension, b"", &mut |_, _| panic!("there is none")).unwrap();
}

#[test]
fn a_key_that_is_too_long_is_told_of() {
    let Some(server) = server("long keys of states") else { return };
    let store = server.states(&server.database(), "shop");
    let held = claim(&store, 0, &[0]);
    let (fits, long) = ("k".repeat(2048), "k".repeat(2049));
    assert_eq!(store.save(0, &held, &rows(&[(fits.as_str(), "1")]), &[progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    let Saved::Unknown(error) = store.save(0, &held, &rows(&[(long.as_str(), "1")]), &[progress(2)]) else { panic!() };
    assert!(error.message.contains("is 2049 bytes long, and MySQL keeps at most 2048"), "{error}");
    assert_eq!(loaded(&store, 0, &held, &[fits.as_str()]).unwrap(), [Some("1".to_owned())]);
}
