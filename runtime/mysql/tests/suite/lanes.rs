//! Lanes: what is saved is there, and only whoever claimed last saves.

use std::time::{Duration, Instant};

use mysql::prelude::Queryable as _;
use nsf_engine::{
    connector::ConnectorErrorKind as Kind,
    store::{Changes, LaneStore, Saved, row_version},
};
use nsf_tests::lanes::{claim, contract, loaded, moved, partition, progress, rows};

use crate::support::{Server, server};

fn open(server: &Server) -> Box<dyn LaneStore> {
    Box::new(server.states(&server.database(), "test"))
}

/// A connection of its own, beside those of a store.
fn connection(server: &Server) -> mysql::Conn {
    let options = mysql::OptsBuilder::new().ip_or_hostname(Some("127.0.0.1")).tcp_port(server.maria.address().port());
    let options = options.user(Some("tests")).pass(Some("tests")).db_name(Some("tests")).prefer_socket(false);
    mysql::Conn::new(options).unwrap()
}

#[test]
fn what_is_saved_is_there() {
    let Some(server) = server("save and load of a lane") else { return };
    contract::what_is_saved_is_there(&|| open(&server));
    // In the form that people read.
    assert_eq!(server.query("SELECT lane, nsf_key, nsf_row, expires FROM nsf_test_state"), "1\ta:1\t{\"n\":2}\tNULL\n");
    let progress =
        server.query("SELECT lane, partition_name, next_offset FROM nsf_test_progress ORDER BY partition_name");
    assert_eq!(
        progress,
        "1\tgroup:shop.orders:orders:0\t6\n1\tgroup:shop.orders:orders:3\tNULL\n1\tgroup:shop.orders:orders:7\t9\n"
    );
}

#[test]
fn a_claim_fences_whoever_held_before() {
    let Some(server) = server("fencing of an older holder") else { return };
    contract::a_claim_fences_whoever_held_before(&|| open(&server));
}

#[test]
fn a_claim_between_load_and_save_is_seen_by_the_save() {
    let Some(server) = server("a claim between load and save") else { return };
    contract::a_claim_between_load_and_save_is_seen_by_the_save(&|| open(&server));
    assert_eq!(server.query("SELECT nsf_row FROM nsf_test_state WHERE lane = 0 AND nsf_key = 'k'"), "1\n");
}

#[test]
fn a_worker_that_claims_again_goes_on() {
    let Some(server) = server("a second claim of the same worker") else { return };
    contract::a_worker_that_claims_again_goes_on(&|| open(&server));
}

#[test]
fn many_rows_go_in_one_save() {
    let Some(server) = server("large saves and loads") else { return };
    contract::many_rows_go_in_one_save(&|| open(&server));
}

#[test]
fn ends_are_kept_with_the_rows() {
    let Some(server) = server("when values of a lane end") else { return };
    contract::ends_are_kept_with_the_rows(&|| open(&server), i64::MAX);
    assert_eq!(server.query("SELECT nsf_key FROM nsf_test_ends ORDER BY due"), "shop.hourly:b\nshop.hourly:c\n");
}

#[test]
fn a_row_that_another_worker_changed_since_it_was_read_is_not_changed() {
    let Some(server) = server("guarded rows of a lane") else { return };
    contract::a_row_that_another_worker_changed_since_it_was_read_is_not_changed(&|| open(&server));
}

/// Another worker's connection, in a transaction that has changed the row `a` of the lane.
fn beside(server: &Server) -> mysql::Conn {
    let mut connection = connection(server);
    connection.query_drop("START TRANSACTION").unwrap();
    connection.query_drop("UPDATE nsf_test_state SET nsf_row = '7' WHERE nsf_key = 'a'").unwrap();
    connection
}

/// Waits until a transaction waits for the rows of another.
fn until_one_waits(server: &Server) {
    let begun = Instant::now();
    while server.query("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'").trim().ends_with("\t0") {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody waits");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A save that found no row of `k` and waits for `a`, while another worker puts a row of `k` in. Gives how it ends.
fn save_beside(server: &Server, changes: &Changes) -> Saved {
    let store = open(server);
    let held = claim(&*store, 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("a", "1")]), &[progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    let mut other = beside(server);
    std::thread::scope(|scope| {
        let saving = scope.spawn(|| store.save(0, &held, changes, &[progress(2)]));
        until_one_waits(server);
        other.query_drop("INSERT INTO nsf_test_state (lane, nsf_key, nsf_row) VALUES (0, 'k', '8')").unwrap();
        other.query_drop("COMMIT").unwrap();
        saving.join().unwrap()
    })
}

#[test]
fn a_row_that_another_worker_puts_in_during_a_save_is_not_written_over() {
    let Some(server) = server("a new row of two workers at once") else { return };
    open(&server);
    let mut changes = rows(&[("a", "2"), ("k", "9")]);
    changes.guard(b"a", row_version(Some(b"1")));
    changes.guard(b"k", 0);
    assert_eq!(save_beside(&server, &changes), Saved::Lost);
    assert_eq!(server.query("SELECT nsf_row FROM nsf_test_state ORDER BY nsf_key"), "7\n8\n");
}

#[test]
fn a_row_that_was_made_and_removed_removes_nobody_elses() {
    let Some(server) = server("a row that comes and goes within a save") else { return };
    open(&server);
    let mut changes = rows(&[("a", "2")]);
    changes.delete(b"k");
    changes.guard(b"k", 0);
    assert_eq!(save_beside(&server, &changes), Saved::Applied);
    assert_eq!(server.query("SELECT nsf_row FROM nsf_test_state ORDER BY nsf_key"), "2\n8\n");
}

#[test]
fn a_lane_that_rests_behind_a_save_is_held_on() {
    let Some(server) = server("a lane without work for a while") else { return };
    let store = open(&server);
    let held = claim(&*store, 0, &[0]);
    for next in 1..3 {
        let held = if next == 1 { held.clone() } else { moved(&held, next - 1) };
        assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(next)]), Saved::Applied);
    }
    // A transaction may wait for a second.
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(loaded(&*store, 0, &moved(&held, 2), &["k"]).unwrap(), [Some("1".to_owned())]);
}

#[test]
fn keys_that_collations_find_alike_are_different_rows() {
    let Some(server) = server("keys that are alike") else { return };
    let store = open(&server);
    let held = claim(&*store, 0, &[0]);
    let keys = ["a", "A", "a ", "á", "a\u{0}", "ß", "ss"];
    let written: Vec<(&str, &str)> =
        keys.iter().zip(["0", "1", "2", "3", "4", "5", "6"]).map(|(a, b)| (*a, b)).collect();
    let mut changes = rows(&written);
    changes.sort();
    assert_eq!(store.save(0, &held, &changes, &[progress(1)]), Saved::Applied);
    let found = loaded(&*store, 0, &moved(&held, 1), &keys).unwrap();
    assert_eq!(found, written.iter().map(|(_, row)| Some((*row).to_owned())).collect::<Vec<_>>());
}

#[test]
fn rows_that_are_over_are_deleted_a_part_at_a_time() {
    let Some(server) = server("expiry of rows") else { return };
    let store = open(&server);
    let held = claim(&*store, 0, &[0]);
    let mut changes = Changes::default();
    for number in 0..1500 {
        changes.put_expiring(format!("goes:{number:04}").as_bytes(), 600_000, |row| row.extend_from_slice(b"{}"));
    }
    changes.put_expiring(b"later", 600_000, |row| row.extend_from_slice(b"3"));
    changes.put_expiring(b"never", u64::MAX, |row| row.extend_from_slice(b"4"));
    changes.put(b"stays", b"1");
    assert_eq!(store.save(0, &held, &changes, &[progress(1)]), Saved::Applied);
    let until = "SELECT COUNT(*) FROM nsf_test_state WHERE expires BETWEEN UTC_TIMESTAMP() + INTERVAL 5 MINUTE \
                 AND UTC_TIMESTAMP() + INTERVAL 11 MINUTE";
    assert_eq!(server.query(until), "1501\n");
    server.query("UPDATE nsf_test_state SET expires = '2020-01-01' WHERE nsf_key LIKE 'goes%'");
    // The first save of a connection looks for such rows; a thousand at a time.
    let count = || server.query("SELECT COUNT(*) FROM nsf_test_state").trim().parse::<usize>().unwrap();
    let store = open(&server);
    let held = claim(&*store, 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("later", "5")]), &[progress(2)]), Saved::Applied);
    assert_eq!(count(), 503);
    let held = moved(&held, 2);
    assert_eq!(store.save(0, &held, &rows(&[("later", "6")]), &[progress(3)]), Saved::Applied);
    assert_eq!(count(), 3);
    // A row that stays from now on does.
    let left = server.query("SELECT nsf_key FROM nsf_test_state WHERE expires IS NULL ORDER BY nsf_key");
    assert_eq!(left, "later\nnever\nstays\n");
}

#[test]
fn what_the_store_lost_is_noticed() {
    let Some(server) = server("loss of the last writes") else { return };
    let store = open(&server);
    let held = claim(&*store, 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    assert_eq!(store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]), Saved::Applied);
    let held = moved(&held, 2);
    server.query("UPDATE nsf_test_progress SET next_offset = 1; UPDATE nsf_test_state SET nsf_row = '1'");
    let error = loaded(&*store, 0, &held, &["k"]).unwrap_err();
    assert_eq!(error.kind, Kind::Lost, "{error}");
    assert!(
        error.message.contains("stands at offset 1 in the table `nsf_test_progress` and was left at offset 2"),
        "{error}"
    );
    assert_eq!(store.save(0, &held, &rows(&[("k", "3")]), &[progress(3)]), Saved::Lost);
    let again = claim(&*store, 0, &[0]);
    assert_eq!(again[0].next, Some(1));
    // An emptied store.
    server.query("TRUNCATE nsf_test_progress; TRUNCATE nsf_test_state");
    let error = loaded(&*store, 0, &again, &["k"]).unwrap_err();
    assert!(error.message.contains("has lost what was written last"), "{error}");
    // The first claim after it has another number than the first before it.
    let other = claim(&*open(&server), 0, &[0]);
    assert_ne!(other[0].epoch, again[0].epoch);
    assert_eq!(store.save(0, &again, &rows(&[("k", "1")]), &[progress(1)]), Saved::Lost);
    assert_eq!(server.query("SELECT COUNT(*) FROM nsf_test_state"), "0\n");
}

#[test]
fn what_is_held_is_held_over_one_connection() {
    let Some(mut server) = server("a lane whose connection is gone") else { return };
    let store = open(&server);
    let held = claim(&*store, 0, &[0, 1]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1), progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    server.maria.kill();
    server.maria.restart().unwrap();
    // The server that answers now may have lost rows of dimensions: nothing goes on as if nothing had been.
    assert_eq!(loaded(&*store, 0, &held, &["k"]).unwrap_err().kind, Kind::Unavailable);
    assert_eq!(store.save(0, &held, &rows(&[("k", "2")]), &[progress(2), progress(2)]), Saved::Lost);
    // What is claimed again is only that.
    let again = claim(&*store, 0, &[0]);
    let error = loaded(&*store, 0, &[again[0].clone(), held[1].clone()], &["k"]).unwrap_err();
    assert_eq!(error.kind, Kind::Lost, "{error}");
    assert!(error.message.contains("that the lane was claimed over is gone"), "{error}");
    assert_eq!(loaded(&*store, 0, &again, &["k"]).unwrap(), [Some("1".to_owned())]);
}

#[test]
fn a_worker_that_stands_still_in_a_save_keeps_nobody_from_the_lane() {
    let Some(server) = server("a transaction that nobody goes on with") else { return };
    let store = open(&server);
    let held = claim(&*store, 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
    // Another transaction holds the progress and is not gone on with.
    let mut idle = connection(&server);
    idle.query_drop("SET SESSION wait_timeout = 1").unwrap();
    idle.query_drop("START TRANSACTION").unwrap();
    idle.query_drop("UPDATE nsf_test_progress SET next_offset = 7").unwrap();
    let begun = Instant::now();
    let again = loop {
        match store.claim(0, &[partition(0)]) {
            Ok(claimed) => break claimed,
            Err(error) => assert_eq!(error.kind, Kind::Unavailable, "{error}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the server ends it");
    };
    assert_eq!(again[0].1.next, Some(1));
}

#[test]
fn workers_that_meet_save_both() {
    let Some(server) = server("workers that save the same lane at once") else { return };
    open(&server);
    let keys: Vec<String> = (0..40).map(|number| format!("k:{number:02}")).collect();
    let work = |worker: u32| {
        let store = open(&server);
        let mut held = claim(&*store, 0, &[worker]);
        let mut left = 25;
        while left > 0 {
            // The same rows from both ends, some of them deleted: their statements meet crosswise.
            let mut changes = Changes::default();
            for (at, key) in keys.iter().enumerate() {
                if (at as u32 + left + worker).is_multiple_of(3) {
                    changes.delete(key.as_bytes());
                } else {
                    changes.put(key.as_bytes(), b"{}");
                }
            }
            let next = held[0].next.unwrap_or(0) + 1;
            match store.save(0, &held, &changes, &[progress(next)]) {
                Saved::Applied => {
                    held = moved(&held, next);
                    left -= 1;
                }
                Saved::Unknown(error) => {
                    assert_eq!(error.kind, Kind::Unavailable, "{error}");
                    held = claim(&*store, 0, &[worker]);
                }
                Saved::Lost => panic!("nobody claims it"),
            }
        }
        held[0].next
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|worker| scope.spawn(move || work(worker))).collect();
        for one in all {
            assert_eq!(one.join().unwrap(), Some(25));
        }
    });
}
