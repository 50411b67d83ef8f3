//! Where partitions begin, and what keeps them from being read: what the simulator's log never does.

use super::*;
use crate::protocol::Ready;

const PARTITION: PartitionId = PartitionId { stream: 0, partition: 0 };

fn machine(first: First) -> Machine {
    Machine::new(2, vec![StreamKind { laned: true, group: 0 }], first, Rules::default())
}

fn log(low: u64, high: u64, committed: Option<u64>, by_worker: bool) -> LogState {
    LogState { low, high, committed, by_worker, incarnation: "topic-1".to_owned(), partitions: 1, timed: false }
}

fn progress(next: Option<u64>) -> LaneProgress {
    let incarnation = "topic-1".to_owned();
    LaneProgress { next, first: 3, watermark: 70, incarnation, ..LaneProgress::default() }
}

/// Assigns the partition, claims it with these progresses, and saves first positions; gives all that was asked for.
fn begin(machine: &mut Machine, log: LogState, found: [LaneProgress; 2]) -> Vec<Action> {
    let mut asked = machine.step(Event::Assigned(PARTITION, log));
    for (lane, progress) in (0..).zip(found) {
        asked.extend(machine.step(Event::Claimed { lane, found: vec![(PARTITION, 1, progress)] }));
    }
    let begins: Vec<u16> = asked
        .iter()
        .filter_map(|action| if let Action::Begin { lane, .. } = action { Some(*lane) } else { None })
        .collect();
    for lane in begins {
        asked.extend(machine.step(Event::Begun { lane }));
    }
    asked
}

fn start_of(asked: &[Action]) -> Option<(u64, i64)> {
    asked.iter().find_map(|action| match action {
        Action::Start(Ready { next, watermark, .. }) => Some((*next, *watermark)),
        _ => None,
    })
}

fn halt_of(asked: &[Action]) -> Option<Halt> {
    asked.iter().find_map(|action| if let Action::Halt(_, why) = action { Some(why.clone()) } else { None })
}

#[test]
fn a_partition_that_was_never_read_begins_where_the_profile_says() {
    let never = || [LaneProgress::default(), LaneProgress::default()];
    let begun = |first, log| start_of(&begin(&mut machine(first), log, never())).map(|(next, _)| next);
    assert_eq!(begun(First::Earliest, log(5, 90, None, false)), Some(5));
    // What another application of the group committed says nothing of these states.
    assert_eq!(begun(First::Earliest, log(5, 90, Some(40), false)), Some(5));
    assert_eq!(begun(First::Latest, log(5, 90, None, false)), Some(90));
    assert_eq!(begun(First::Latest, log(5, 95, Some(90), false)), Some(90));
}

/// What was taken of messages that may come again belongs to a position: a partition that is read from an earlier one
/// decides there as it did.
#[test]
fn a_partition_goes_on_with_what_the_least_of_its_lanes_had_taken() {
    let marks = |text: &str| Arc::new(text.parse::<Marks>().unwrap());
    let at = |next, text: &str| LaneProgress { marks: marks(text), ..progress(Some(next)) };
    let mut machine = machine(First::Earliest);
    let asked = begin(&mut machine, log(3, 90, Some(30), true), [at(50, "a:9/0"), at(40, "a:7/0")]);
    let started = asked.iter().find_map(|action| match action {
        Action::Start(ready) => Some((ready.next, Arc::clone(&ready.marks))),
        _ => None,
    });
    assert_eq!(started, Some((40, marks("a:7/0"))));
    // A lane that is behind is brought on; one that has more keeps what it has.
    machine.step(Event::Applied { partition: PARTITION, next: 45, watermark: 80, marks: marks("a:8/0") });
    let mut asked = machine.step(Event::Due);
    for event in [Event::Flushed, Event::DimensionsSaved] {
        asked.extend(machine.step(event));
    }
    let saved: Vec<_> = asked
        .iter()
        .filter_map(|action| match action {
            Action::Save { lane, progress } => Some((*lane, progress[0].next, Arc::clone(&progress[0].marks))),
            _ => None,
        })
        .collect();
    assert_eq!(saved, [(1, Some(45), marks("a:8/0"))]);
}

#[test]
fn a_partition_is_read_from_the_least_of_its_lanes() {
    let asked =
        begin(&mut machine(First::Earliest), log(0, 90, Some(50), true), [progress(Some(50)), progress(Some(44))]);
    assert_eq!(start_of(&asked), Some((44, 70)));
    assert!(asked.contains(&Action::RolledBack { partition: PARTITION, messages: 6 }), "{asked:?}");
}

#[test]
fn a_lane_that_lost_everything_begins_at_the_first_offset_ever() {
    let mut machine = machine(First::Earliest);
    let asked = begin(&mut machine, log(0, 90, None, true), [progress(Some(50)), LaneProgress::default()]);
    assert_eq!(start_of(&asked).map(|(next, _)| next), Some(3));
    assert_eq!(machine.applied(0).next(), Some((PARTITION, 50, 70)), "the other lane passes over what it has");
}

#[test]
fn what_the_log_no_longer_has_or_never_had_ends_the_worker() {
    let halted = |log, found| {
        let asked = begin(&mut machine(First::Earliest), log, found);
        assert_eq!(start_of(&asked), None, "{asked:?}");
        halt_of(&asked)
    };
    let both = |next| [progress(Some(next)), progress(Some(next))];
    assert_eq!(halted(log(20, 90, None, true), both(10)), Some(Halt::Gap { next: 10, low: 20 }));
    assert_eq!(halted(log(0, 9, None, true), both(10)), Some(Halt::Truncated { next: 10, high: 9 }));
    let another = LogState { incarnation: "topic-2".to_owned(), ..log(0, 90, None, true) };
    assert_eq!(halted(another, both(10)), Some(Halt::Recreated));
    let never = || [LaneProgress::default(), LaneProgress::default()];
    assert_eq!(halted(log(5, 90, Some(40), true), never()), Some(Halt::Emptied { committed: 40 }));
    // From the very beginning everything can be made again.
    let again = begin(&mut machine(First::Earliest), log(0, 90, Some(40), true), never());
    assert_eq!(start_of(&again).map(|(next, _)| next), Some(0));
}

#[test]
fn a_store_that_is_emptied_while_it_is_used_is_filled_from_where_it_began() {
    let never = || [LaneProgress::default(), LaneProgress::default()];
    for first in [First::Earliest, First::Latest] {
        let mut machine = machine(first);
        let began = start_of(&begin(&mut machine, log(5, 90, None, false), never())).map(|(next, _)| next);
        machine.step(Event::Applied { partition: PARTITION, next: 95, watermark: 7, marks: Arc::default() });
        let mut asked = Vec::new();
        for lane in 0..2 {
            machine.step(Event::LaneFailed { lane, lost: true });
            machine.step(Event::Waited { lane });
            asked.extend(machine.step(Event::Claimed { lane, found: vec![(PARTITION, 9, LaneProgress::default())] }));
        }
        for lane in 0..2 {
            asked.extend(machine.step(Event::Begun { lane }));
        }
        assert_eq!(start_of(&asked).map(|(next, _)| next), began, "{first:?}: {asked:?}");
        assert_eq!(halt_of(&asked), None, "{first:?}");
    }
}

/// Makes a commit; gives the lanes that are saved, with the offset and the watermark that they are to have.
fn commit(machine: &mut Machine) -> Vec<(u16, Option<u64>, i64)> {
    assert_eq!(machine.step(Event::Due), [Action::Flush]);
    assert_eq!(machine.step(Event::Flushed), [Action::SaveDimensions]);
    let saves = machine.step(Event::DimensionsSaved);
    let saved = saves.iter().filter_map(|action| match action {
        Action::Save { lane, progress } => Some((*lane, progress[0].next, progress[0].watermark)),
        _ => None,
    });
    let saved: Vec<(u16, Option<u64>, i64)> = saved.collect();
    saved.iter().for_each(|(lane, ..)| drop(machine.step(Event::Saved { lane: *lane })));
    assert!(!machine.is_committing());
    saved
}

#[test]
fn what_no_record_changed_is_saved_too() {
    let mut machine = machine(First::Earliest);
    begin(&mut machine, log(0, 50, None, true), [progress(Some(50)), progress(Some(50))]);
    assert_eq!(commit(&mut machine), []);
    machine.step(Event::Idle { partition: PARTITION, watermark: 90 });
    assert_eq!(commit(&mut machine), [(0, Some(50), 90), (1, Some(50), 90)]);
    // A watermark never goes back.
    machine.step(Event::Idle { partition: PARTITION, watermark: 80 });
    assert_eq!(commit(&mut machine), []);
    machine.step(Event::Changed);
    assert_eq!(commit(&mut machine), [(0, Some(50), 90), (1, Some(50), 90)]);
    assert_eq!(commit(&mut machine), []);
}

#[test]
fn of_lanes_that_stand_alike_the_one_that_saw_the_partition_idle_is_believed() {
    let late = LaneProgress { watermark: 90, ..progress(Some(50)) };
    let asked = begin(&mut machine(First::Earliest), log(0, 50, None, true), [progress(Some(50)), late]);
    assert_eq!(start_of(&asked), Some((50, 90)));
}

/// A partition that rested is read again from where it was taken; batches behind that, which were on their way, are void.
#[test]
fn what_was_read_before_a_rest_is_void() {
    let mut machine = machine(First::Earliest);
    let never = [LaneProgress::default(), LaneProgress::default()];
    begin(&mut machine, log(0, 90, None, false), never);
    assert!(machine.accepts(PARTITION, 1));
    let again = machine.read_again(PARTITION, 1).unwrap();
    assert!(machine.accepts(PARTITION, again) && !machine.accepts(PARTITION, 1));
    assert_eq!(machine.read_again(PARTITION, 1), None, "it is read anew already");
    assert_eq!(machine.position(PARTITION), 0);
    machine.step(Event::Gone(PARTITION));
    assert_eq!(machine.read_again(PARTITION, again), None, "it is another worker's");
}

/// What is made outside lanes of what lies behind void records would come before what they make.
#[test]
fn nothing_is_taken_while_no_lane_of_a_partition_works() {
    // Partition 0 of a stream without lanes stands in the first of two.
    let mut machine = Machine::new(2, vec![StreamKind { laned: false, group: 0 }], First::Earliest, Rules::default());
    machine.step(Event::Assigned(PARTITION, log(0, 90, None, true)));
    machine.step(Event::Claimed { lane: 0, found: vec![(PARTITION, 1, progress(Some(5)))] });
    assert!(machine.accepts(PARTITION, 1));
    machine.step(Event::LaneFailed { lane: 0, lost: true });
    assert!(machine.any_open(), "the other lane has no partitions");
    assert!(!machine.accepts(PARTITION, 1) && machine.is_void(PARTITION, 1));
    assert_eq!(machine.read_again(PARTITION, 1), None, "it is read again when its lane is claimed");
    machine.step(Event::Waited { lane: 0 });
    let asked = machine.step(Event::Claimed { lane: 0, found: vec![(PARTITION, 2, progress(Some(5)))] });
    assert_eq!(start_of(&asked), Some((5, 70)), "batches were passed over, though none was taken");
    assert!(machine.accepts(PARTITION, 2) && !machine.is_void(PARTITION, 1) && !machine.is_void(PARTITION, 2));
}

#[test]
fn a_partition_goes_on_while_one_of_its_lanes_works() {
    let mut machine = machine(First::Earliest);
    begin(&mut machine, log(0, 90, None, true), [progress(Some(5)), progress(Some(5))]);
    machine.step(Event::LaneFailed { lane: 0, lost: false });
    assert!(machine.accepts(PARTITION, 1));
    machine.step(Event::LaneFailed { lane: 1, lost: false });
    assert!(machine.is_void(PARTITION, 1));
    for event in [Event::Waited { lane: 1 }, Event::Claimed { lane: 1, found: vec![(PARTITION, 2, progress(Some(5)))] }]
    {
        machine.step(event);
    }
    assert!(machine.accepts(PARTITION, 2));
    // What outputs, dimensions or the log fail for is void in all lanes.
    machine.step(Event::Failed);
    assert!(machine.is_void(PARTITION, 2));
}
