//! A broker for the tests, and a worker that takes notes.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command as Program, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nsf_engine::connector::{Change, Command, LogState, PartitionId, Polled, RawBatch, Source};
use nsf_kafka::{CreateTopics, KafkaSettings, KafkaSource, KafkaTopics};
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};
use tempfile::TempDir;

/// An Apache Kafka of one node.
pub struct Broker {
    pub address: String,
    _folder: TempDir,
    _process: Child,
}

static BROKER: LazyLock<Option<Broker>> = LazyLock::new(|| Broker::start(""));

/// The broker that the tests of this process share. None, loudly, where there is no Kafka on this machine.
pub fn broker() -> Option<&'static Broker> {
    BROKER.as_ref()
}

/// Says past the capture of test output what is not shown.
fn not_shown(words: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("NOT SHOWN: {words}\n").as_bytes());
}

/// A folder with Kafka's jars: `NSF_KAFKA_JARS`, or `target/servers/kafka-*/jars`, where `cargo xtask servers` puts them.
fn jars() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("NSF_KAFKA_JARS") {
        return Some(folder.into());
    }
    let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/servers");
    let folders = fs::read_dir(servers).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let of_kafka = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("kafka-"));
    folders.filter(of_kafka).map(|folder| folder.join("jars")).filter(|jars| jars.is_dir()).max()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Broker {
    /// Starts one with further settings.
    pub fn start(settings: &str) -> Option<Self> {
        let Some(jars) = jars() else {
            not_shown("no Apache Kafka on this machine; name a folder of its jars in NSF_KAFKA_JARS");
            return None;
        };
        let folder = TempDir::new().unwrap();
        let (port, controller) = (free_port(), free_port());
        let properties = folder.path().join("server.properties");
        let data = folder.path().join("data");
        let text = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\nlog.dirs={}\n\
             offsets.topic.replication.factor=1\noffsets.topic.num.partitions=4\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             transaction.state.log.num.partitions=2\ngroup.initial.rebalance.delay.ms=0\n\
             auto.create.topics.enable=true\nmessage.max.bytes=30000000\n\
             group.min.session.timeout.ms=1000\n{}\n",
            data.display(),
            settings.replace("{port}", &port.to_string()).replace("{controller}", &controller.to_string())
        );
        // Kafka takes the last of two settings of one name.
        fs::write(&properties, text).unwrap();
        let classes = format!("{}/*", jars.display());
        let format = Program::new("java")
            .args(["-Xmx128m", "-cp", &classes, "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAQACAAAAAAAAAAA"])
            .arg("-c")
            .arg(&properties)
            .args(["--add-scram", "SCRAM-SHA-512=[name=reader,password=right]"])
            .output();
        let Ok(format) = format else {
            not_shown("no Java on this machine to run Apache Kafka with");
            return None;
        };
        assert!(format.status.success(), "{}", String::from_utf8_lossy(&format.stderr));
        let log = fs::File::create(folder.path().join("log")).unwrap();
        // The shell ends the broker when this process is gone, however it ends.
        let script = "\"$@\" </dev/null & java=$!; read -r _; kill -9 $java";
        let process = Program::new("sh")
            .args(["-c", script, "sh", "java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args(["-cp", &classes, "kafka.Kafka"])
            .arg(&properties)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(90);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "Kafka did not start");
            thread::sleep(Duration::from_millis(100));
        }
        Some(Self { address: format!("127.0.0.1:{port}"), _folder: folder, _process: process })
    }

    /// A name that no other test uses.
    pub fn name(&self, what: &str) -> String {
        static NAMES: AtomicU32 = AtomicU32::new(0);
        format!("{what}-{}-{}", std::process::id(), NAMES.fetch_add(1, Ordering::Relaxed))
    }

    /// Settings for a group of its own.
    pub fn settings(&self) -> KafkaSettings {
        let mut settings = KafkaSettings::new(&self.address, self.name("group"), "shop");
        settings.session_timeout = Duration::from_secs(6);
        settings.metadata_interval = Duration::from_secs(1);
        settings.open_timeout = Duration::from_secs(15);
        settings
    }

    /// A new topic.
    pub fn topic(&self, partitions: u32) -> String {
        let name = self.name("topic");
        let mut settings = self.settings();
        settings.create_topics = Some(CreateTopics { partitions, replication: Some(1) });
        let report = KafkaTopics::new(settings).check(&[&name], &[]).unwrap();
        assert!(report.topics[0].created && report.topics[0].partitions == Ok(partitions), "{report:?}");
        name
    }

    /// A plain producer.
    pub fn producer(&self) -> BaseProducer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address).set("message.max.bytes", "40000000").set("linger.ms", "1");
        config.create().unwrap()
    }

    /// Appends numbered messages to a partition: `PARTITION:NUMBER`.
    pub fn fill(&self, topic: &str, partition: i32, numbers: std::ops::Range<u64>) {
        let producer = self.producer();
        for number in numbers {
            let value = format!("{partition}:{number}");
            let record: BaseRecord<'_, str, str> = BaseRecord::to(topic).partition(partition).payload(&value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
            if number % 1000 == 0 {
                producer.poll(Duration::ZERO);
            }
        }
        producer.flush(Duration::from_secs(30)).unwrap();
    }
}

/// A message that a worker took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub partition: PartitionId,
    pub generation: u64,
    pub offset: u64,
    pub value: Vec<u8>,
}

/// A source that is driven by hand.
pub struct Worker {
    pub source: KafkaSource,
    pub assigned: Vec<(PartitionId, LogState)>,
    pub changes: Vec<Change>,
    pub taken: Vec<Taken>,
    pub batches: Vec<RawBatch>,
    pub keeps_batches: bool,
}

pub const BLOCK: usize = 64 * 1024;

impl Worker {
    pub fn open(settings: KafkaSettings, topics: &[&str]) -> Self {
        Self::of(KafkaSource::new(settings, topics.iter().map(|topic| (*topic).to_owned()).collect()))
    }

    pub fn of(mut source: KafkaSource) -> Self {
        source.open(&[]).unwrap();
        Self {
            source,
            assigned: Vec::new(),
            changes: Vec::new(),
            taken: Vec::new(),
            batches: Vec::new(),
            keeps_batches: false,
        }
    }

    /// One poll; what it found is noted.
    pub fn step(&mut self) -> Polled {
        let mut batch = RawBatch::default();
        let polled = self.source.poll(&mut batch, BLOCK).unwrap();
        self.noted(polled, batch);
        polled
    }

    fn noted(&mut self, polled: Polled, batch: RawBatch) {
        match polled {
            Polled::Changed => self.note_changes(),
            Polled::Batch => {
                let partition = PartitionId { stream: batch.stream, partition: batch.partition };
                for message in &batch.messages {
                    self.taken.push(Taken {
                        partition,
                        generation: batch.generation,
                        offset: message.offset,
                        value: batch.message(message).to_vec(),
                    });
                }
                assert_eq!(batch.end.next, batch.messages.last().unwrap().offset + 1);
                if self.keeps_batches {
                    self.batches.push(batch);
                }
            }
            Polled::Idle | Polled::End => {}
        }
    }

    fn note_changes(&mut self) {
        for change in self.source.changes() {
            if let Change::Assigned(partition, state) = &change {
                self.assigned.push((*partition, state.clone()));
            } else if let Change::Revoked(partition) | Change::Gone(partition) = &change {
                self.assigned.retain(|(own, _)| own != partition);
            }
            self.changes.push(change);
        }
    }

    pub fn rest(&mut self) {
        if self.source.rest().unwrap() == Polled::Changed {
            self.note_changes();
        }
    }

    /// Polls until something is true.
    #[track_caller]
    pub fn until(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        let until = Instant::now() + Duration::from_secs(40);
        while !is(self) {
            assert!(
                Instant::now() < until,
                "{what}: assigned {:?}, taken {}, trouble {:?}",
                self.assigned,
                self.taken.len(),
                self.source.trouble()
            );
            self.step();
        }
    }

    /// Polls for some time.
    pub fn for_a_while(&mut self, duration: Duration) {
        let until = Instant::now() + duration;
        while Instant::now() < until {
            self.step();
        }
    }

    pub fn start(&mut self, partition: PartitionId, next: u64, generation: u64) {
        self.source.command(Command::Start { partition, next, generation }).unwrap();
    }

    /// Starts everything that is assigned at its beginning.
    pub fn start_all(&mut self, generation: u64) {
        for (partition, state) in self.assigned.clone() {
            self.start(partition, state.low, generation);
        }
    }

    /// Offsets that were taken of a partition in a generation.
    pub fn offsets(&self, partition: PartitionId, generation: u64) -> Vec<u64> {
        let of = self.taken.iter().filter(|taken| taken.partition == partition && taken.generation == generation);
        of.map(|taken| taken.offset).collect()
    }
}

pub const fn id(stream: u32, partition: u32) -> PartitionId {
    PartitionId { stream, partition }
}

pub const CLOSE: Duration = Duration::from_secs(5);
