//! Lanes against a real server: what is saved is there, and only whoever claimed last saves.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use nsf_engine::{
    connector::ConnectorErrorKind as Kind,
    store::{Changes, LaneStore, Saved},
};
use nsf_tests::lanes::contract;
use support::{Server, claim, loaded, moved, partition, progress, rows};

#[test]
fn what_is_saved_is_there() {
    let Some(server) = Server::start("save and load of a lane", &[]) else { return };
    contract::what_is_saved_is_there(&|| Box::new(server.store()));
    let keys = server.ask(&["KEYS", "*"]);
    assert!(keys.contains("test:{1-vrb}:s:a:1"), "{keys}");
    assert!(keys.contains("test:{1-vrb}:p:group:shop.orders:orders:7"), "{keys}");
}

#[test]
fn a_claim_fences_whoever_held_before() {
    let Some(server) = Server::start("fencing of an older holder", &[]) else { return };
    contract::a_claim_fences_whoever_held_before(&|| Box::new(server.store()));
}

#[test]
fn a_claim_between_load_and_save_is_seen_by_the_save() {
    let Some(server) = Server::start("a claim between load and save", &[]) else { return };
    contract::a_claim_between_load_and_save_is_seen_by_the_save(&|| Box::new(server.store()));
    assert_eq!(server.ask(&["GET", "test:{0-uz}:s:k"]), "1");
}

#[test]
fn a_worker_that_claims_again_goes_on() {
    let Some(server) = Server::start("a second claim of the same worker", &[]) else { return };
    contract::a_worker_that_claims_again_goes_on(&|| Box::new(server.store()));
    assert_eq!(server.ask(&["GET", "test:{0-uz}:s:k"]), "29");
}

#[test]
fn rows_expire_where_they_may() {
    let Some(server) = Server::start("expiry of rows", &[]) else { return };
    let store = server.store();
    let held = claim(&store, 0, &[0]);
    let mut changes = rows(&[("stays", "1")]);
    changes.put_expiring(b"goes", 150, |row| row.extend_from_slice(b"2"));
    changes.put_expiring(b"later", 600_000, |row| row.extend_from_slice(b"3"));
    assert_eq!(store.save(0, &held, &changes, &[progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let found = loaded(&store, 0, &held, &["stays", "goes", "later"]).unwrap();
    assert_eq!(found, [Some("1".to_owned()), None, Some("3".to_owned())]);
    assert_eq!(server.ask(&["PTTL", "test:{0-uz}:s:stays"]), "-1");
    // A row that stays from now on does.
    assert_eq!(store.save(0, &held, &rows(&[("later", "4")]), &[progress(2)]), Saved::Applied);
    assert_eq!(server.ask(&["PTTL", "test:{0-uz}:s:later"]), "-1");
}

#[test]
fn many_rows_go_in_one_save() {
    let Some(server) = Server::start("large saves and loads", &[]) else { return };
    contract::many_rows_go_in_one_save(&|| Box::new(server.store()));
}

#[test]
fn what_the_store_lost_is_noticed() {
    let Some(mut server) = Server::keeping("loss of the last writes by a cut append-only file") else { return };
    let store = server.store();
    let held = claim(&store, 0, &[0]);
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    assert_eq!(store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]), Saved::Applied);
    let held = moved(&held, 2);
    server.kill();
    server.cut_aof(server.aof_length().unwrap() - 20).unwrap();
    server.restart().unwrap();
    let error = loaded(&store, 0, &held, &["k"]).unwrap_err();
    assert_eq!(error.kind, Kind::Lost, "{error}");
    assert!(error.message.contains("stands at offset 1 in the store `test` and was left at offset 2"), "{error}");
    assert_eq!(store.save(0, &held, &rows(&[("k", "3")]), &[progress(3)]), Saved::Lost);
    // Row and progress went back together.
    let again = claim(&store, 0, &[0]);
    assert_eq!(again[0].next, Some(1));
    assert_eq!(loaded(&store, 0, &again, &["k"]).unwrap(), [Some("1".to_owned())]);
}

#[test]
fn an_emptied_store_is_noticed_even_after_another_claim() {
    let Some(server) = Server::start("an emptied store", &[]) else { return };
    let (old, new) = (server.store(), server.store());
    let held = claim(&old, 0, &[0]);
    loaded(&old, 0, &held, &["k"]).unwrap();
    server.ask(&["FLUSHALL"]);
    let error = loaded(&old, 0, &held, &["k"]).unwrap_err();
    assert_eq!(error.kind, Kind::Lost);
    assert!(error.message.contains("has lost what was written last"), "{error}");
    // The first claim after it has another number than the first before it, though neither had saved anything.
    let other = claim(&new, 0, &[0]);
    assert_ne!(other[0].epoch, held[0].epoch);
    assert_eq!(old.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Lost);
}

#[test]
fn a_foreign_value_in_the_place_of_a_progress_is_damage() {
    let Some(server) = Server::start("a foreign value in the place of a progress", &[]) else { return };
    server.ask(&["SET", "test:{0-uz}:p:group:shop.orders:orders:0", "x"]);
    let error = server.store().claim(0, &[partition(0)]).unwrap_err();
    assert_eq!(error.kind, Kind::Damaged);
    assert!(error.message.contains("holds something that this runtime did not write"), "{error}");
    let error = server.store().claim(9, &[partition(0)]).unwrap_err();
    assert!(error.message.contains("has 4 lanes, and lane 9"), "{error}");
}

#[test]
fn ends_are_kept_with_the_rows() {
    let Some(server) = Server::start("when values of a lane end", &[]) else { return };
    contract::ends_are_kept_with_the_rows(&|| Box::new(server.store()), 1 << 53);
    assert!(server.ask(&["KEYS", "*"]).contains("test:{1-vrb}:t:group:shop.hourly:0"));
    assert_eq!(server.ask(&["ZCARD", "test:{1-vrb}:t:group:shop.hourly:0"]), "2");
}

/// The library takes a request of nothing for an error.
#[test]
fn nothing_is_read_where_nothing_is_asked_for() {
    let Some(server) = Server::start("a load of nothing", &[]) else { return };
    let store = server.store();
    assert!(loaded(&store, 0, &[], &[]).unwrap().is_empty());
    let held = claim(&store, 0, &[0]);
    assert!(loaded(&store, 0, &held, &[]).unwrap().is_empty());
}

/// Many new rows are guarded by the one key that all saves of a lane change, and where that changed by the rows themselves.
#[test]
fn workers_that_save_new_rows_of_a_lane_at_once_hinder_each_other_only_in_the_same_rows() {
    const ROWS: u32 = 300;
    let Some(server) = Server::start("saves of new rows side by side", &[]) else { return };
    // Both begin each save at once, so that one comes between the other's look and its transaction.
    let at_once = std::sync::Barrier::new(2);
    let save = |worker: u32, name: &(dyn Fn(u32, u32) -> String + Sync)| -> Vec<Saved> {
        let store = server.store();
        let mut held = claim(&store, 0, &[worker]);
        let mut saved = Vec::new();
        for turn in 1..=60 {
            let mut changes = Changes::default();
            for row in 0..ROWS {
                let key = format!("{}:{row}", name(worker, turn));
                changes.put(key.as_bytes(), worker.to_string().as_bytes());
                changes.guard(key.as_bytes(), 0);
            }
            at_once.wait();
            saved.push(store.save(0, &held, &changes, &[progress(turn.into())]));
            if saved.last() == Some(&Saved::Applied) {
                held = moved(&held, turn.into());
            }
        }
        saved
    };
    let both = |name: &(dyn Fn(u32, u32) -> String + Sync)| {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| save(1, name));
            (save(0, name), other.join().unwrap())
        })
    };
    let (one, two) = both(&|worker, turn| format!("own:{worker}:{turn}"));
    assert!(one.iter().chain(&two).all(|saved| *saved == Saved::Applied), "{one:?} {two:?}");
    // The same rows from two partitions: each is one worker's.
    let (one, two) = both(&|_, turn| format!("same:{turn}"));
    for (one, two) in one.iter().zip(&two) {
        assert!(matches!((one, two), (Saved::Applied, Saved::Lost) | (Saved::Lost, Saved::Applied)), "{one:?} {two:?}");
    }
}

#[test]
fn a_row_that_another_worker_changed_since_it_was_read_is_not_changed() {
    let Some(server) = Server::start("guarded rows of a lane", &[]) else { return };
    contract::a_row_that_another_worker_changed_since_it_was_read_is_not_changed(&|| Box::new(server.store()));
}
