//! Connections that break, and saves whose answer does not come.

use nsf_engine::{
    connector::ConnectorErrorKind as Kind,
    store::{Held, LaneProgress, LaneStore, Saved},
};

use super::{
    contract::Open,
    loaded, moved, partition, progress,
    proxy::{Fate, Proxy},
    rows,
};

/// A worker whose store is behind a proxy, and what is seen past it.
pub struct Stage<'s> {
    /// The proxy.
    pub proxy: Proxy,
    /// The worker's store: it gives up soon where no answer comes.
    pub store: Box<dyn LaneStore>,
    /// Makes the store of another worker, past the proxy.
    pub open: &'s Open<'s>,
    /// The row `k` of lane 0 as it is stored.
    pub row: &'s dyn Fn() -> Option<String>,
    /// Cuts all connections.
    pub cut: &'s dyn Fn(),
    /// Whether an answer that was lost says that the save was done.
    pub was_done: fn(&str) -> bool,
}

impl Stage<'_> {
    /// Lane 0 holds partition 0 at offset 1, where the row is `1`.
    fn begin(&self) -> Vec<Held> {
        let held = claim(&*self.store, 0, &[0]);
        assert_eq!(self.store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Applied);
        let held = moved(&held, 1);
        loaded(&*self.store, 0, &held, &["k"]).unwrap();
        held
    }

    fn row(&self) -> Option<String> {
        (self.row)()
    }

    fn is_done(&self, answer: &str) -> bool {
        (self.was_done)(answer)
    }
}

/// Claims; what is still under way may hold it up, or let it fail and be asked for again.
fn claim(store: &dyn LaneStore, lane: u16, partitions: &[u32]) -> Vec<Held> {
    let names: Vec<_> = partitions.iter().map(|number| partition(*number)).collect();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        match store.claim(lane, &names) {
            Ok(_) => return super::claim(store, lane, partitions),
            Err(error) => {
                assert_eq!(error.kind, Kind::Unavailable, "{error}");
                assert!(std::time::Instant::now() < until, "{error}");
            }
        }
    }
}

#[track_caller]
fn in_doubt(saved: &Saved) {
    assert!(matches!(saved, Saved::Unknown(error) if error.kind == Kind::Unavailable), "{saved:?}");
}

/// A claim shows a save that was done and whose answer was lost.
///
/// # Panics
/// Where it is not so.
pub fn a_claim_shows_a_save_that_was_done(stage: &Stage<'_>) {
    let (proxy, store) = (&stage.proxy, &stage.store);
    let held = stage.begin();
    proxy.next(Fate::LoseAnswer);
    in_doubt(&store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]));
    assert!(stage.is_done(&proxy.lost_answer()));
    let again = claim(&**store, 0, &[0]);
    assert_eq!(again[0].next, Some(2));
    assert_eq!(loaded(&**store, 0, &again, &["k"]).unwrap(), [Some("2".to_owned())]);
    assert_eq!(store.save(0, &again, &rows(&[("k", "3")]), &[progress(3)]), Saved::Applied);
}

/// The same of a save that left the offset as it was.
///
/// # Panics
/// Where it is not so.
pub fn a_claim_shows_a_save_that_left_the_offset(stage: &Stage<'_>) {
    let (proxy, store) = (&stage.proxy, &stage.store);
    let held = stage.begin();
    let name = partition(0);
    let later = LaneProgress { watermark: 99, ..progress(1) };
    for (fate, value, saved) in [(Fate::LoseRequest, "1", progress(1)), (Fate::LoseAnswer, "2", later.clone())] {
        let found = store.claim(0, std::slice::from_ref(&name)).unwrap();
        let held = [Held { epoch: found[0].0, ..held[0].clone() }];
        loaded(&**store, 0, &held, &["k"]).unwrap();
        proxy.next(fate);
        in_doubt(&store.save(0, &held, &rows(&[("k", "2")]), std::slice::from_ref(&later)));
        assert_eq!(store.claim(0, std::slice::from_ref(&name)).unwrap()[0].1, saved);
        assert_eq!(stage.row().as_deref(), Some(value));
    }
}

/// A save that never arrived left nothing.
///
/// # Panics
/// Where it is not so.
pub fn a_save_that_never_arrived_is_done_again(stage: &Stage<'_>) {
    let (proxy, store) = (&stage.proxy, &stage.store);
    let held = stage.begin();
    proxy.next(Fate::LoseRequest);
    in_doubt(&store.save(0, &held, &rows(&[("k", "2")]), &[progress(2)]));
    let again = claim(&**store, 0, &[0]);
    assert_eq!(again[0].next, Some(1));
    assert_eq!(stage.row().as_deref(), Some("1"));
    assert_eq!(store.save(0, &again, &rows(&[("k", "2")]), &[progress(2)]), Saved::Applied);
}

/// A save that arrives late is done where nobody claimed meanwhile.
///
/// # Panics
/// Where it is not so.
pub fn a_save_that_arrives_late_is_done_where_nobody_claimed(stage: &Stage<'_>) {
    let (proxy, store) = (&stage.proxy, &stage.store);
    let held = stage.begin();
    proxy.next(Fate::Hold);
    in_doubt(&store.save(0, &held, &rows(&[("k", "late")]), &[progress(2)]));
    // What is read now says nothing of what comes: this is why doubt ends by a claim alone.
    assert_eq!(stage.row().as_deref(), Some("1"));
    let answer = proxy.let_go();
    assert!(stage.is_done(&answer), "{answer}");
    assert_eq!(stage.row().as_deref(), Some("late"));
    assert_eq!(loaded(&**store, 0, &held, &["k"]).unwrap_err().kind, Kind::Lost);
}

/// A save that arrives behind a claim of the same worker is void.
///
/// # Panics
/// Where it is not so.
pub fn a_save_that_arrives_late_is_void_after_a_claim_of_the_same_store(stage: &Stage<'_>) {
    let (proxy, store) = (&stage.proxy, &stage.store);
    let held = stage.begin();
    proxy.next(Fate::Hold);
    in_doubt(&store.save(0, &held, &rows(&[("k", "late")]), &[progress(2)]));
    let again = claim(&**store, 0, &[0]);
    assert_eq!(again[0].next, Some(1));
    let answer = proxy.let_go();
    assert!(!stage.is_done(&answer), "{answer}");
    assert_eq!(stage.row().as_deref(), Some("1"));
    assert_eq!(loaded(&**store, 0, &again, &["k"]).unwrap(), [Some("1".to_owned())]);
    assert_eq!(store.save(0, &again, &rows(&[("k", "2")]), &[progress(2)]), Saved::Applied);
}

/// The same behind the claim of another worker.
///
/// # Panics
/// Where it is not so.
pub fn a_save_that_arrives_late_is_void_after_anyones_claim(stage: &Stage<'_>) {
    let (proxy, store) = (&stage.proxy, &stage.store);
    let held = stage.begin();
    proxy.next(Fate::Hold);
    in_doubt(&store.save(0, &held, &rows(&[("k", "late")]), &[progress(2)]));
    let other = (stage.open)();
    let theirs = claim(&*other, 0, &[0]);
    assert_eq!(theirs[0].next, Some(1));
    // The other goes on before it arrives, and after.
    assert_eq!(other.save(0, &theirs, &rows(&[("k", "2")]), &[progress(2)]), Saved::Applied);
    let answer = proxy.let_go();
    assert!(!stage.is_done(&answer), "{answer}");
    let theirs = moved(&theirs, 2);
    assert_eq!(loaded(&*other, 0, &theirs, &["k"]).unwrap(), [Some("2".to_owned())]);
    assert_eq!(other.save(0, &theirs, &rows(&[("k", "3")]), &[progress(3)]), Saved::Applied);
    // Whoever was in doubt has lost the lane.
    assert_eq!(loaded(&**store, 0, &held, &["k"]).unwrap_err().kind, Kind::Lost);
    assert_eq!(store.save(0, &held, &rows(&[("k", "4")]), &[progress(2)]), Saved::Lost);
    assert_eq!(claim(&**store, 0, &[0])[0].next, Some(3));
}

/// It is void where one of its partitions was claimed.
///
/// # Panics
/// Where it is not so.
pub fn a_claim_of_one_partition_voids_a_late_save_of_several(stage: &Stage<'_>) {
    let (proxy, store) = (&stage.proxy, &stage.store);
    stage.begin();
    let held = claim(&**store, 0, &[0, 1]);
    loaded(&**store, 0, &held, &["k"]).unwrap();
    proxy.next(Fate::Hold);
    in_doubt(&store.save(0, &held, &rows(&[("k", "late")]), &[progress(2), progress(2)]));
    assert_eq!(claim(&*(stage.open)(), 0, &[1])[0].next, None);
    let answer = proxy.let_go();
    assert!(!stage.is_done(&answer), "{answer}");
    assert_eq!(stage.row().as_deref(), Some("1"));
    let again = claim(&**store, 0, &[0, 1]);
    assert_eq!((again[0].next, again[1].next), (Some(1), None));
}

/// Connections that are cut again and again between load and save.
///
/// # Panics
/// Where it is not so.
pub fn a_connection_that_is_cut_between_load_and_save(stage: &Stage<'_>) {
    let store = (stage.open)();
    let mut held = claim(&*store, 0, &[0]);
    for round in 0..20 {
        let before = held[0].next;
        if let Err(error) = loaded(&*store, 0, &held, &["k"]) {
            // Of some stores a load finds another connection by itself, of others a claim alone.
            assert!(matches!(error.kind, Kind::Unavailable | Kind::Lost), "{error}");
            held = claim(&*store, 0, &[0]);
            loaded(&*store, 0, &held, &["k"]).unwrap();
        }
        (stage.cut)();
        let next = progress(round + 1);
        let saved = store.save(0, &held, &rows(&[("k", &round.to_string())]), std::slice::from_ref(&next));
        in_doubt(&saved);
        held = claim(&*store, 0, &[0]);
        assert_eq!(held[0].next, before);
        assert_eq!(store.save(0, &held, &rows(&[("k", &round.to_string())]), &[next]), Saved::Applied);
        held = moved(&held, round + 1);
        (stage.cut)();
    }
}

/// A connection that is cut, and a claim of another.
///
/// # Panics
/// Where it is not so.
pub fn a_cut_connection_and_a_claim_are_both_noticed(stage: &Stage<'_>) {
    let store = (stage.open)();
    let held = claim(&*store, 0, &[0]);
    loaded(&*store, 0, &held, &["k"]).unwrap();
    (stage.cut)();
    claim(&*(stage.open)(), 0, &[0]);
    let error = loaded(&*store, 0, &held, &["k"]).unwrap_err();
    assert!(matches!(error.kind, Kind::Unavailable | Kind::Lost), "{error}");
    assert_eq!(store.save(0, &held, &rows(&[("k", "1")]), &[progress(1)]), Saved::Lost);
    assert_eq!(stage.row(), None);
}
