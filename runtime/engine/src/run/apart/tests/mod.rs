//! Records that wait, on the lanes themselves: streams, outputs, table and store are in memory. The plan is that of `shop.nsf`,
//! as `nsfc compile` writes it.

mod shop;

use nsf_plan::OnError;
use shop::{Shop, records};

/// The chain of numbers, as the flow makes it.
fn chain(numbers: impl IntoIterator<Item = i64>) -> i64 {
    numbers.into_iter().fold(7, |chain, number| (chain * 31 + number) % 1_000_007)
}

#[test]
fn values_end_whether_anything_came_back_or_not() {
    let mut shop = Shop::new(OnError::ParkKey);
    shop.take(0, &records(1, [(0, 10)]));
    shop.take(0, &records(2, [(1, 5_000_000)]));
    assert_eq!(shop.ended(), [1], "the retry topic had no record yet, and holds back nothing");
}

/// What comes back is as old as it is, and finds values as the source's other records do.
#[test]
fn what_comes_back_does_not_change_what_has_ended() {
    let mut shop = Shop::new(OnError::SkipOrder);
    shop.take(0, &records(1, [(0, 10)]));
    shop.go_away();
    shop.take(0, &records(1, [(1, 20)]));
    shop.come_back();
    shop.take(0, &records(2, [(2, 5_000_000)]));
    assert_eq!(shop.ended(), [1]);
    shop.take_waiting();
    assert_eq!(shop.totals(1), Some((1, chain([1]))), "the value began anew");
    assert!(shop.notes().is_empty());
    shop.take(0, &records(2, [(3, 20_000_000)]));
    assert_eq!(shop.ended(), [1, 2, 1], "and ends in its turn");
}

#[test]
fn what_cannot_be_read_any_more_is_rejected_once_and_its_followers_go_on() {
    let mut shop = Shop::new(OnError::ParkKey);
    shop.go_away();
    shop.take(0, &records(1, [(0, 10), (1, 20), (2, 30)]));
    assert_eq!(shop.notes(), [(0, 0), (0, 1), (0, 2)]);
    shop.come_back();
    shop.spoil(0);
    // Two workers may have sent it.
    shop.repeat(0);
    shop.take_waiting();
    assert_eq!(shop.rejected(), [(0, 0)]);
    assert_eq!(shop.totals(1), Some((2, chain([1, 2]))));
    assert!(shop.notes().is_empty() && shop.parked(1).is_none(), "the key is free");
    shop.take(0, &records(1, [(3, 40)]));
    assert_eq!(shop.totals(1), Some((3, chain([1, 2, 3]))));
}

/// Partitions were added while records of a key waited: the key's records come to another, and from there to another partition
/// of the retry topic, which may be read first.
#[test]
fn the_order_of_a_key_holds_over_partitions_that_are_added() {
    let mut shop = Shop::new(OnError::ParkKey);
    shop.go_away();
    shop.take(0, &records(1, [(7, 10)]));
    shop.add_partition();
    shop.take(3, &records(1, [(0, 20), (1, 30)]));
    assert_eq!(shop.notes(), [(0, 7), (3, 0), (3, 1)]);
    shop.come_back();
    shop.take_waiting_of(3);
    assert_eq!(shop.totals(1), None, "the first is still to be done");
    assert_eq!(shop.notes().len(), 3, "and none is passed over");
    shop.take_waiting_of(0);
    shop.take_waiting_of(3);
    assert_eq!(shop.totals(1), Some((3, chain([7, 0, 1]))));
    assert!(shop.notes().is_empty() && shop.parked(1).is_none());
}

/// What waits when the setting changes is taken back as it was noted.
#[test]
fn a_policy_may_change_while_records_wait() {
    for (before, after) in [(OnError::ParkKey, OnError::SkipOrder), (OnError::SkipOrder, OnError::ParkKey)] {
        let mut shop = Shop::new(before);
        shop.go_away();
        shop.take(0, &records(1, [(0, 10), (1, 20)]));
        let mut shop = shop.go_on(after);
        shop.take(0, &records(1, [(2, 30)]));
        shop.come_back();
        shop.take_waiting();
        assert_eq!(shop.totals(1), Some((3, chain([0, 1, 2]))), "{before:?}");
        assert!(shop.notes().is_empty() && shop.parked(1).is_none(), "{before:?}");
    }
}

/// Nobody would take back what waits.
#[test]
fn a_program_that_lets_nothing_wait_is_refused_while_something_does() {
    let mut shop = Shop::new(OnError::ParkKey);
    shop.go_away();
    shop.take(0, &records(1, [(0, 10)]));
    let (message, help) = shop.refusal(OnError::BlockLane).unwrap();
    let wanted = "records of `shop.orders` wait in its retry topic, and nothing in the program takes them back";
    assert_eq!(message, wanted);
    assert!(help.contains("nsflow reset --topic RETRY --to latest"), "{help}");
    assert_eq!(Shop::new(OnError::ParkKey).refusal(OnError::BlockLane), None, "nothing waits");
}

/// Where a record stood at first is what its fields say.
#[test]
fn a_record_that_comes_back_has_the_place_that_it_had() {
    let mut shop = Shop::new(OnError::SkipOrder);
    shop.go_away();
    shop.take(2, &records(1, [(41, 10)]));
    shop.come_back();
    shop.take_waiting();
    assert_eq!(shop.told(), [r#"{"account":1,"number":41,"place":41}"#]);
}

/// Keys that wait are read with the round's other rows, and not one by one.
#[test]
fn what_waits_is_read_together() {
    let mut shop = Shop::new(OnError::ParkKey);
    let asked = |shop: &Shop| shop.asked();
    let of_many = |first: u64| (0..50).map(|at| (at, first + at as u64, 10)).collect::<Vec<_>>();
    let before = asked(&shop);
    shop.take(0, &of_many(0));
    assert!(asked(&shop) - before <= 16, "at most one read for each of the eight lanes, and one of ends");
    shop.go_away();
    shop.take(0, &of_many(50));
    shop.come_back();
    let mut shop = shop.go_on(OnError::ParkKey);
    let before = asked(&shop);
    shop.take_waiting();
    assert!(asked(&shop) - before <= 16, "{} reads", asked(&shop) - before);
    assert!(shop.notes().is_empty());
}
