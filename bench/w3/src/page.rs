//! The tables and the page that they stand on.

use crate::latency::Latency;
use crate::run::{Used, VARIANTS, Variant};
use crate::{Done, words};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Everything that was measured.
pub struct Figures {
    /// Orders of the input.
    pub records: u64,
    /// By round: what each variant used.
    pub rounds: Vec<[Used; VARIANTS.len()]>,
    /// At which load, in orders a second, and what it gave.
    pub latency: Option<(u64, Latency, Latency)>,
}

impl Figures {
    fn of(&self, variant: Variant) -> impl Iterator<Item = &Used> {
        let at = VARIANTS.iter().position(|other| *other == variant).unwrap_or_default();
        self.rounds.iter().map(move |round| &round[at])
    }

    /// The processor time of `one` in that of `other`: the median over the rounds of the ratio within one.
    fn ratio(&self, one: Variant, other: Variant) -> f64 {
        let pairs = self.of(one).zip(self.of(other));
        median(pairs.map(|(one, other)| one.cpu().as_secs_f64() / other.cpu().as_secs_f64()).collect())
    }

    /// Microseconds an order.
    fn each(&self, variant: Variant, of: fn(&Used) -> Duration) -> f64 {
        median(self.of(variant).map(|used| of(used).as_secs_f64() * 1e6 / self.records as f64).collect())
    }

    /// Orders a second on the clock.
    pub fn each_second(&self, variant: Variant) -> f64 {
        median(self.of(variant).map(|used| self.records as f64 / used.wall.as_secs_f64()).collect())
    }

    /// The tables.
    pub fn tables(&self) -> String {
        let speed = 1.0 / self.ratio(Variant::ExactlyOnce, Variant::ByHand);
        let cost = 100.0 * (self.ratio(Variant::ExactlyOnce, Variant::AtLeastOnce) - 1.0);
        let two = 100.0 * (self.ratio(Variant::TwoWorkers, Variant::ExactlyOnce) - 1.0);
        let verdict = |met: bool| if met { "pass" } else { "**FAIL**" };
        let mut text = String::from("| measure | bar | measured | verdict |\n| --- | --- | --- | --- |\n");
        text += &format!(
            "| W3 against the program by hand | at least 0.60 of its speed | {speed:.2} | {} |\n",
            verdict(speed >= 0.6)
        );
        text += &format!(
            "| exactly once against at least once, same build | at most 15 % more | {cost:+.1} % | {} |\n",
            verdict(cost <= 15.0)
        );
        text += &format!("| two workers against one | at most 10 % more | {two:+.1} % | {} |\n", verdict(two <= 10.0));
        text += "\nProcessor time in microseconds an order, medians:\n\n";
        text += "| program | client | redis-server | together | orders a second of one core |\n";
        text += "| --- | --- | --- | --- | --- |\n";
        for variant in VARIANTS {
            let together = self.each(variant, Used::cpu);
            text += &format!(
                "| {} | {:.2} | {:.2} | {together:.2} | {:.0} |\n",
                variant.name(),
                self.each(variant, |used| used.clients),
                self.each(variant, |used| used.redis),
                1e6 / together
            );
        }
        text += &match self.latency {
            Some((load, product, by_hand)) => {
                let row = |name: &str, times: Latency| {
                    let ms = |time: u64| time as f64 / 1e3;
                    format!(
                        "| {name} | {:.1} ms | {:.1} ms | {:.1} ms |\n",
                        ms(times.half),
                        ms(times.p99),
                        ms(times.longest)
                    )
                };
                format!(
                    "\nFrom an order's append until its output can be read, at {load} orders a second, a fifth of what the product \
                     did at full load:\n\n| program | median | p99 | longest |\n| --- | --- | --- | --- |\n{}{}",
                    row(Variant::ExactlyOnce.name(), product),
                    row(Variant::ByHand.name(), by_hand)
                )
            }
            None => "\nNOT SHOWN: the latency at a fifth of the load (left out by `--no-latency`).\n".to_owned(),
        };
        text
    }

    /// Writes the page.
    pub fn write(&self, path: &Path) -> Done<()> {
        let (rounds, records) = (self.rounds.len(), self.records);
        let page = format!(
            "{INTRODUCTION}\n## Figures\n\nMeasured on {} at commit {}, {rounds} rounds of {records} orders.\n\n{}",
            machine(),
            output("git", &["rev-parse", "--short=12", "HEAD"]),
            self.tables()
        );
        fs::write(path, page).map_err(words)
    }
}

const INTRODUCTION: &str = "\
# W3: Kafka → verify → load → calculate → save in Redis → Kafka

From `bench/`, `cargo run --release -p w3` builds the product and the program by hand, brings up Kafka and Redis
(`append only` with `everysec`) with the rig of the tests, writes the input, runs all programs in turn for several rounds, checks
that each left the same sums in Redis and wrote each output once, prints the tables below and writes this page.

The input: orders of 1 KB of JSON, of which five members are read, in 12 partitions, for 100,000 customers at random. Tests are
dropped, negative amounts rejected; the customer's account is loaded, total and number are raised and saved; the order with the new
total goes to another topic. [w3.nsf](w3.nsf) says it in 30 lines.

| program | what it is |
| --- | --- |
| by hand | [w3_by_hand.rs](src/bin/w3_by_hand.rs): rdkafka's `BaseConsumer`, borrowing structs of serde_json, a hash map of the rows that were read, `MGET` and pipelines of `MSET` of 1,000 rows, commits of a second or 200,000 rows (the product's: 262,144); one thread and those of librdkafka, which fetch as the product's do. With jemalloc, which the product has, it used what it uses without (`LD_PRELOAD=libjemalloc.so.2`: 3.05 to 3.20 µs, and 3.03 to 3.15). No guarantees: `acks=1`, no idempotence, no fence, positions in the group alone |
| nsflow | one worker as it is deployed, 8 lanes, with commits of a second (by itself it commits after 64 MiB too) |
| at least once | the same build with `NSFLOW_BROKEN=at-least-once` (feature `faults`): rows are loaded without a look at who has the lane, and saved without `WATCH`, `MULTI` and `EXEC`, the position behind them. What a worker that dies then leaves is counted again. Acknowledgements and ids of messages are as always, since at least once needs them too |
| two workers | two processes that share the partitions |

Time is user and system time of the clients (`wait4`: start, end and all threads included) and of redis-server (`INFO cpu`), for
each order of the input; Kafka's is left out. A ratio is the median over the rounds of the ratio within one round.
";

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (system, compiler) = (output("uname", &["-sr"]), output("rustc", &["--version"]));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("?").to_owned();
    let model = model.unwrap_or("an unnamed processor").trim();
    format!("{model}, {cores} cores, {system}, {compiler}, with a load of {load} at the end,")
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or("unknown".to_string(), |output| String::from_utf8_lossy(&output.stdout).trim().to_string())
}
