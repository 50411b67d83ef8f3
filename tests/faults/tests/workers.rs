//! Rows of the fault matrix on real servers, in doses that the test command can wait for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::sync::{Condvar, LazyLock, Mutex, PoisonError};

use nsf_faults::rows::{Programs, run_row};
use nsf_tests::{
    servers::{Unavailable, install, kafka, not_shown},
    tool,
};

static PROGRAMS: LazyLock<Programs> = LazyLock::new(|| Programs {
    nsfc: tool::build("nsfc"),
    nsflow: tool::build_with("nsflow", &["faults"]),
    own: env!("CARGO_BIN_EXE_nsf-faults").into(),
});

/// How many rows may still begin. They wait most of the time, for sessions that end and servers that start: three at once take
/// little more time than one. More would wait for one another.
static PLACES: (Mutex<u32>, Condvar) = (Mutex::new(3), Condvar::new());

/// A row's place among those that run.
struct Place;

impl Place {
    /// Waits for one.
    fn take() -> Self {
        let free = PLACES.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = PLACES.1.wait_while(free, |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *PLACES.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        PLACES.1.notify_one();
    }
}

fn row(name: &str, dose: u32) {
    if !kafka::is_fetched() || install::find("redis-server").is_none() || install::find("mariadbd").is_none() {
        let reason = Unavailable::Absent {
            server: "Kafka, Redis or MariaDB",
            missing: "its programs".to_owned(),
            remedy: "cargo xtask servers --install gets them".to_owned(),
        };
        not_shown(&format!("row {name} of the fault matrix"), &reason);
        return;
    }
    let _place = Place::take();
    let seed = 2026;
    let done = run_row(name, dose, 5, seed, &PROGRAMS);
    println!("{name}, seed {seed}: {done:?}");
    assert!(done.is_ok(), "{name}, seed {seed}: {}", done.err().unwrap_or_default());
}

#[test]
fn workers_that_are_killed_lose_and_count_twice_nothing() {
    row("kill", 8);
}

#[test]
fn workers_that_end_at_each_named_place_lose_and_count_twice_nothing() {
    row("failpoint", u32::try_from(nsf_engine::run::SERVE_FAILPOINTS.len()).unwrap());
}

#[test]
fn a_worker_that_paused_writes_nothing_after_another_took_over() {
    row("pause", 1);
}

#[test]
fn workers_that_are_told_to_stop_leave_everything_to_the_others() {
    row("rolling", 4);
}

#[test]
fn a_redis_that_is_killed_loses_nothing() {
    row("redis-everysec", 6);
}

#[test]
fn a_redis_that_lost_its_last_changes_is_healed() {
    row("redis-cut", 6);
}

#[test]
fn a_program_without_state_sends_everything_once() {
    row("transactions", 6);
}

#[test]
fn another_version_of_the_program_is_taken_and_taken_back() {
    row("upgrade", 2);
}

#[test]
fn a_topic_that_is_not_partitioned_by_its_key_stops_the_workers() {
    row("foreign-key", 2);
}

#[test]
fn partitions_that_are_added_lose_and_count_twice_nothing() {
    row("partitions", 3);
}

#[test]
fn a_topic_that_is_made_anew_stops_the_workers() {
    row("recreated", 2);
}

#[test]
fn a_broker_that_is_killed_loses_nothing() {
    row("broker", 2);
}

#[test]
fn brokers_that_answer_with_errors_lose_nothing() {
    row("broker-errors", 40);
}

#[test]
fn work_goes_on_at_the_master_that_sentinel_chose() {
    row("sentinel", 3);
}

#[test]
fn work_goes_on_when_a_cluster_changes_its_masters_and_slots() {
    row("cluster", 4);
}

#[test]
fn a_redis_that_is_full_is_waited_for() {
    row("redis-full", 2);
}

#[test]
fn a_redis_that_forgot_everything_is_filled_again() {
    row("redis-empty", 1);
}

#[test]
fn a_network_that_loses_replies_leaves_nothing_in_doubt() {
    row("network", 1);
}

#[test]
fn a_mariadb_that_is_killed_is_waited_for() {
    row("mariadb", 4);
}

#[test]
fn states_on_mariadb_survive_the_death_of_workers_and_of_the_server() {
    row("mysql-states", 6);
}

#[test]
fn values_that_end_are_told_of_once_and_none_early() {
    row("timers", 5);
}

#[test]
fn a_sink_that_stands_still_fills_no_memory() {
    row("blocked", 2);
}

#[test]
fn what_cannot_be_read_is_rejected_whole_and_the_rest_counted() {
    row("poison", 1);
}

#[test]
fn workers_that_join_and_leave_again_and_again_lose_and_count_twice_nothing() {
    row("storm", 6);
}
