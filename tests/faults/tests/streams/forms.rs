//! Streams under Sentinel and on a cluster, whose masters change and whose slots move.

use std::time::Duration;

use nsf_faults::{redis_servers::Form, worker::Worker};
use nsf_tests::servers::redis::{Fsync, Options};

use crate::bench::{Bench, CLICKS, RELAY};

fn options() -> Options {
    Options { fsync: Fsync::EverySecond, ..Options::default() }
}

/// Workers that have begun.
fn begin(bench: &mut Bench) -> Vec<Worker> {
    bench.until("the broker knows its topics", || bench.nsflow(&["check", "plan.yaml"]).0);
    let workers = (0..2).map(|_| bench.workers.start().unwrap()).collect();
    bench.write(200);
    bench.until_all_is_counted("all is counted before anything happens");
    workers
}

fn end(workers: Vec<Worker>) {
    for mut worker in workers {
        assert!(worker.stop(Duration::from_secs(30)).unwrap().is_some(), "{}", worker.text());
    }
}

#[test]
fn entries_are_counted_once_when_sentinel_chooses_another_master() {
    let name = "entries_are_counted_once_when_sentinel_chooses_another_master";
    let Some(mut bench) = Bench::start(name, Form::Sentinel(options())) else { return };
    let workers = begin(&mut bench);
    bench.pay(400);
    bench.redis.sentinel().unwrap().switch_over().unwrap();
    bench.write(400);
    bench.until_all_is_counted("all is counted after a master handed over");
    // A master that dies takes what its replica does not have with it: entries of flows, and the positions that were saved
    // behind them. Others would have to add theirs again.
    for _ in 0..3 {
        bench.until_replicated(CLICKS);
        bench.redis.sentinel().unwrap().cut_replica_off().unwrap();
        bench.pay(400);
        bench.until_paid("the master has counted what its replica does not have");
        let lost = bench.last_entry(RELAY);
        bench.pay_meanwhile(4000, |redis| redis.sentinel().unwrap().failover().unwrap());
        bench.until_all_is_counted("all is counted after a master died");
        assert!(
            bench.command(&["XRANGE", RELAY, &lost, &lost]).parts().is_empty(),
            "the new master has what was to be lost"
        );
        bench.redis.sentinel().unwrap().restart_killed().unwrap();
        bench.write(400);
        bench.until_all_is_counted("all is counted after it came back as a replica");
    }
    end(workers);
}

#[test]
fn entries_are_counted_once_when_a_cluster_changes() {
    let Some(mut bench) = Bench::start("entries_are_counted_once_when_a_cluster_changes", Form::Cluster(options()))
    else {
        return;
    };
    let mut workers = begin(&mut bench);
    for stream in [CLICKS, RELAY] {
        bench.write(400);
        bench.redis.cluster().unwrap().move_slot(stream).unwrap();
        bench.write(400);
        bench.until_all_is_counted("all is counted after a stream's slot moved");
        bench.pay(400);
        bench.redis.cluster().unwrap().switch_over(stream).unwrap();
        bench.write(400);
        bench.until_all_is_counted("all is counted after a stream's master handed over");
    }
    workers[0].kill();
    bench.write(400);
    bench.until_all_is_counted("all is counted by the other worker");
    workers[0] = bench.workers.start().unwrap();
    // What a master of a cluster takes with it is lost: the lanes may be on others, which do not step back with it.
    bench.until_replicated(CLICKS);
    bench.until_replicated(RELAY);
    bench.redis.cluster().unwrap().failover(CLICKS).unwrap();
    bench.write(400);
    bench.until_all_is_counted("all is counted after a stream's master died");
    end(workers);
}
