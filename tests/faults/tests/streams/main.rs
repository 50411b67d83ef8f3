//! Streams of Redis as a source, on real servers: each entry is counted once, whatever dies, whoever wrote it; what was trimmed
//! away or made anew is told.
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod bench;
mod forms;

use std::{thread, time::Duration};

use nsf_faults::{redis_servers::Form, worker::Worker};

use bench::{Bench, CLICKS, RELAY};

#[test]
fn entries_are_counted_once_whatever_dies() {
    let Some(mut bench) = Bench::start("entries_are_counted_once_whatever_dies", Form::default()) else { return };
    bench.until("the broker knows its topics", || bench.nsflow(&["check", "plan.yaml"]).0);
    let (_, text) = bench.nsflow(&["check", "plan.yaml"]);
    assert!(text.contains("stream clicks: is not there; a run makes it, without entries\n"), "{text}");
    // Who only asks what a reset would do makes nothing.
    let (done, text) = bench.nsflow(&["reset", "plan.yaml", "--topic", "clicks"]);
    let words = "the stream `clicks` is read by streamed.clicks\nit had no entries yet: from its first on\n";
    assert!(done && text.contains(words) && text.contains("nothing was done"), "{text}");
    assert_eq!(bench.command(&["EXISTS", CLICKS]).text(), "0");
    let mut workers: Vec<Worker> = (0..2).map(|_| bench.workers.start().unwrap()).collect();
    // Each worker dies while entries come, so that whoever reads them does.
    for turn in 0..4 {
        bench.write(400);
        thread::sleep(Duration::from_millis(700));
        workers[turn % 2].kill();
        workers[turn % 2] = bench.workers.start().unwrap();
    }
    bench.until_all_is_counted("all is counted after the ends of workers");
    // Entries that a worker adds and does not commit are added again: who reads them passes over those.
    workers.clear();
    bench.pay(400);
    let mut ending = bench.workers.start_as("prod", &[("NSFLOW_FAILPOINT", "after-sink-flush:1")]).unwrap();
    bench.until("a worker ends between its outputs and its save", || !ending.is_running());
    workers.push(bench.workers.start().unwrap());
    bench.until_all_is_counted("repetitions are passed over");
    let relayed = bench.command(&["XRANGE", RELAY, "-", "+"]).parts().len() as i64;
    assert!(relayed > bench.paid, "{relayed} entries of {} records: none came twice", bench.paid);
    println!("{relayed} entries of {} records in the relay", bench.paid);
    // Redis dies under them.
    workers.push(bench.workers.start().unwrap());
    bench.write(400);
    bench.redis.single().unwrap().kill();
    thread::sleep(Duration::from_secs(2));
    bench.redis.single().unwrap().restart().unwrap();
    bench.write(400);
    bench.until_all_is_counted("all is counted after Redis came back");
    // Each is held up for longer than its lease, and comes back to find the stream another's.
    for worker in &workers {
        bench.write(100);
        worker.signal("STOP").unwrap();
        bench.write(100);
        thread::sleep(Duration::from_secs(13));
        worker.signal("CONT").unwrap();
        bench.write(100);
    }
    bench.until_all_is_counted("all is counted after workers were held up");
    println!("{} entries and {} records, each once", bench.clicked, bench.paid);
    let (done, text) = bench.nsflow(&["reset", "plan.yaml", "--topic", "clicks"]);
    assert!(!done && text.contains("a worker reads the stream `clicks`"), "{text}");
    for mut worker in workers {
        assert!(worker.stop(Duration::from_secs(30)).unwrap().is_some(), "{}", worker.text());
    }
}

#[test]
fn a_stream_that_was_trimmed_or_made_anew_is_told() {
    let Some(mut bench) = Bench::start("a_stream_that_was_trimmed_or_made_anew_is_told", Form::default()) else {
        return;
    };
    bench.until("the broker knows its topics", || bench.nsflow(&["check", "plan.yaml"]).0);
    let mut worker = bench.workers.start().unwrap();
    bench.write(100);
    bench.until_all_is_counted("all is counted");
    assert!(worker.stop(Duration::from_secs(30)).unwrap().is_some(), "{}", worker.text());
    // What was counted may be trimmed away.
    bench.command(&["XTRIM", CLICKS, "MAXLEN", "0"]);
    bench.write(80);
    worker = bench.workers.start().unwrap();
    bench.until_all_is_counted("a stream that is trimmed behind is read on");
    assert!(worker.stop(Duration::from_secs(30)).unwrap().is_some(), "{}", worker.text());
    // What was not, may not.
    bench.write(80);
    bench.command(&["XTRIM", CLICKS, "MAXLEN", "40"]);
    bench.ends_with("the stream `clicks`: entries are gone that were not yet counted: the next is behind `");
    bench.ends_with("(`XDEL`) only after they were counted; to go on without them, run `nsflow reset --topic clicks`");
    let reset = ["reset", "plan.yaml", "--topic", "clicks", "--keep-states", "--yes"];
    let mut told = String::new();
    bench.until("nobody reads the stream any more", || {
        let (done, text) = bench.nsflow(&reset);
        told = text;
        done
    });
    assert!(told.contains("\nentries: from behind "), "{told}");
    assert!(told.contains("done: the stream is read from there on, 0 rows deleted"), "{told}");
    assert!(!told.contains("partition") && !told.contains("topic "), "{told}");
    worker = bench.workers.start().unwrap();
    let counted = |bench: &Bench| bench.rows("clicked").unwrap_or_default().values().map(|own| own.1).sum::<i64>();
    bench.until("it goes on with what is there", || counted(&bench) == 180 + 40);
    // Under the worker it is made anew.
    bench.command(&["DEL", CLICKS]);
    bench.command(&["XADD", CLICKS, "*", "account", "1", "n", "1"]);
    bench.until("the worker ends", || !worker.is_running());
    let words = "the stream `clicks` is another one than the one that was read before: it was deleted and made anew";
    assert!(worker.text().contains(words), "{}", worker.text());
}
