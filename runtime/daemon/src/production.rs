//! The pieces that a plan names, under a profile: streams and outputs on Kafka, outputs to webhooks, rows on Redis and MySQL,
//! tables from files and MySQL.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use nsf_connectors::local::{Local, LocalSettings};
use nsf_engine::{
    connector::{
        ConnectorError, ConnectorErrorKind, ConnectorResult, Connectors, Export, Lookup, LookupMember, SharedSource,
        Sink, Source, StreamRequest,
    },
    store::{Form, Store},
};
use nsf_kafka::{KafkaProducer, KafkaSource, KafkaStatus, KafkaTransactions};
use nsf_mysql::{LaneSettings, MysqlDimensions, MysqlStore, Sweeps};
use nsf_plan::{
    Plan,
    profile::{KafkaProfile, ResolvedProfile},
};
use nsf_redis::{
    Claims, RedisSettings, RedisSink, RedisStore, RedisStreamSink, RedisStreamSource, StreamToRead, StreamsStatus,
};
use nsf_webhook::Webhook;

use crate::{
    combined::CombinedStore,
    joined::Joined,
    mysql::Mysql,
    problem::Problem,
    settings,
    spaces::{Server, Spaces},
    stores::StatesOn,
    transactions::Transactions,
};

/// Where states and positions are kept.
pub enum Kept {
    /// In lanes on Redis.
    Redis(Box<RedisSettings>),
    /// In lanes on MySQL.
    Mysql(LaneSettings),
    /// Outputs and positions are committed in transactions of Kafka, and there is nothing else.
    Nothing,
}

/// The connectors of a profile. Nothing is connected to before a piece is asked for.
pub struct Production {
    plan: Arc<Plan>,
    profile: ResolvedProfile,
    kafka: KafkaProfile,
    kept: Kept,
    /// Where outputs and positions are committed together.
    transactions: Option<KafkaTransactions>,
    mysql: Mysql,
    /// Reads tables that are files.
    local: Local,
    /// One producer a cluster, by its name in the profile.
    producers: Mutex<Vec<(Option<String>, Arc<KafkaProducer>)>>,
    /// The webhooks of the profile, by name.
    webhooks: BTreeMap<String, Arc<Webhook>>,
    /// Which partitions are this worker's, as the store knows it.
    claims: Arc<Claims>,
    source: Mutex<Option<KafkaStatus>>,
    /// The same of streams of Redis.
    streams: Mutex<Option<StreamsStatus>>,
    /// The same of the deletion of rows of dimensions on MySQL whose time is over.
    sweeps: Mutex<Option<Arc<Sweeps>>>,
}

impl Production {
    /// The connectors of a plan under a profile; relative paths are from `folder`.
    ///
    /// # Errors
    /// Where the profile does not name what a served plan needs.
    pub fn new(plan: &Arc<Plan>, profile: ResolvedProfile, folder: PathBuf) -> Result<Self, Problem> {
        let name = &profile.name;
        let lacks = |what: &str| {
            Problem::new(format!("the profile `{name}` names no {what}"))
                .with_help(format!("write `{what}:` in the profile; to run without servers, use `nsfc run`"))
        };
        let kafka = profile.kafka.clone().ok_or_else(|| lacks("kafka"))?;
        let transactions = Transactions::of(plan, &profile).are_used();
        let kept = if transactions { Kept::Nothing } else { kept(plan, &profile, &kafka.group)? };
        let servers = kafka.cluster(None).filter(|_| transactions);
        let transactions = servers.map(|own| KafkaTransactions::new(settings::kafka(&profile, &kafka, own)));
        let local = Local::new(LocalSettings { project: folder, ..LocalSettings::default() });
        let mysql = Mysql::new(&profile)?;
        // All outputs are in the transactions.
        let producers = transactions.iter().map(|own: &KafkaTransactions| (None, Arc::new(own.producer()))).collect();
        let (producers, source) = (Mutex::new(producers), Mutex::default());
        let webhooks = profile.webhooks.iter().map(|(name, webhook)| {
            (name.clone(), Webhook::new(settings::webhook(&profile, name, webhook, &kafka.group)))
        });
        let webhooks = webhooks.collect();
        Ok(Self {
            plan: Arc::clone(plan),
            profile,
            kafka,
            kept,
            transactions,
            mysql,
            local,
            producers,
            webhooks,
            claims: Arc::default(),
            source,
            streams: Mutex::default(),
            sweeps: Mutex::default(),
        })
    }

    /// The profile.
    pub const fn profile(&self) -> &ResolvedProfile {
        &self.profile
    }

    /// Where states and positions are kept.
    pub const fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Settings of the store on Redis; none where states are elsewhere.
    pub fn redis(&self) -> Option<&RedisSettings> {
        match &self.kept {
            Kept::Redis(settings) => Some(settings),
            Kept::Mysql(_) | Kept::Nothing => None,
        }
    }

    /// Whether outputs and positions are committed in transactions of Kafka.
    pub const fn is_transactional(&self) -> bool {
        self.transactions.is_some()
    }

    /// What the profile says of Kafka.
    pub const fn kafka(&self) -> &KafkaProfile {
        &self.kafka
    }

    /// What is to be known of the topics that are read, once they are.
    pub fn source_status(&self) -> Option<KafkaStatus> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// MySQL.
    pub const fn mysql(&self) -> &Mysql {
        &self.mysql
    }

    /// The dimensions that are kept on MySQL, if any are.
    ///
    /// # Errors
    /// Where the profile does not name a server, or names cannot be those of tables.
    pub fn mysql_dimensions(&self) -> ConnectorResult<Option<MysqlDimensions>> {
        let spaces = self.spaces()?;
        let dimensions = match &self.kept {
            Kept::Mysql(_) => self.mysql.all_dimensions(&self.plan, &spaces)?,
            Kept::Redis(_) | Kept::Nothing => self.mysql.dimensions(&self.plan, &self.profile, &spaces)?,
        };
        *self.sweeps.lock().unwrap_or_else(PoisonError::into_inner) = dimensions.as_ref().map(MysqlDimensions::sweeps);
        Ok(dimensions)
    }

    /// The store of states on MySQL, with the dimensions; none where states are elsewhere.
    ///
    /// # Errors
    /// Where names cannot be those of tables, or dimensions are elsewhere.
    pub fn mysql_store(&self) -> ConnectorResult<Option<MysqlStore>> {
        let Kept::Mysql(settings) = &self.kept else { return Ok(None) };
        let Some(database) = self.mysql.database(None) else { return Ok(None) };
        database.store(settings.clone(), self.mysql_dimensions()?).map(Some)
    }

    /// Where the dimensions of the plan are kept.
    ///
    /// # Errors
    /// Where the plan is damaged.
    pub fn spaces(&self) -> ConnectorResult<Spaces> {
        let states = match &self.kept {
            Kept::Mysql(_) => Server::Mysql,
            Kept::Redis(_) | Kept::Nothing => Server::Redis,
        };
        Spaces::new(&self.plan, &self.profile, states).map_err(|message| {
            ConnectorError::new(ConnectorErrorKind::Changed, format!("the plan is damaged: {message}"))
                .with_help("compile it again")
        })
    }

    /// The store with the places of dimensions told apart, once their tables are as they must be.
    fn combined(&self, redis: RedisStore, spaces: Spaces) -> ConnectorResult<CombinedStore> {
        let mysql = self.mysql_dimensions()?;
        mysql.as_ref().map_or(Ok(()), MysqlDimensions::check)?;
        Ok(CombinedStore::new(redis, mysql, spaces))
    }

    /// The dimensions with their places, for who compares these; none where the plan keeps nothing on Redis.
    ///
    /// # Errors
    /// Where a server is not reached, or tables are not as they must be.
    pub fn dimensions(&self) -> ConnectorResult<Option<CombinedStore>> {
        let Some(settings) = self.redis() else { return Ok(None) };
        nsf_redis::check(settings)?;
        self.combined(RedisStore::new(settings.clone())?, self.spaces()?).map(Some)
    }

    /// The webhook that a connector means.
    ///
    /// # Errors
    /// Where the profile names none of that name.
    pub fn webhook(&self, name: &str) -> ConnectorResult<&Arc<Webhook>> {
        self.webhooks.get(name).ok_or_else(|| {
            let message = format!("the profile `{}` names no webhook `{name}`", self.profile.name);
            ConnectorError::new(ConnectorErrorKind::Changed, message)
                .with_help(format!("write `webhooks: {{ {name}: {{ url: … }} }}` in the profile"))
        })
    }

    /// What is wrong with Kafka, a webhook or rows of MySQL whose time is over just now, though the worker goes on.
    pub fn trouble(&self) -> Option<String> {
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let producers = self.producers.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let source = source.as_ref().and_then(KafkaStatus::trouble);
        source
            .or_else(|| streams.as_ref().and_then(StreamsStatus::trouble))
            .or_else(|| producers.iter().find_map(|(_, producer)| producer.trouble()))
            .or_else(|| self.webhooks.values().find_map(|webhook| webhook.trouble()))
            .or_else(|| {
                let sweeps = self.sweeps.lock().unwrap_or_else(PoisonError::into_inner);
                sweeps.as_ref().and_then(|sweeps| sweeps.trouble())
            })
    }

    fn cannot(&self, request: &StreamRequest<'_>, what: &str, help: &str) -> ConnectorError {
        let (kind, name) = (&request.connector.kind, &request.connector.name);
        let message = format!("`{kind}(\"{name}\")` {what} under the profile `{}`", self.profile.name);
        ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(help)
    }

    /// The producer of a cluster; nothing is connected to yet.
    ///
    /// # Errors
    /// Where the profile names no such cluster.
    pub fn producer(&self, cluster: Option<&str>) -> ConnectorResult<Arc<KafkaProducer>> {
        let mut producers = self.producers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, producer)) = producers.iter().find(|(own, _)| own.as_deref() == cluster) {
            return Ok(Arc::clone(producer));
        }
        let Some(servers) = self.kafka.cluster(cluster) else { return Err(self.no_cluster(cluster)) };
        let producer = Arc::new(KafkaProducer::new(settings::kafka(&self.profile, &self.kafka, servers)));
        producers.push((cluster.map(str::to_owned), Arc::clone(&producer)));
        Ok(producer)
    }

    fn no_cluster(&self, cluster: Option<&str>) -> ConnectorError {
        let cluster = cluster.unwrap_or("default");
        let message = format!("the profile `{}` names no cluster `{cluster}` of Kafka", self.profile.name);
        ConnectorError::new(ConnectorErrorKind::Changed, message).with_help("write it under `kafka.clusters`")
    }
}

/// Streams that are asked for, by the kind of source: each with the number of its group and its own among all.
#[derive(Default)]
struct Shares<'r> {
    of_kind: [Vec<(&'r StreamRequest<'r>, u32, u32)>; 2],
    /// The kind of each group.
    groups: BTreeMap<u32, usize>,
    count: u32,
}

impl Production {
    /// Topics of Kafka as a source.
    fn topics(&self, requests: &[(&StreamRequest<'_>, u32, u32)]) -> ConnectorResult<Box<dyn Source>> {
        let cluster = requests.iter().find_map(|(request, ..)| request.connector.cluster.as_deref());
        let other = requests.iter().find(|(request, ..)| request.connector.cluster.as_deref() != cluster);
        if let Some((request, ..)) = other {
            let help = "read all topics from one cluster; copy the others there";
            return Err(self.cannot(request, "is on another cluster than other sources", help));
        }
        let topics = requests.iter().map(|(request, ..)| request.connector.name.clone()).collect();
        let Some(servers) = self.kafka.cluster(cluster) else { return Err(self.no_cluster(cluster)) };
        let source = match &self.transactions {
            Some(transactions) => KafkaSource::new(transactions.settings(), topics).in_transactions(transactions),
            None => KafkaSource::new(settings::kafka(&self.profile, &self.kafka, servers), topics),
        };
        let source = source.with_groups(requests.iter().map(|(_, group, _)| *group).collect());
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(source.status());
        Ok(Box::new(source))
    }

    /// Streams of Redis as a source.
    fn entries(&self, requests: &[(&StreamRequest<'_>, u32, u32)]) -> ConnectorResult<Box<dyn Source>> {
        if let Some((request, ..)) = requests.iter().find(|(request, ..)| request.connector.cluster.is_some()) {
            let help = "leave `cluster:` out: streams are read where the states are";
            return Err(self.cannot(request, "of another cluster cannot be read", help));
        }
        let Some(settings) = self.redis().cloned() else {
            if let Kept::Mysql(_) = &self.kept {
                let help = "keep the states on Redis too (`store: redis` in the profile), or read a topic of Kafka: who may \
                            read a stream is known beside the states";
                return Err(self.cannot(requests[0].0, "cannot be read while the states are on MySQL", help));
            }
            return Err(self.cannot(requests[0].0, "has no server", "write `redis:` in the profile"));
        };
        let streams = requests.iter().map(|(request, group, _)| StreamToRead {
            name: request.connector.name.clone(),
            source: request.id.to_owned(),
            group: *group,
        });
        let source = RedisStreamSource::new(settings, Arc::clone(&self.claims), &streams.collect::<Vec<_>>())?;
        *self.streams.lock().unwrap_or_else(PoisonError::into_inner) = Some(source.status());
        Ok(Box::new(source))
    }

    /// Whether the worker has been let in to where streams are shared out; for streams of Redis alone nobody has to.
    pub fn is_joined(&self) -> bool {
        let reads = self.streams.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        self.source_status().map_or(reads, |kafka| kafka.is_joined())
    }
}

/// Where the states of a plan are under a profile, and the settings of that store.
fn kept(plan: &Plan, profile: &ResolvedProfile, group: &str) -> Result<Kept, Problem> {
    match StatesOn::of(plan, profile)? {
        StatesOn::Redis => {
            let redis = profile.redis.as_ref().ok_or_else(|| Problem::new("the profile names no redis"))?;
            let entries = || plan.topics.iter().filter(|topic| topic.connector.kind == "redis_stream");
            let (streams, reads_streams) = (entries().any(|topic| topic.written), entries().any(|topic| topic.read));
            let settings = RedisSettings { streams, reads_streams, ..settings::redis(profile, redis, group)? };
            Ok(Kept::Redis(Box::new(settings)))
        }
        StatesOn::Mysql => settings::lanes_on_mysql(profile, group).map(Kept::Mysql),
    }
}

impl Connectors for Production {
    fn source(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        Err(self.cannot(
            request,
            "cannot be read as a stream",
            "streams are topics of Kafka there; run it with `nsfc run`",
        ))
    }

    fn shared(&self, requests: &[StreamRequest<'_>], groups: &[u32]) -> ConnectorResult<Option<SharedSource>> {
        let kinds = ["kafka", "redis_stream"];
        let mut shared = Shares::default();
        let mut streams = Vec::new();
        for (request, group) in requests.iter().zip(groups) {
            let Some(kind) = kinds.iter().position(|kind| request.connector.kind == *kind) else {
                streams.push(None);
                continue;
            };
            if shared.groups.get(group).is_some_and(|other| *other != kind) {
                let help = "let a flow of its own write what comes of the stream to a topic, and merge that";
                return Err(self.cannot(request, "cannot be merged with a stream of another kind", help));
            }
            shared.groups.insert(*group, kind);
            streams.push(Some(shared.count));
            shared.of_kind[kind].push((request, *group, shared.count));
            shared.count += 1;
        }
        let mut joined = Joined::default();
        let [topics, entries] = &shared.of_kind;
        if !topics.is_empty() {
            joined.add(self.topics(topics)?, topics.iter().map(|(.., stream)| *stream).collect(), true);
        }
        if !entries.is_empty() {
            joined.add(self.entries(entries)?, entries.iter().map(|(.., stream)| *stream).collect(), false);
        }
        Ok((shared.count > 0).then(|| SharedSource { streams, source: Box::new(joined) }))
    }

    fn table(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        if request.connector.kind == "file" {
            return self.local.table(request);
        }
        Err(self.cannot(request, "cannot be read as a table", "read it from `file(\"…\")` or `mysql(\"…\")`"))
    }

    fn lookup(
        &self,
        request: &StreamRequest<'_>,
        key: &[LookupMember],
        members: &[LookupMember],
    ) -> ConnectorResult<Option<Arc<dyn Lookup>>> {
        if request.connector.kind != "mysql" {
            return Ok(None);
        }
        let Some(database) = self.mysql.database(request.connector.cluster.as_deref()) else {
            let help = "write `mysql:` in the profile, or the cluster under `mysql.clusters`";
            return Err(self.cannot(request, "has no server", help));
        };
        database.lookup(&request.connector.name, key, members).map(Some)
    }

    fn sink(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Sink>> {
        if request.connector.kind == "kafka" {
            let producer = self.producer(request.connector.cluster.as_deref())?;
            return Ok(Box::new(producer.sink(request.connector.name.clone())));
        }
        let name = &request.connector.name;
        if matches!(request.connector.kind.as_str(), "redis" | "redis_stream") {
            if request.connector.cluster.is_some() {
                let help = "leave `cluster:` out: outputs are written where the states are";
                return Err(self.cannot(request, "of another cluster cannot be written", help));
            }
            let sources = self.plan.sources.iter().map(|source| source.id.clone());
            let streams = sources.chain(self.plan.ingests.iter().map(|ingest| ingest.id.clone())).collect();
            let Some(settings) = self.redis().cloned() else {
                if let Kept::Mysql(_) = &self.kept {
                    let help = "keep the states on Redis too (`store: redis` in the profile), or write to a topic of Kafka: \
                                what a worker still sends to Redis that has lost its partition is held back by its claim there";
                    return Err(self.cannot(request, "cannot be written while the states are on MySQL", help));
                }
                return Err(self.cannot(request, "has no server", "write `redis:` in the profile"));
            };
            let claims = Arc::clone(&self.claims);
            return Ok(if request.connector.kind == "redis" {
                Box::new(RedisSink::new(settings, claims, streams)?)
            } else {
                Box::new(RedisStreamSink::new(settings, claims, streams, name)?)
            });
        }
        if request.connector.kind == "webhook" {
            return Ok(Box::new(self.webhook(name)?.sink()));
        }
        Err(self.cannot(
            request,
            "cannot be written",
            "write to a topic of Kafka, a webhook, or keys and streams of Redis, or run it with `nsfc run`",
        ))
    }

    fn export(&self, _: &[&str]) -> ConnectorResult<Option<Box<dyn Export>>> {
        Ok(None)
    }

    fn store(&self) -> ConnectorResult<Arc<dyn Store>> {
        if let Some(store) = self.mysql_store()? {
            store.check()?;
            let store: Arc<dyn Store> = Arc::new(store);
            #[cfg(feature = "faults")]
            let store = crate::faults::store(store);
            return Ok(store);
        }
        let Some(settings) = self.redis() else {
            let none = || ConnectorError::new(ConnectorErrorKind::Damaged, "the profile names no store");
            return self.transactions.clone().map(|own| Arc::new(own) as Arc<dyn Store>).ok_or_else(none);
        };
        nsf_redis::check(settings)?;
        let settings = settings.clone();
        #[cfg(feature = "faults")]
        let settings = RedisSettings { fenced: crate::faults::fenced(), ..settings };
        let redis = RedisStore::new(settings)?.with_claims(Arc::clone(&self.claims));
        let spaces = self.spaces()?;
        let store: Arc<dyn Store> =
            if spaces.are_plain() { Arc::new(redis) } else { Arc::new(self.combined(redis, spaces)?) };
        #[cfg(feature = "faults")]
        let store = crate::faults::store(store);
        Ok(store)
    }

    fn form(&self) -> Form {
        Form::Text
    }

    fn rejected(&self) -> ConnectorResult<Option<Box<dyn Sink>>> {
        Ok(Some(Box::new(self.producer(None)?.sink(self.kafka.rejected.clone()))))
    }
}
