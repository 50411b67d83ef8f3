//! The servers, the programs, and what the servers know of a run.

use crate::records::Sums;
use crate::{Done, ORDERS, PARTITIONS, TOTALS, words};
use nsf_tests::servers::kafka::{self, Kafka};
use nsf_tests::servers::redis::{Fsync, Options, Redis};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Servers and programs of all runs.
pub struct Stage {
    /// One broker.
    pub kafka: Kafka,
    /// One server.
    pub redis: Redis,
    /// The folder with the plan.
    pub project: PathBuf,
    /// The product.
    pub nsflow: PathBuf,
    /// The program by hand.
    pub by_hand: PathBuf,
}

impl Stage {
    /// Builds the programs, compiles the plan and brings up the servers in `folder`.
    pub fn new(folder: &Path, named: Option<(PathBuf, PathBuf)>) -> Done<Self> {
        let own = std::env::current_exe().map_err(words)?;
        let by_hand = own.with_file_name("w3_by_hand");
        let bench = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no folder above this crate")?;
        let target = own.parent().and_then(Path::parent).ok_or("the program is not in a target folder")?;
        cargo(bench, &["build", "--release", "--locked", "-p", "w3", "--target-dir", &target.display().to_string()])?;
        let (nsfc, nsflow) = match named {
            Some(named) => named,
            None => product(bench.parent().ok_or("bench has no folder above it")?)?,
        };
        let project = folder.join("project");
        fs::create_dir_all(&project).map_err(words)?;
        for file in ["w3.nsf", "nsf.yaml"] {
            fs::copy(bench.join("w3").join(file), project.join(file)).map_err(words)?;
        }
        called(Command::new(nsfc).current_dir(&project).args(["compile", ".", "-o", "plan.yaml"]))?;
        // Workers that start together share the partitions once, and not each time that one more is there.
        let settings = vec![("group.initial.rebalance.delay.ms".to_owned(), "3000".to_owned())];
        let kafka = Kafka::start_with(&folder.join("kafka"), &kafka::Options { settings }).map_err(words)?;
        let options = Options { fsync: Fsync::EverySecond, ..Options::default() };
        let redis = Redis::start(&folder.join("redis"), options).map_err(words)?;
        for topic in [ORDERS, TOTALS, "w3.rejected"] {
            kafka.create_topic(topic, PARTITIONS, &[]).map_err(words)?;
        }
        Ok(Self { kafka, redis, project, nsflow, by_hand })
    }

    /// How many messages the output topic has.
    pub fn written(&self) -> Done<u64> {
        let mut sum = 0;
        for partition in 0..PARTITIONS {
            let end = self.kafka.end_offset(TOTALS, i32::try_from(partition).map_err(words)?).map_err(words)?;
            sum += u64::try_from(end).map_err(words)?;
        }
        Ok(sum)
    }

    /// What Redis has used of the processors so far.
    pub fn redis_cpu(&self) -> Done<Duration> {
        let text = self.redis.command(&["INFO", "cpu"]).map_err(words)?.text();
        let seconds = |name: &str| -> Done<f64> {
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            found.ok_or_else(|| format!("Redis does not tell its {name}"))?.trim().parse().map_err(words)
        };
        Ok(Duration::from_secs_f64(seconds("used_cpu_sys")? + seconds("used_cpu_user")?))
    }

    /// What the rows of a run come to.
    pub fn sums(&self, run: &str) -> Done<Sums> {
        let mut connection = self.redis.connection().map_err(words)?;
        let (mut sums, mut cursor) = (Sums::default(), "0".to_owned());
        loop {
            let pattern = format!("{run}:*");
            let reply = connection.command(&["SCAN", &cursor, "MATCH", &pattern, "COUNT", "5000"]).map_err(words)?;
            let [next, keys] = reply.parts() else { return Err("SCAN gave no two parts".to_owned()) };
            let keys: Vec<String> =
                keys.parts().iter().map(|key| key.text()).filter(|key| key.contains(":s:")).collect();
            if !keys.is_empty() {
                let command: Vec<&str> = std::iter::once("MGET").chain(keys.iter().map(String::as_str)).collect();
                for row in connection.command(&command).map_err(words)?.parts() {
                    let row: serde_json::Value = serde_json::from_str(&row.text()).map_err(words)?;
                    sums.orders += row["orders"].as_u64().unwrap_or_default();
                    sums.total += row["total"].as_u64().unwrap_or_default();
                }
            }
            cursor = next.text();
            if cursor == "0" {
                return Ok(sums);
            }
        }
    }

    /// Forgets all rows.
    pub fn empty(&self) -> Done<()> {
        self.redis.command(&["FLUSHALL"]).map(drop).map_err(words)
    }
}

/// Builds the product as it is measured: with the switches of tests, one of which leaves the fence out.
fn product(root: &Path) -> Done<(PathBuf, PathBuf)> {
    cargo(root, &["build", "--release", "--locked", "-p", "nsfc", "--target-dir", "target"])?;
    cargo(root, &["build", "--release", "--locked", "-p", "nsflow", "--features", "faults", "--target-dir", "target"])?;
    Ok((root.join("target/release/nsfc"), root.join("target/release/nsflow")))
}

fn cargo(folder: &Path, arguments: &[&str]) -> Done<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).current_dir(folder).args(arguments).status().map_err(words)?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} fails", arguments.join(" "))) }
}

fn called(command: &mut Command) -> Done<()> {
    let output = command.output().map_err(words)?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
