//! Connections that break, and saves whose answer does not come.

use std::time::Duration;

use nsf_engine::store::LaneStore;
use nsf_mysql::{MysqlDatabase, Node};
use nsf_tests::lanes::{
    doubt::{self, Stage},
    proxy::Proxy,
};

use crate::support::{lanes, server};

/// What ends a save or a claim: the packet of a query.
pub fn is_save(sent: &str) -> bool {
    sent.ends_with("\u{3}COMMIT")
}

/// Whether an answer is the one that all went well.
pub fn was_done(answer: &str) -> bool {
    answer.chars().nth(3) == Some('\u{1}') && answer.chars().nth(4) == Some('\u{0}')
}

fn on_stage(test: &str, transactions_wait: Duration, case: fn(&Stage<'_>)) {
    let Some(server) = server(test) else { return };
    let proxy = Proxy::before(server.maria.address(), is_save);
    let open = || Box::new(server.states(&server.database(), "test")) as Box<dyn LaneStore>;
    // The tables.
    open();
    let mut settings = server.settings();
    settings.node = Node::new("127.0.0.1", proxy.address.port());
    settings.response_timeout = Duration::from_secs(1);
    let mut lanes = lanes("test");
    lanes.idle_in_transaction = transactions_wait;
    let store = Box::new(MysqlDatabase::new(settings).unwrap().store(lanes, None).unwrap());
    let row = || {
        let row = server.query("SELECT nsf_row FROM nsf_test_state WHERE lane = 0 AND nsf_key = 'k'");
        (!row.is_empty()).then(|| row.trim().to_owned())
    };
    case(&Stage { proxy, store, open: &open, row: &row, cut: &|| server.cut(), was_done });
}

const SHORT: Duration = Duration::from_secs(1);

#[test]
fn a_claim_shows_a_save_that_was_done() {
    on_stage("a lost answer to a save that was done", SHORT, doubt::a_claim_shows_a_save_that_was_done);
}

#[test]
fn a_claim_shows_a_save_that_left_the_offset() {
    let test = "a lost answer to a save that leaves the offset";
    on_stage(test, SHORT, doubt::a_claim_shows_a_save_that_left_the_offset);
}

#[test]
fn a_save_that_never_arrived_is_done_again() {
    on_stage("a save that never arrived", SHORT, doubt::a_save_that_never_arrived_is_done_again);
}

#[test]
fn a_save_that_arrives_late_is_done_where_nobody_claimed() {
    // Nobody waits for the lane, so its transaction may stand open for long.
    let long = Duration::from_secs(600);
    on_stage("a save that arrives late", long, doubt::a_save_that_arrives_late_is_done_where_nobody_claimed);
}

#[test]
fn a_save_that_arrives_late_is_void_after_a_claim_of_the_same_store() {
    let test = "a save that arrives after the same store's claim";
    on_stage(test, SHORT, doubt::a_save_that_arrives_late_is_void_after_a_claim_of_the_same_store);
}

#[test]
fn a_save_that_arrives_late_is_void_after_anyones_claim() {
    let test = "a save that arrives after another store's claim";
    on_stage(test, SHORT, doubt::a_save_that_arrives_late_is_void_after_anyones_claim);
}

#[test]
fn a_claim_of_one_partition_voids_a_late_save_of_several() {
    let test = "a late save of several partitions of which one is claimed";
    on_stage(test, SHORT, doubt::a_claim_of_one_partition_voids_a_late_save_of_several);
}

#[test]
fn a_connection_that_is_cut_between_load_and_save() {
    let test = "a connection that is cut between load and save";
    on_stage(test, SHORT, doubt::a_connection_that_is_cut_between_load_and_save);
}

#[test]
fn a_cut_connection_and_a_claim_are_both_noticed() {
    on_stage("a cut connection and a claim", SHORT, doubt::a_cut_connection_and_a_claim_are_both_noticed);
}
