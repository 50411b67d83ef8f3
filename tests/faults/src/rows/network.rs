//! What networks do to connections, by proxies before Redis and before Kafka.
//!
//! Each fault has a span of time of its own: two fifths of it before Redis, two fifths before Kafka, and a fifth in which nothing
//! is wrong any more and what waited is done. A span without a fault comes first; requests of the others are compared with it.

use std::{
    thread,
    time::{Duration, Instant},
};

use nsf_tests::{random::Random, servers::proxy::Proxy};

use crate::stage::Proxies;

use super::{
    Trial, resume,
    storm::{Named, Scene, Weather, storm, words},
};

/// The time of one fault in full; no fault gets less than [`LEAST`], which is longer than a worker waits for an answer.
const SPAN: Duration = Duration::from_secs(180);
const LEAST: Duration = Duration::from_secs(16);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// All is later by 200 ms, in each direction.
    Late,
    /// Connections end, and no new ones are taken for a moment.
    Cut,
    /// Nothing is passed on and nothing is closed.
    HalfOpen,
    /// 10 KB a second in each direction of each connection.
    Slow,
    /// What was asked is done, and the reply is lost.
    Swallowed,
}

const FAULTS: [Fault; 5] = [Fault::Late, Fault::Cut, Fault::HalfOpen, Fault::Slow, Fault::Swallowed];

/// Requests before Redis and before Kafka.
#[derive(Clone, Copy, Debug)]
struct Requests {
    redis: u64,
    kafka: u64,
}

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let span = (SPAN * u32::try_from(trial.percent).unwrap_or(100) / 100).max(LEAST);
    let faults = trial.dose.clamp(1, 20);
    let weather = Weather {
        calm: (0, 1),
        proxied: true,
        // Input comes at one pace through all spans, or their requests could not be compared.
        pace: span * (faults + 1) + Duration::from_secs(30),
        named: Named::Never,
        deadline: Duration::from_secs(120),
        ..Weather::default()
    };
    let (mut calm, mut turn, mut said) = (None, trial.seed as usize, Vec::new());
    let done = storm(trial, "network", &weather, |scene| {
        let before = match calm {
            Some(before) => before,
            None => {
                resume::begun(scene)?;
                let requests = counted(scene, |_| {
                    thread::sleep(span);
                    Ok(0)
                })?;
                println!("   no fault: {:?}", requests.0);
                *calm.insert(requests.0)
            }
        };
        let fault = FAULTS[turn % FAULTS.len()];
        turn += 1;
        let (requests, swallowed) = counted(scene, |scene| spell(scene, fault, span))?;
        println!("   {fault:?}: {requests:?}, {swallowed} replies lost");
        said.push(format!(
            "{fault:?} {:.2} × before Redis, {:.2} × before Kafka{}",
            requests.redis as f64 / before.redis as f64,
            requests.kafka as f64 / before.kafka as f64,
            if swallowed > 0 { format!(", {swallowed} replies lost") } else { String::new() }
        ));
        if fault == Fault::Swallowed && swallowed == 0 {
            return Err("no reply was lost, so that nothing was in doubt".to_owned());
        }
        if requests.redis > 2 * before.redis || requests.kafka > 2 * before.kafka {
            return Err(format!("requests are more than doubled by {fault:?}: {requests:?}, without {before:?}"));
        }
        Ok(())
    })?;
    Ok(format!("{done}; requests: {}", said.join("; ")))
}

fn proxies<'s>(scene: &'s Scene<'_>) -> Result<&'s Proxies, String> {
    scene.servers.proxies.as_ref().ok_or_else(|| "the servers were started without proxies".to_owned())
}

/// What is asked while something is done.
fn counted(
    scene: &mut Scene<'_>,
    work: impl FnOnce(&mut Scene<'_>) -> Result<u64, String>,
) -> Result<(Requests, u64), String> {
    let now = |scene: &Scene<'_>| {
        proxies(scene).map(|proxies| Requests { redis: proxies.redis.requests(), kafka: proxies.kafka.requests() })
    };
    let before = now(scene)?;
    let done = work(scene)?;
    let after = now(scene)?;
    Ok((Requests { redis: after.redis - before.redis, kafka: after.kafka - before.kafka }, done))
}

/// One span; gives how many replies were lost.
fn spell(scene: &mut Scene<'_>, fault: Fault, span: Duration) -> Result<u64, String> {
    let begun = Instant::now();
    let mut random = Random::new(scene.random.number());
    let both = proxies(scene)?;
    let before = both.redis.replies_swallowed() + both.kafka.replies_swallowed();
    for proxy in [&both.redis, &both.kafka] {
        break_for(proxy, fault, span * 2 / 5, &mut random)?;
        proxy.heal().map_err(words)?;
    }
    let stands = resume::progress(scene)?;
    resume::wait(scene, &stands, Instant::now())?;
    thread::sleep(span.saturating_sub(begun.elapsed()));
    let both = proxies(scene)?;
    Ok(both.redis.replies_swallowed() + both.kafka.replies_swallowed() - before)
}

/// Does to a proxy what the fault is, once or again and again, for so long.
fn break_for(proxy: &Proxy, fault: Fault, time: Duration, random: &mut Random) -> Result<(), String> {
    let begun = Instant::now();
    let left = || time.saturating_sub(begun.elapsed());
    while !left().is_zero() {
        let mut wait =
            |least: u64, more: u64| thread::sleep(Duration::from_millis(least + random.below(more)).min(left()));
        match fault {
            Fault::Late => {
                proxy.latency(Duration::from_millis(200));
                thread::sleep(left());
            }
            Fault::Slow => {
                proxy.bandwidth(10_000);
                thread::sleep(left());
            }
            Fault::Cut => {
                proxy.cut();
                wait(200, 2_000);
                proxy.heal().map_err(words)?;
                wait(500, 1_500);
            }
            Fault::HalfOpen => {
                proxy.half_open();
                wait(5_500, 2_000);
                proxy.heal().map_err(words)?;
                wait(1_000, 2_000);
            }
            Fault::Swallowed => {
                proxy.swallow_replies();
                wait(20, 300);
                proxy.heal().map_err(words)?;
                wait(700, 1_500);
            }
        }
    }
    Ok(())
}
