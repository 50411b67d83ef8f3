//! Workers on real servers, in doses that the test command can wait for.

use std::{path::PathBuf, time::Duration};

use nsf_faults::{
    bank::Dose,
    stage::{Servers, Stage},
};
use nsf_tests::{
    servers::{redis::Options, shown},
    tool,
};

fn programs() -> (PathBuf, PathBuf) {
    (tool::build("nsfc"), tool::build("nsflow"))
}

#[test]
fn two_workers_give_what_one_program_must() {
    let Some(servers) = shown("two_workers_give_what_one_program_must", Servers::start(Options::default())) else {
        return;
    };
    let (nsfc, nsflow) = programs();
    let dose = Dose { records: 20_000, accounts: 500, seed: 1 };
    let mut stage = Stage::new(&servers, "two", dose, &nsfc, &nsflow).unwrap();
    stage.feeder().run(Duration::ZERO).unwrap();
    let mut one = stage.workers.start().unwrap();
    let mut other = stage.workers.start().unwrap();
    stage.wait(&servers, Duration::from_secs(60)).unwrap();
    assert!(one.stop(Duration::from_secs(10)).unwrap().is_some(), "{}", one.text());
    assert!(other.stop(Duration::from_secs(10)).unwrap().is_some(), "{}", other.text());
    let outcome = stage.check(&servers).unwrap();
    println!("{outcome:?}");
    assert!(outcome.outputs.iter().all(|(_, outputs)| outputs.repeated == 0), "{outcome:?}");
}
