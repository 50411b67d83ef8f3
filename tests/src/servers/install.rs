//! What servers need: whether it is there, and how it is got.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::process::is_root;
use super::{Unavailable, kafka};
use crate::tool::target_folder;

/// The programs that servers are started with or that their clients are built with, and the Debian package of each.
const PROGRAMS: [(&str, &str); 10] = [
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
    ("redis-check-aof", "redis-tools"),
    ("mariadbd", "mariadb-server-core"),
    ("mariadb-install-db", "mariadb-server-core"),
    ("mariadb", "mariadb-client-core"),
    ("java", "default-jre-headless"),
    ("mvn", "maven"),
    ("make", "make"),
    ("pkg-config", "pkg-config"),
];

/// Where programs of administrators are that may not be on PATH.
const OTHER_FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/local/bin"];

/// The folder of what was fetched and of what runs.
#[must_use]
pub fn folder() -> PathBuf {
    target_folder().join("servers")
}

/// The path of a program, if it is installed.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(OTHER_FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The path of a program that a server needs.
///
/// # Errors
/// When it is not installed; says how it would be.
pub fn program(server: &'static str, program: &str) -> Result<PathBuf, Unavailable> {
    find(program).ok_or_else(|| Unavailable::Absent {
        server,
        missing: format!("the program `{program}` is not installed"),
        remedy: remedy(package(program)),
    })
}

fn package(program: &str) -> &str {
    PROGRAMS.iter().find(|(name, _)| *name == program).map_or(program, |(_, package)| package)
}

/// How a package is got.
fn remedy(package: &str) -> String {
    format!("install it with `cargo xtask servers --install` (Debian's package is `{package}`) and run this again")
}

/// Whether the headers of OpenSSL are here, which the clients of Kafka and MySQL are built with.
fn has_openssl() -> bool {
    Command::new("pkg-config").args(["--exists", "openssl"]).status().is_ok_and(|status| status.success())
}

/// Installs what is missing with apt-get, and fetches Kafka with Maven; says what it does. What is there is used.
///
/// # Errors
/// What could not be had, one message each.
pub fn install() -> Result<(), Vec<String>> {
    let mut complaints = Vec::new();
    let mut packages: Vec<&str> = PROGRAMS.iter().filter(|(name, _)| is_wanted(name)).map(|(_, name)| *name).collect();
    packages.dedup();
    if !has_openssl() {
        packages.push("libssl-dev");
    }
    if !packages.is_empty()
        && let Err(complaint) = install_packages("servers need", &packages)
    {
        complaints.push(complaint);
    }
    if let Err(reason) = kafka::fetch() {
        complaints.push(reason.to_string());
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints) }
}

/// Whether a program is needed and missing; Maven is not once Kafka is fetched.
fn is_wanted(program: &str) -> bool {
    find(program).is_none() && !(program == "mvn" && kafka::is_fetched())
}

/// Installs packages with apt-get; `who` starts the sentence that says what they are for.
///
/// # Errors
/// When they cannot be had; says what can be done by hand.
pub fn install_packages(who: &str, packages: &[&str]) -> Result<(), String> {
    let all = packages.join(" ");
    let by_hand = format!("run `apt-get install {all}` as root, or install these by other means");
    if !is_root() || find("apt-get").is_none() {
        return Err(format!("{who} {all}, and only root can install them with apt-get; {by_hand}"));
    }
    eprintln!("── installing {all} with apt-get; their own services are not started");
    let update = apt(&["update"]);
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    match update.and_then(|()| apt(&arguments)) {
        Ok(()) => Ok(()),
        Err(log) => Err(format!("apt-get cannot install {all}; {by_hand}. It said:\n{log}")),
    }
}

/// Calls apt-get. What it says is shown only when it fails: it is much.
fn apt(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    // In this runlevel the scripts of packages start no service.
    command.args(["-qq"]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    called(command)
}

/// Calls a program; its words are the error when it fails.
///
/// # Errors
/// When it cannot be started or fails: the last lines of what it said.
pub fn called(mut command: Command) -> Result<(), String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let lines: Vec<&str> = said.lines().collect();
    Err(lines[lines.len().saturating_sub(15)..].join("\n"))
}

/// One thread of a process makes a folder at a time: they would make it under one name.
static MAKING: Mutex<()> = Mutex::new(());

/// Makes a folder by `make` under another name and moves it into place, so that it is there whole or not at all.
pub fn whole_folder(
    server: &'static str,
    folder: &Path,
    make: impl FnOnce(&Path) -> Result<(), Unavailable>,
) -> Result<(), Unavailable> {
    let _alone = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if folder.is_dir() {
        return Ok(());
    }
    let beside = folder.with_extension(format!("new-{}", std::process::id()));
    let made = fs::create_dir_all(&beside).map_err(Unavailable::at(server, &beside)).and_then(|()| make(&beside));
    let moved = made.and_then(|()| match fs::rename(&beside, folder) {
        // Another process was quicker.
        Err(_) if folder.is_dir() => Ok(()),
        result => result.map_err(Unavailable::at(server, folder)),
    });
    // Where it was moved, nothing is left to remove.
    let _ = fs::remove_dir_all(&beside);
    moved
}
