//! One Kafka broker that is its own controller, in one JVM.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Process, Signal};
use super::proxy::Proxy;
use super::{Unavailable, install, kafka_wire, ports};
use crate::random::Random;
use crate::tree;

/// Its name in messages.
const SERVER: &str = "Kafka";

/// What Maven fetches.
const POM: &str = include_str!("kafka.pom.xml");

/// Flags of every JVM: a small heap, and a start that is quick rather than a long run.
const FLAGS: [&str; 4] = ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xlog:disable"];

/// The line that a broker writes when it serves.
const READY: &str = "Kafka Server started";

/// What every broker is set to. One broker keeps each topic once. The session is short, since a broker that was killed
/// is refused until its earlier session ends.
const SETTINGS: &str = "\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=DIRECT
listener.security.protocol.map=DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
broker.heartbeat.interval.ms=250
broker.session.timeout.ms=1500
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
log.cleaner.dedupe.buffer.size=4194304
log.index.size.max.bytes=1048576
num.network.threads=2
num.io.threads=4
";

/// How a broker is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// More settings, or others than the rig's.
    pub settings: Vec<(String, String)>,
}

/// A broker; dropping it kills it.
#[derive(Debug)]
pub struct Kafka {
    process: Process,
    port: u16,
}

impl Kafka {
    /// Starts a broker that keeps its data in `folder`, and waits until it serves.
    ///
    /// # Errors
    /// When Kafka is not installed, or the broker does not start.
    pub fn start(folder: &Path) -> Result<Self, Unavailable> {
        Self::start_with(folder, &Options::default())
    }

    /// The same with options.
    ///
    /// # Errors
    /// When Kafka is not installed, or the broker does not start.
    pub fn start_with(folder: &Path, options: &Options) -> Result<Self, Unavailable> {
        Self::begin(folder, options, &jars()?, None, archive_in(&home()))
    }

    /// A broker, and a proxy before it that clients stay behind: one that connects to the proxy's address is told that
    /// the broker is there. [`Kafka::bootstrap`] still leads past the proxy.
    ///
    /// # Errors
    /// When Kafka is not installed, or the broker or the proxy does not start.
    pub fn start_behind_proxy(folder: &Path, options: &Options) -> Result<(Self, Proxy), Unavailable> {
        let jars = jars()?;
        let behind = ports::free();
        let proxy = Proxy::start(ports::loopback(behind)).map_err(|error| Unavailable::failed("proxy", error))?;
        let kafka = Self::begin(folder, options, &jars, Some((behind, proxy.address())), archive_in(&home()))?;
        Ok((kafka, proxy))
    }

    /// Formats a folder and starts. `archive` is a flag for the JVM.
    fn begin(
        folder: &Path,
        options: &Options,
        jars: &str,
        proxied: Option<(u16, SocketAddr)>,
        archive: Option<String>,
    ) -> Result<Self, Unavailable> {
        let java = install::program(SERVER, "java")?;
        fs::create_dir_all(folder).map_err(Unavailable::at(SERVER, folder))?;
        let folder = folder.canonicalize().map_err(Unavailable::at(SERVER, folder))?;
        let port = ports::free();
        let settings = folder.join("server.properties");
        let text = settings_text(&folder.join("data"), port, proxied, options);
        fs::write(&settings, text).map_err(Unavailable::at(SERVER, &settings))?;
        let mut line: Vec<OsString> = FLAGS.map(OsString::from).to_vec();
        line.extend(archive.map(OsString::from));
        line.extend(["-cp".into(), jars.into()]);
        // A folder that another broker has left is gone on with.
        if !folder.join("data").is_dir() {
            format_folder(&java, &line, &settings)?;
        }
        line.extend(["kafka.Kafka".into(), settings.into()]);
        let process = Process::new(SERVER, java, line, &folder, "kafka");
        let mut kafka = Self { process, port };
        kafka.restart()?;
        Ok(kafka)
    }

    /// Where clients connect first.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.address().to_string()
    }

    /// The same as an address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        ports::loopback(self.port)
    }

    /// Makes a topic with settings of its own.
    ///
    /// # Errors
    /// When the broker is down, or refuses; a topic of that name that is there is refused.
    pub fn create_topic(&self, name: &str, partitions: u32, settings: &[(&str, &str)]) -> io::Result<()> {
        kafka_wire::create_topic(self.address(), name, partitions, settings)
    }

    /// Gives a topic so many partitions, which must be more than it has.
    ///
    /// # Errors
    /// When the broker is down, or refuses.
    pub fn add_partitions(&self, topic: &str, partitions: u32) -> io::Result<()> {
        kafka_wire::add_partitions(self.address(), topic, partitions)
    }

    /// Deletes a topic with all that is in it. The broker may know its name for a moment more.
    ///
    /// # Errors
    /// When the broker is down, or refuses.
    pub fn delete_topic(&self, name: &str) -> io::Result<()> {
        kafka_wire::delete_topic(self.address(), name)
    }

    /// The names of its topics, its own ones too.
    ///
    /// # Errors
    /// When the broker is down.
    pub fn topics(&self) -> io::Result<Vec<String>> {
        kafka_wire::topics(self.address())
    }

    /// Adds records without a key to a partition, as one batch, and waits until the broker has them; gives the offset of
    /// the first.
    ///
    /// # Errors
    /// When the broker is down, or refuses.
    pub fn produce(&self, topic: &str, partition: i32, values: &[&str]) -> io::Result<i64> {
        kafka_wire::produce(self.address(), topic, partition, values)
    }

    /// Adds a record without a value to a partition: a tombstone of a key.
    ///
    /// # Errors
    /// When the broker is down, or refuses.
    pub fn delete_key(&self, topic: &str, partition: i32, key: &str) -> io::Result<i64> {
        kafka_wire::delete_key(self.address(), topic, partition, key)
    }

    /// The offset that the next record of a partition gets.
    ///
    /// # Errors
    /// When the broker is down, or does not know the partition.
    pub fn end_offset(&self, topic: &str, partition: i32) -> io::Result<i64> {
        kafka_wire::end_offset(self.address(), topic, partition)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to end, and waits.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> Result<(), Unavailable> {
        self.process.stop()
    }

    /// Starts it again over the same folder and port, and waits until it serves.
    ///
    /// # Errors
    /// When it runs already or does not start.
    pub fn restart(&mut self) -> Result<(), Unavailable> {
        self.process.start(|process| process.said().contains(READY))
    }

    /// Stands still: it keeps its connections and answers nothing.
    pub fn suspend(&self) {
        self.process.signal(Signal::Suspend);
    }

    /// Goes on. One that stood still for longer than a second and a half is without a leader for a moment.
    pub fn resume(&self) {
        self.process.signal(Signal::Resume);
    }
}

/// The addresses that a broker tells a client who connects to `address`.
///
/// # Errors
/// When nobody answers there.
pub fn advertised(address: SocketAddr) -> io::Result<Vec<String>> {
    kafka_wire::brokers(address)
}

/// The names of all settings that brokers have, as Kafka's own documentation is made of.
///
/// # Errors
/// When Kafka is not installed, or does not tell.
pub fn names_of_settings() -> Result<Vec<String>, Unavailable> {
    let mut command = Command::new(install::program(SERVER, "java")?);
    command.args(FLAGS).args(["-cp", &jars()?, "kafka.server.KafkaConfig"]);
    let output = command.output().map_err(|error| Unavailable::failed(SERVER, error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let names = text.split("id=\"brokerconfigs_").skip(1).filter_map(|rest| rest.split('"').next());
    Ok(names.map(str::to_owned).collect())
}

/// The text of the settings file.
fn settings_text(data: &Path, port: u16, proxied: Option<(u16, SocketAddr)>, options: &Options) -> String {
    use std::fmt::Write;
    let (direct, controller) = (ports::loopback(port), ports::loopback(ports::free()));
    let (mut listeners, mut advertised) =
        (format!("DIRECT://{direct},CONTROLLER://{controller}"), format!("DIRECT://{direct}"));
    if let Some((behind, proxy)) = proxied {
        let _ = write!(listeners, ",PROXIED://{}", ports::loopback(behind));
        let _ = write!(advertised, ",PROXIED://{proxy}");
    }
    let mut text = format!(
        "{SETTINGS}listeners={listeners}\nadvertised.listeners={advertised}\ncontroller.quorum.voters=1@{controller}\n\
         log.dirs={}\n",
        data.display()
    );
    // Of a name that stands twice the last counts.
    for (name, value) in &options.settings {
        let _ = writeln!(text, "{name}={value}");
    }
    text
}

/// Gives a folder to a new cluster.
fn format_folder(java: &Path, line: &[OsString], settings: &Path) -> Result<(), Unavailable> {
    let mut command = Command::new(java);
    command.args(line).args(["kafka.tools.StorageTool", "format", "--cluster-id", &cluster_id(), "--config"]);
    command.arg(settings);
    install::called(command).map_err(|log| Unavailable::Failed {
        server: SERVER,
        what: "its folder cannot be formatted".to_owned(),
        log,
    })
}

/// A new cluster's name: 128 bits in the letters of base64 for URLs.
fn cluster_id() -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut random = Random::new(now.as_nanos() as u64);
    // The last letter carries two bits alone.
    let last = LETTERS[(random.below(4) * 16) as usize] as char;
    let letters = (0..21).map(|index| {
        // A name that begins with a dash would be read as an option.
        let limit = if index == 0 { 52 } else { 64 };
        LETTERS[random.below(limit) as usize] as char
    });
    letters.chain([last]).collect()
}

/// The version that the pom names.
fn version() -> &'static str {
    let rest = POM.split_once("<artifactId>kafka_2.13</artifactId>").map_or("", |(_, rest)| rest);
    rest.split_once("<version>").and_then(|(_, rest)| rest.split_once('<')).map_or("unknown", |(version, _)| version)
}

/// The folder of what Maven fetched.
fn home() -> PathBuf {
    install::folder().join(format!("kafka-{}", version()))
}

/// Whether Kafka is fetched.
#[must_use]
pub fn is_fetched() -> bool {
    home().is_dir()
}

/// The class path.
fn jars() -> Result<String, Unavailable> {
    if !is_fetched() {
        return Err(Unavailable::Absent {
            server: SERVER,
            missing: format!("version {} is not in {}", version(), install::folder().display()),
            remedy: "fetch it with `cargo xtask servers --install`, which needs Maven and Maven Central, and run this \
                     again"
                .to_owned(),
        });
    }
    let jars = tree::files(&home().join("jars"), "jar");
    let paths: Vec<String> = jars.iter().map(|path| path.display().to_string()).collect();
    Ok(paths.join(":"))
}

/// The flag for the archive of loaded classes, which halves the time of a start; it is made when Kafka is fetched.
fn archive_in(home: &Path) -> Option<String> {
    let path = home.join("classes.jsa");
    path.is_file().then(|| format!("-XX:SharedArchiveFile={}", path.display()))
}

/// Fetches Kafka with Maven, if it is not there, and prepares its quick start.
///
/// # Errors
/// When Maven is not installed or cannot fetch it.
pub fn fetch() -> Result<(), Unavailable> {
    let home = home();
    if !is_fetched() {
        let maven = install::program(SERVER, "mvn")?;
        eprintln!("── fetching Kafka {} with Maven to {}", version(), home.display());
        install::whole_folder(SERVER, &home, |folder| fetch_jars(&maven, folder))?;
    }
    if archive_in(&home).is_none() {
        eprintln!("── preparing Kafka's quick start");
        make_archive(&home)?;
    }
    Ok(())
}

fn fetch_jars(maven: &Path, folder: &Path) -> Result<(), Unavailable> {
    let pom = folder.join("pom.xml");
    fs::write(&pom, POM).map_err(Unavailable::at(SERVER, &pom))?;
    let mut command = Command::new(maven);
    command.current_dir(folder).args(["--batch-mode", "--quiet", "dependency:copy-dependencies"]);
    command.args(["-DincludeScope=runtime", "-DoutputDirectory=jars"]);
    install::called(command).map_err(|log| Unavailable::Failed {
        server: SERVER,
        what: "Maven cannot fetch it".to_owned(),
        log,
    })
}

/// Starts a broker once and ends it in order; then the JVM writes down the classes that it had loaded.
fn make_archive(home: &Path) -> Result<(), Unavailable> {
    let beside = home.join(format!("classes.new-{}", std::process::id()));
    let folder = home.join(format!("first-{}", std::process::id()));
    let flag = format!("-XX:ArchiveClassesAtExit={}", beside.display());
    let made = Kafka::begin(&folder, &Options::default(), &jars()?, None, Some(flag)).and_then(|mut kafka| {
        let used = kafka.create_topic("first", 1, &[]).and_then(|()| kafka.produce("first", 0, &["record"]));
        used.map_err(|error| Unavailable::failed(SERVER, error))?;
        kafka.stop()
    });
    let _ = fs::remove_dir_all(&folder);
    made?;
    let archive = home.join("classes.jsa");
    fs::rename(&beside, &archive).map_err(Unavailable::at(SERVER, &archive))
}
