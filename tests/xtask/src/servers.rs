//! `cargo xtask servers`: the real servers that tests use, installed where they are missing and brought up to work with.

use std::any::Any;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nsf_tests::servers::cluster::RedisCluster;
use nsf_tests::servers::kafka::Kafka;
use nsf_tests::servers::mariadb::MariaDb;
use nsf_tests::servers::redis::{Options, Redis};
use nsf_tests::servers::sentinel::{MASTER, RedisSentinel};
use nsf_tests::servers::{Unavailable, install, is_interrupted, note_interrupts, wait_for_interrupt};
use nsf_tests::tree;

/// Installs what is missing. What cannot be had is said loudly and is no failure: tests then say what they did not show.
pub fn install_or_say() {
    for complaint in install::install().err().into_iter().flatten() {
        eprintln!("NOT SHOWN: what needs this server: {complaint}");
    }
}

/// Installs what is missing.
///
/// # Errors
/// What cannot be had.
pub fn install() -> Result<(), String> {
    install::install().map_err(|complaints| complaints.join("\n"))?;
    println!("every server that tests use is installed");
    Ok(())
}

/// Brings all up, shows where they are, and keeps them until Ctrl-C.
///
/// # Errors
/// When none can be brought up, or the folder cannot be removed.
pub fn run() -> Result<(), String> {
    install_or_say();
    remove_left_behind();
    let folder = install::folder().join(format!("up-{}", std::process::id()));
    // From here on an end removes what was begun.
    note_interrupts();
    let up = bring_up(&folder);
    let shown = if up.is_empty() && !is_interrupted() {
        Err("no server could be brought up; what is missing stands above".to_owned())
    } else {
        println!("all is in {} and is removed at the end; Ctrl-C ends it", folder.display());
        wait_for_interrupt();
        Ok(())
    };
    drop(up);
    fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    shown
}

/// Removes the folders of earlier calls that were killed; their servers ended with them.
fn remove_left_behind() {
    for folder in tree::folders(&install::folder()) {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let process = name.strip_prefix("up-").map(|number| Path::new("/proc").join(number));
        if process.is_some_and(|process| Path::new("/proc/self").exists() && !process.exists()) {
            // What cannot be removed is only in the way of disk space.
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// A server that is up: its addresses, and the value that ends it when it is dropped.
type Up = (Vec<String>, Box<dyn Any>);

/// How a server is started in a folder of its own.
type Start = fn(&Path) -> Result<Up, Unavailable>;

/// Every kind of server, in the order of the table.
const SERVERS: [(&str, Start); 5] = [
    ("Kafka", kafka),
    ("Redis", redis),
    ("Redis Sentinel", sentinel),
    ("Redis Cluster", cluster),
    ("MariaDB", mariadb),
];

/// Starts one after the other, each told of when it is up or cannot be.
fn bring_up(folder: &Path) -> Vec<Box<dyn Any>> {
    let mut up = Vec::new();
    for (name, start) in SERVERS {
        if is_interrupted() {
            break;
        }
        let own: PathBuf = folder.join(name.to_lowercase().replace(' ', "-"));
        let started = Instant::now();
        match start(&own) {
            Ok((addresses, server)) => {
                println!("{name:<16}{:>7.1} s   {}", started.elapsed().as_secs_f64(), addresses.join("  "));
                up.push(server);
            }
            // Ctrl-C in a terminal reaches the programs that help with a start too.
            Err(_) if is_interrupted() => break,
            Err(reason) => eprintln!("NOT SHOWN: {reason}"),
        }
    }
    up
}

fn kafka(folder: &Path) -> Result<Up, Unavailable> {
    let kafka = Kafka::start(folder)?;
    Ok((vec![kafka.bootstrap()], Box::new(kafka)))
}

fn redis(folder: &Path) -> Result<Up, Unavailable> {
    let redis = Redis::start(folder, Options::default())?;
    Ok((vec![redis.url()], Box::new(redis)))
}

fn sentinel(folder: &Path) -> Result<Up, Unavailable> {
    let sentinel = RedisSentinel::start(folder)?;
    let mut addresses = shown(&sentinel.sentinels());
    addresses.push(format!("(master {MASTER})"));
    Ok((addresses, Box::new(sentinel)))
}

fn cluster(folder: &Path) -> Result<Up, Unavailable> {
    let cluster = RedisCluster::start(folder)?;
    Ok((shown(&cluster.addresses()), Box::new(cluster)))
}

fn mariadb(folder: &Path) -> Result<Up, Unavailable> {
    let mariadb = MariaDb::start(folder)?;
    Ok((vec![mariadb.url()], Box::new(mariadb)))
}

fn shown(addresses: &[SocketAddr]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}
