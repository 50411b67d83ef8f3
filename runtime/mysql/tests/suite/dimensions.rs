//! Rows of dimensions.

use std::{sync::Arc, thread};

use nsf_engine::{cell::Cell, connector::ConnectorErrorKind, store::row_version};
use nsf_mysql::MysqlDatabase;

use crate::support::{CLASS, Forms, placed, plan, server, stored};

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

#[test]
fn a_row_is_kept_as_it_is_and_shown_in_columns() {
    let Some(server) = server("a row of a dimension") else { return };
    let plan = plan(1);
    let (dimensions, forms) = (server.dimensions(&plan), Forms::of(&plan));
    let fields = [
        (0, text("一年级 'A'")),
        (1, Cell::Integer(-7)),
        (2, Cell::Decimal("7922816251426433759354395.0335".parse().unwrap())),
        (3, Cell::Float(0.1)),
        (4, Cell::Bool(true)),
        (5, Cell::Integer(1_684_540_800_123)),
        (6, Cell::Integer(19_497)),
        (7, Cell::Integer(90_000)),
        (8, Cell::List(vec![text("a"), text("b")])),
    ];
    let row = forms.written(forms.empty(), 1_684_540_800_000, &fields);
    assert_eq!(dimensions.swap(&forms.changes(&[(7, &row)]), &[0]).unwrap(), Vec::<usize>::new());
    assert_eq!(stored(&dimensions, &forms, 7).unwrap(), Some(forms.bytes(&row)));
    assert_eq!(stored(&dimensions, &forms, 8).unwrap(), None);
    assert_eq!(
        server.query(
            "SELECT class_id, name, count, price + 0, rate, open, begins, day, stay, tags, nsf_key, nsf_updated, nsf_deleted \
             FROM fields_class"
        ),
        "7\t一年级 'A'\t-7\t7922816251426433759354395.0335000000000000000000000000\t0.1\t1\t2023-05-20 00:00:00.123\t\
         2023-05-20\t90000\t[\"a\",\"b\"]\tfields.class:7\t2023-05-20 00:00:00.000\t0\n"
    );
    let gone = forms.deleted(row.clone(), 1_684_540_900_000);
    let version = row_version(Some(&forms.bytes(&row)));
    assert_eq!(dimensions.swap(&forms.changes(&[(7, &gone)]), &[version]).unwrap(), Vec::<usize>::new());
    assert_eq!(server.query("SELECT class_id, name, nsf_deleted FROM fields_class"), "7\tNULL\t1\n");
    assert!(!forms.read(&stored(&dimensions, &forms, 7).unwrap().unwrap()).exists());
}

#[test]
fn only_rows_that_are_as_expected_are_written() {
    let Some(server) = server("a conflict") else { return };
    let plan = plan(1);
    let (dimensions, forms) = (server.dimensions(&plan), Forms::of(&plan));
    let first = forms.written(forms.empty(), 1, &[(0, text("first"))]);
    dimensions.swap(&forms.changes(&[(1, &first), (2, &first)]), &[0, 0]).unwrap();
    let second = forms.written(forms.empty(), 2, &[(0, text("second"))]);
    let version = row_version(Some(&forms.bytes(&first)));
    // 1 is as read, 2 was thought absent, 3 was thought there, 4 is absent as read.
    let changes = forms.changes(&[(1, &second), (2, &second), (3, &second), (4, &second)]);
    assert_eq!(dimensions.swap(&changes, &[version, 0, version, 0]).unwrap(), [1, 2]);
    assert_eq!(
        server.query("SELECT class_id, name FROM fields_class ORDER BY class_id"),
        "1\tsecond\n2\tfirst\n4\tsecond\n"
    );
    let mut deletes = nsf_engine::store::Changes::default();
    deletes.delete(&forms.key(1));
    deletes.delete(&forms.key(2));
    assert_eq!(dimensions.swap(&deletes, &[version, version]).unwrap(), [0]);
    assert_eq!(server.query("SELECT class_id FROM fields_class ORDER BY class_id"), "1\n4\n");
}

#[test]
fn writers_that_meet_lose_no_field() {
    let Some(server) = server("concurrent writers") else { return };
    let plan = plan(1);
    server.dimensions(&plan);
    let plan = Arc::new(plan);
    let writers: Vec<_> = (0..3_u32)
        .map(|field| {
            let (dimensions, forms) = (server.database().dimensions(&plan, &placed(&plan)).unwrap(), Forms::of(&plan));
            thread::spawn(move || {
                // Each writes its own field of 40 rows, which are new at first, again and again.
                let mut conflicts = 0;
                for round in 1..=5_i64 {
                    let mut open: Vec<i64> = (0..40).collect();
                    while !open.is_empty() {
                        let read: Vec<_> =
                            open.iter().map(|class| stored(&dimensions, &forms, *class).unwrap()).collect();
                        let mut rows = Vec::new();
                        for (class, bytes) in open.iter().zip(&read) {
                            let row = bytes.as_ref().map_or_else(|| forms.empty(), |bytes| forms.read(bytes));
                            let value = if field == 0 { text(&round.to_string()) } else { number(field, round) };
                            rows.push((*class, forms.written(row, round, &[(field, value)])));
                        }
                        let mut pairs: Vec<_> = rows
                            .iter()
                            .zip(&read)
                            .map(|((class, row), bytes)| (forms.key(*class), row, bytes, *class))
                            .collect();
                        pairs.sort_by(|a, b| a.0.cmp(&b.0));
                        let changes = forms.changes(&pairs.iter().map(|pair| (pair.3, pair.1)).collect::<Vec<_>>());
                        let expected: Vec<u64> = pairs.iter().map(|pair| row_version(pair.2.as_deref())).collect();
                        let changed = dimensions.swap(&changes, &expected).unwrap();
                        conflicts += changed.len();
                        open = changed.into_iter().map(|at| pairs[at].3).collect();
                    }
                }
                conflicts
            })
        })
        .collect();
    let conflicts: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
    assert_eq!(
        server.query("SELECT COUNT(*) FROM fields_class WHERE name = '5' AND count = 5 AND price = 5"),
        "40\n",
        "after {conflicts} conflicts: {}",
        server.query("SELECT class_id, name, count, price FROM fields_class")
    );
    assert!(conflicts > 0, "the writers never met");
}

fn number(field: u32, value: i64) -> Cell {
    if field == 2 { Cell::Decimal(value.into()) } else { Cell::Integer(value) }
}

#[test]
fn rows_of_shards_are_read_and_scanned_in_the_order_of_their_keys() {
    let Some(server) = server("shards") else { return };
    let plan = plan(3);
    let (dimensions, forms) = (server.dimensions(&plan), Forms::of(&plan));
    let row = forms.written(forms.empty(), 1, &[(0, text("x"))]);
    let rows: Vec<_> = (0..1000).map(|class| (class, &row)).collect();
    assert_eq!(dimensions.swap(&forms.changes(&rows), &[0; 1000]).unwrap(), Vec::<usize>::new());
    let counts: Vec<u32> = (0..3)
        .map(|shard| server.query(&format!("SELECT COUNT(*) FROM fields_class_{shard}")).trim().parse().unwrap())
        .collect();
    assert!(counts.iter().sum::<u32>() == 1000 && counts.iter().all(|count| *count > 250), "{counts:?}");
    let mut keys: Vec<Vec<u8>> = (0..1010).map(|class| forms.key(class)).collect();
    keys.sort();
    let mut found = Vec::new();
    let asked: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    dimensions.get_many(&asked, &mut |at, _| found.push(at)).unwrap();
    assert_eq!(found.len(), 1000);
    let mut scanned = Vec::new();
    let mut keep = |key: &[u8], _: &[u8]| {
        scanned.push(key.to_vec());
        true
    };
    let prefix = nsf_engine::run::stage::DimensionRows::prefix(&forms.dimensions, CLASS);
    dimensions.scan_from(&prefix, &prefix, &mut keep).unwrap();
    keys.retain(|key| !(1000..1010).any(|class| *key == forms.key(class)));
    assert_eq!(scanned, keys);
    let mut few = 0;
    let from = forms.key(500);
    dimensions
        .scan_from(&prefix, &from, &mut |key, _| {
            assert!(few > 0 || key == from);
            few += 1;
            few < 3
        })
        .unwrap();
    assert_eq!(few, 3);
}

#[test]
fn rows_whose_time_is_over_are_deleted_with_commits() {
    let Some(server) = server("rows that are kept for a time") else { return };
    let mut plan = plan(1);
    plan.spaces[0].keep = Some(3_600_000);
    let (dimensions, forms) = (server.dimensions(&plan), Forms::of(&plan));
    dimensions.check().unwrap();
    let row = forms.written(forms.empty(), 1, &[(0, text("x"))]);
    let rows: Vec<_> = (0..1300).map(|class| (class, &row)).collect();
    assert_eq!(dimensions.swap(&forms.changes(&rows), &[0; 1300]).unwrap(), Vec::<usize>::new());
    // The first space keeps rows a week longer than it says.
    let hours = "SELECT DISTINCT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(3), nsf_expires) DIV 60 FROM fields_class";
    assert_eq!(server.query(hours), "168\n");
    server.query("UPDATE fields_class SET nsf_expires = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE class_id < 1200");
    // A row that is written again lives on.
    let newer = forms.written(forms.empty(), 2, &[(0, text("y"))]);
    let version = row_version(Some(&forms.bytes(&row)));
    let fresh = server.database().dimensions(&plan, &placed(&plan)).unwrap();
    let count = || server.query("SELECT COUNT(*) FROM fields_class");
    for (class, left) in [(1199, "800\n"), (1200, "300\n"), (1201, "101\n"), (1202, "101\n")] {
        assert_eq!(fresh.swap(&forms.changes(&[(class, &newer)]), &[version]).unwrap(), Vec::<usize>::new());
        assert_eq!(count(), left);
    }
    assert_eq!(stored(&fresh, &forms, 5).unwrap(), None);

    // A space that keeps rows for ever from now on takes back what stands there.
    plan.spaces[0].keep = None;
    let forever = server.database().dimensions(&plan, &placed(&plan)).unwrap();
    forever.check().unwrap();
    forever.swap(&forms.changes(&[(1250, &newer)]), &[version]).unwrap();
    assert_eq!(server.query("SELECT class_id FROM fields_class WHERE nsf_expires IS NULL"), "1250\n");
}

/// What the reference says that the user of the workers needs: without DELETE nothing of a `keep` would ever be deleted.
#[test]
fn a_space_that_keeps_rows_for_a_time_needs_the_right_to_delete() {
    let Some(server) = server("the rights of a keep") else { return };
    let mut plan = plan(1);
    plan.spaces[0].keep = Some(3_600_000);
    server.dimensions(&plan);
    server.root("CREATE USER 'worker'@'%' IDENTIFIED BY 'tests'");
    server.root("GRANT SELECT, INSERT, UPDATE ON tests.fields_class TO 'worker'@'%'");
    let mut settings = server.settings();
    "worker".clone_into(&mut settings.user);
    let database = MysqlDatabase::new(settings).unwrap();
    let worker = || database.dimensions(&plan, &placed(&plan)).unwrap();
    let error = worker().check().unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Permission);
    let lacks = "the user `worker` may not DELETE from the table `tests`.`fields_class` of MySQL at `127.0.0.1:";
    assert!(error.message.starts_with(lacks) && error.message.contains("whose space has `keep`"), "{error}");
    let help = "give it at the server: GRANT SELECT, INSERT, UPDATE, DELETE ON `tests`.`fields_class` TO 'worker'";
    assert!(error.help.as_deref().unwrap().starts_with(help), "{error:?}");

    // One who lost the right since goes on, and it is told.
    let forms = Forms::of(&plan);
    let row = forms.written(forms.empty(), 1, &[(0, text("x"))]);
    let without = worker();
    assert_eq!(without.sweeps().trouble(), None);
    assert_eq!(without.swap(&forms.changes(&[(1, &row), (2, &row)]), &[0, 0]).unwrap(), Vec::<usize>::new());
    let told = without.sweeps().trouble().unwrap();
    assert!(told.starts_with(lacks) && told.contains("GRANT SELECT, INSERT, UPDATE, DELETE"), "{told}");

    server.root("GRANT SELECT, INSERT, UPDATE, DELETE ON tests.fields_class TO 'worker'@'%'");
    server.query("UPDATE fields_class SET nsf_expires = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE class_id = 1");
    let with = worker();
    with.check().unwrap();
    assert_eq!(with.swap(&forms.changes(&[(3, &row)]), &[0]).unwrap(), Vec::<usize>::new());
    assert_eq!(with.sweeps().trouble(), None);
    assert_eq!(server.query("SELECT class_id FROM fields_class ORDER BY class_id"), "2\n3\n");

    // Where rows are kept for ever the right is not asked for.
    plan.spaces[0].keep = None;
    server.root("REVOKE DELETE ON tests.fields_class FROM 'worker'@'%'");
    database.dimensions(&plan, &placed(&plan)).unwrap().check().unwrap();
}
