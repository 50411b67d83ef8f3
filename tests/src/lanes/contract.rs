//! Lanes: what is saved is there, and only whoever claimed last saves.

use nsf_engine::{
    connector::ConnectorErrorKind as Kind,
    store::{Changes, End, LaneStore, Saved, row_version},
};

use super::{claim, loaded, moved, partition, progress, rows};

/// Makes the store of another worker over the same servers: of four lanes and the same group.
pub type Open<'o> = dyn Fn() -> Box<dyn LaneStore> + 'o;

/// What is saved is there, what is deleted is not, and the next worker finds how far it came.
///
/// # Panics
/// Where it is not so.
pub fn what_is_saved_is_there(open: &Open<'_>) {
    let store = open();
    let held = claim(&*store, 1, &[0, 7]);
    assert!(held.iter().all(|held| held.next.is_none() && held.epoch > 0));
    assert_eq!(loaded(&*store, 1, &held, &["a:1", "a:2"]).unwrap(), [None, None]);
    let saved = store.save(1, &held, &rows(&[("a:1", "{\"n\":1}"), ("a:2", "{}")]), &[progress(5), progress(9)]);
    assert_eq!(saved, Saved::Applied);
    let mut held = held;
    held[0].next = Some(5);
    held[1].next = Some(9);
    assert_eq!(loaded(&*store, 1, &held, &["a:1", "a:3", "a:2"]).unwrap()[0].as_deref(), Some("{\"n\":1}"));
    // What is deleted is gone, in the same save as what is put.
    let mut changes = rows(&[("a:1", "{\"n\":2}")]);
    changes.delete(b"a:2");
    assert_eq!(store.save(1, &held, &changes, &[progress(6), progress(9)]), Saved::Applied);
    held[0].next = Some(6);
    let found = loaded(&*store, 1, &held, &["a:1", "a:2"]).unwrap();
    assert_eq!(found, [Some("{\"n\":2}".to_owned()), None]);
    // The next worker finds how far it came.
    let other = open();
    let claimed = other.claim(1, &[partition(0), partition(7), partition(3)]).unwrap();
    assert_eq!(claimed[0].1, progress(6));
    assert_eq!(claimed[1].1, progress(9));
    assert_eq!(claimed[2].1.next, None);
    assert!(claimed[0].0 > held[0].epoch);
}

/// Whoever held a partition before another claimed it loads and saves nothing.
///
/// # Panics
/// Where it is not so.
pub fn a_claim_fences_whoever_held_before(open: &Open<'_>) {
    let (old, new) = (open(), open());
    let before = claim(&*old, 0, &[0, 1]);
    assert_eq!(old.save(0, &before, &rows(&[("k", "1")]), &[progress(1), progress(1)]), Saved::Applied);
    let before = moved(&before, 1);
    // One of the partitions is enough.
    let after = claim(&*new, 0, &[1]);
    let error = loaded(&*old, 0, &before, &["k"]).unwrap_err();
    assert_eq!(error.kind, Kind::Lost, "{error}");
    assert!(error.message.contains("lane 0 of `orders` partition 1 was claimed by another worker"), "{error}");
    assert_eq!(old.save(0, &before, &rows(&[("k", "2")]), &[progress(2), progress(2)]), Saved::Lost);
    assert_eq!(loaded(&*new, 0, &after, &["k"]).unwrap(), [Some("1".to_owned())]);
    // Another lane is none of its business.
    let other = claim(&*old, 1, &[0, 1]);
    assert_eq!(old.save(1, &other, &rows(&[("k", "2")]), &[progress(2), progress(2)]), Saved::Applied);
    // What it still holds goes on, once it holds no more than that.
    assert_eq!(loaded(&*old, 0, &before[..1], &["k"]).unwrap(), [Some("1".to_owned())]);
    assert_eq!(old.save(0, &before[..1], &rows(&[("k", "3")]), &[progress(2)]), Saved::Applied);
}

/// A claim behind the load makes the save void.
///
/// # Panics
/// Where it is not so.
pub fn a_claim_between_load_and_save_is_seen_by_the_save(open: &Open<'_>) {
    let (old, new) = (open(), open());
    let before = claim(&*old, 0, &[0]);
    assert_eq!(old.save(0, &before, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
    let before = moved(&before, 1);
    loaded(&*old, 0, &before, &["k"]).unwrap();
    claim(&*new, 0, &[0]);
    // Nothing was asked since: only the save itself can tell.
    assert_eq!(old.save(0, &before, &rows(&[("k", "2")]), &[progress(2)]), Saved::Lost);
}

/// A worker that claims again has the newer claim, and may save again and again without a load.
///
/// # Panics
/// Where it is not so.
pub fn a_worker_that_claims_again_goes_on(open: &Open<'_>) {
    let store = open();
    let held = claim(&*store, 0, &[0]);
    loaded(&*store, 0, &held, &["k"]).unwrap();
    let again = claim(&*store, 0, &[0, 1]);
    assert_eq!(loaded(&*store, 0, &held, &["k"]).unwrap_err().kind, Kind::Lost);
    assert_eq!(store.save(0, &again, &rows(&[("k", "1")]), &[progress(1), progress(4)]), Saved::Applied);
    // Window upon window, without a load between.
    let mut held = again;
    for next in 5..30 {
        held[0].next = Some(if next == 5 { 1 } else { next - 1 });
        held[1].next = Some(if next == 5 { 4 } else { next - 1 });
        let saved = store.save(0, &held, &rows(&[("k", &next.to_string())]), &[progress(next), progress(next)]);
        assert_eq!(saved, Saved::Applied);
    }
    held[0].next = Some(29);
    held[1].next = Some(29);
    assert_eq!(loaded(&*store, 0, &held, &["k"]).unwrap(), [Some("29".to_owned())]);
}

/// More rows than one request has.
///
/// # Panics
/// Where it is not so.
pub fn many_rows_go_in_one_save(open: &Open<'_>) {
    let store = open();
    let held = claim(&*store, 0, &[0]);
    let mut changes = Changes::default();
    let keys: Vec<String> = (0..12_345).map(|number| format!("k:{number:05}")).collect();
    for key in &keys {
        changes.put(key.as_bytes(), format!("{{\"key\":\"{key}\",\"text\":\"{}\"}}", "x".repeat(200)).as_bytes());
    }
    assert_eq!(store.save(0, &held, &changes, &[progress(1)]), Saved::Applied);
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let found = loaded(&*store, 0, &moved(&held, 1), &names).unwrap();
    assert!(found.iter().zip(&keys).all(|(row, key)| row.as_deref().unwrap().contains(key)));
}

/// When values end is changed with the rows. `largest` is the latest time that the store tells apart.
///
/// # Panics
/// Where it is not so.
pub fn ends_are_kept_with_the_rows(open: &Open<'_>, largest: i64) {
    let store = open();
    let held = claim(&*store, 1, &[0]);
    let end = |key: &str, due: Option<i64>| End { state: "shop.hourly".into(), partition: 0, key: key.into(), due };
    let mut changes = rows(&[("shop.hourly:a", "{}"), ("shop.hourly:b", "{}"), ("shop.hourly:c", "{}")]);
    for (key, due) in [("shop.hourly:a", 30), ("shop.hourly:b", -10), ("shop.hourly:c", i64::MAX)] {
        changes.end(end(key, Some(due)));
    }
    assert_eq!(store.save(1, &held, &changes, &[progress(1)]), Saved::Applied);
    let held = moved(&held, 1);
    let ends = |held: &[_], after, most| store.ends(1, held, "shop.hourly", 0, after, most).unwrap();
    let (a, b, c) = (b"shop.hourly:a".to_vec(), b"shop.hourly:b".to_vec(), b"shop.hourly:c".to_vec());
    assert_eq!(ends(&held, i64::MIN, 10), [(-10, b.clone()), (30, a.clone()), (largest, c.clone())]);
    assert_eq!(ends(&held, i64::MIN, 1), [(-10, b)]);
    assert_eq!(ends(&held, -10, 10), [(30, a), (largest, c)]);
    assert_eq!(store.ends(1, &held, "shop.hourly", 1, i64::MIN, 10).unwrap(), []);
    // What has ended goes with its row; what ends later than was noted is noted anew.
    let mut changes = Changes::default();
    changes.delete(b"shop.hourly:a");
    changes.end(end("shop.hourly:a", None));
    changes.end(end("shop.hourly:b", Some(70)));
    assert_eq!(store.save(1, &held, &changes, &[progress(2)]), Saved::Applied);
    let held = moved(&held, 2);
    assert_eq!(ends(&held, i64::MIN, 1), [(70, b"shop.hourly:b".to_vec())]);
    // Whoever has lost the lane is told nothing of it, and changes nothing.
    claim(&*open(), 1, &[0]);
    assert_eq!(store.ends(1, &held, "shop.hourly", 0, i64::MIN, 10).unwrap_err().kind, Kind::Lost);
    let mut changes = Changes::default();
    changes.end(end("shop.hourly:b", None));
    assert_eq!(store.save(1, &held, &changes, &[progress(3)]), Saved::Lost);
}

/// Guarded rows are changed as they were read, and fences hold from the same moment on.
///
/// # Panics
/// Where it is not so.
pub fn a_row_that_another_worker_changed_since_it_was_read_is_not_changed(open: &Open<'_>) {
    let (first, second) = (open(), open());
    // Two partitions, each of another worker, and rows that both touch.
    let one = claim(&*first, 0, &[0]);
    let two = claim(&*second, 0, &[1]);
    let new = |key: &str, value: &str| {
        let mut changes = rows(&[(key, value)]);
        changes.guard(key.as_bytes(), 0);
        changes
    };
    assert_eq!(first.save(0, &one, &new("k", "1"), &[progress(1)]), Saved::Applied);
    // The other one had read nothing there either.
    assert_eq!(second.save(0, &two, &new("k", "2"), &[progress(1)]), Saved::Lost);
    assert_eq!(loaded(&*second, 0, &two, &["k"]).unwrap(), [Some("1".to_owned())], "nothing of it is there");
    // As it was read: changed, and whoever holds the partition that it was written from is fenced by the same save.
    let mut changes = rows(&[("k", "3")]);
    changes.guard(b"k", row_version(Some(b"1")));
    changes.fence(partition(0));
    assert_eq!(second.save(0, &two, &changes, &[progress(1)]), Saved::Applied);
    let one = moved(&one, 1);
    assert_eq!(first.save(0, &one, &rows(&[("k", "4")]), &[progress(2)]), Saved::Lost);
    assert_eq!(loaded(&*first, 0, &one, &["k"]).unwrap_err().kind, Kind::Lost);
    let again = claim(&*first, 0, &[0]);
    assert_eq!(again[0].next, Some(1), "its position is as it was left");
    assert_eq!(loaded(&*first, 0, &again, &["k"]).unwrap(), [Some("3".to_owned())]);
    // Many rows at once, all of them new but one.
    let keys: Vec<String> = (0..2500).map(|at| format!("many:{at}")).collect();
    let mut changes = Changes::default();
    for key in &keys {
        changes.put(key.as_bytes(), b"1");
        changes.guard(key.as_bytes(), 0);
    }
    assert_eq!(first.save(0, &again, &changes, &[progress(2)]), Saved::Applied);
    let two = moved(&two, 1);
    assert_eq!(second.save(0, &two, &new("many:2400", "2"), &[progress(2)]), Saved::Lost);
    assert_eq!(loaded(&*second, 0, &two, &["many:2400"]).unwrap(), [Some("1".to_owned())]);
}
