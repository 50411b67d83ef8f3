//! The protocol against simulated stores, logs and workers, thousands of times: workers are killed, pause while others take
//! over, lose answers; the store goes back to an earlier state. At the end every row, every output and every window that
//! ended must be what one
//! worker without faults would have made. Rules that are left out must be noticed.

mod random;
mod worker;
mod world;

use super::Rules;
use random::Random;
use world::{Faults, Sound, World};

/// Seeds of one run of the tests; `NSF_SIMULATED_SEEDS` asks for others.
const SEEDS: u64 = 2_000;

fn seeds() -> std::ops::Range<u64> {
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = asked("NSF_SIMULATED_FIRST").unwrap_or(0);
    first..first + asked("NSF_SIMULATED_SEEDS").unwrap_or(SEEDS)
}

/// Runs one seed; gives what is wrong at its end.
fn run(seed: u64, faults: Faults, sound: Sound) -> Result<world::Counts, String> {
    let mut world = World::new(Random::new(seed), faults, sound);
    world.run()
}

fn all_well(faults: Faults) {
    let mut counts = world::Counts::default();
    for seed in seeds() {
        match run(seed, faults, Sound::default()) {
            Ok(own) => counts.add(own),
            Err(wrong) => panic!("seed {seed} of {faults:?}: {wrong}"),
        }
    }
    println!("{faults:?}: {counts:?}");
    assert!(counts.commits > seeds().count() as u64, "hardly anything was simulated: {counts:?}");
    assert_eq!(counts.kills > 0, faults.kills, "{counts:?}");
    assert_eq!(counts.pauses > 0, faults.pauses, "{counts:?}");
    assert_eq!(counts.rollbacks > 0, faults.rollbacks, "{counts:?}");
    assert_eq!(counts.lost_answers > 0, faults.lost_answers, "{counts:?}");
}

/// Some of a tenth of the seeds must show that the rule is needed.
fn is_noticed(faults: Faults, sound: Sound) {
    let tenth = || seeds().step_by(10);
    let wrong = tenth().filter(|seed| run(*seed, faults, sound).is_err()).count();
    println!("{sound:?} under {faults:?}: noticed by {wrong} of {} seeds", tenth().count());
    assert!(wrong > 0, "{sound:?} is not noticed under {faults:?}");
}

#[test]
fn workers_that_die_lose_and_repeat_nothing() {
    all_well(Faults { kills: true, ..Faults::NONE });
}

#[test]
fn a_worker_that_paused_while_another_took_over_writes_nothing() {
    all_well(Faults { kills: true, pauses: true, ..Faults::NONE });
}

#[test]
fn answers_that_are_lost_are_resolved() {
    all_well(Faults { kills: true, lost_answers: true, ..Faults::NONE });
}

#[test]
fn a_store_that_goes_back_is_healed() {
    all_well(Faults::ALL);
}

#[test]
fn loads_that_are_not_checked_are_noticed() {
    is_noticed(Faults::ALL, Sound { loads: false, ..Sound::default() });
}

#[test]
fn saves_without_a_fence_are_noticed() {
    is_noticed(Faults { kills: true, pauses: true, ..Faults::NONE }, Sound { saves: false, ..Sound::default() });
}

#[test]
fn rows_that_are_saved_before_outputs_are_sent_are_noticed() {
    let rules = Rules { emit_first: false, ..Rules::default() };
    is_noticed(Faults { kills: true, ..Faults::NONE }, Sound { rules, ..Sound::default() });
}

#[test]
fn positions_that_the_log_keeps_beside_the_rows_are_noticed() {
    let rules = Rules { start_from_store: false, ..Rules::default() };
    is_noticed(Faults { kills: true, ..Faults::NONE }, Sound { rules, ..Sound::default() });
}

#[test]
fn dimensions_that_are_written_before_their_messages_are_noticed() {
    is_noticed(Faults { kills: true, ..Faults::NONE }, Sound { messages_first: false, ..Sound::default() });
}

#[test]
fn rows_of_dimensions_that_are_not_compared_are_noticed() {
    is_noticed(Faults::ALL, Sound { compared: false, ..Sound::default() });
}

#[test]
fn ends_that_are_forgotten_before_their_rows_are_saved_are_noticed() {
    is_noticed(Faults { kills: true, ..Faults::NONE }, Sound { ends_with_rows: false, ..Sound::default() });
}

#[test]
fn merged_streams_at_different_workers_are_noticed() {
    is_noticed(Faults { kills: true, ..Faults::NONE }, Sound { together: false, ..Sound::default() });
}
