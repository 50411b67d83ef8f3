//! What else a profile sets: webhooks, the default store, how the worker runs, its admin endpoint, its telemetry.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::address::socket;
use super::quantity::{count, duration, size};
use super::reading::{Entry, Given, Reading, Section};
use super::rule::Rule;
use super::secret::{Secret, ServerUrl};
use super::tls::{Tls, tls, url};

/// Where the admin endpoint listens when nothing is said.
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9600);

/// Least memory of a worker.
const LEAST_MEMORY: u64 = 16 << 20;

/// An HTTP endpoint that messages are sent to.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its address.
    pub url: ServerUrl,
    /// Whether it may be in a private network, and then also without encryption.
    pub allow_private: bool,
    /// Requests at once.
    pub concurrency: u16,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How often a request is tried again.
    pub retries: u16,
}

/// Where states and dimensions are stored that name no store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// In Redis.
    Redis,
    /// In MySQL.
    Mysql,
    /// In the store inside the runtime.
    Embedded,
}

/// When a commit is made; none for the engine's own limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitLimits {
    /// At least this often.
    pub every: Option<Duration>,
    /// After this many bytes of input.
    pub bytes: Option<u64>,
    /// After this many records.
    pub records: Option<u64>,
}

/// The admin endpoint.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where it listens. Anywhere but on the loopback address, token and TLS are there.
    pub listen: SocketAddr,
    /// What a caller must show.
    pub token: Option<Secret>,
    /// Its certificate; `authority` there vouches for its callers.
    pub tls: Option<Tls>,
}

/// Reads `webhooks`.
pub(super) fn webhooks(reading: &mut Reading<'_>, entry: Option<&Entry<'_>>) -> Option<BTreeMap<String, Webhook>> {
    let Some(entry) = entry else { return Some(BTreeMap::new()) };
    let section = reading.named(entry, "webhooks by name, each with its `url`")?;
    let read: Vec<_> = section.entries().map(|(name, entry)| (name.to_owned(), webhook(reading, entry))).collect();
    read.into_iter().map(|(name, value)| value.map(|value| (name, value))).collect()
}

fn webhook(reading: &mut Reading<'_>, entry: &Entry<'_>) -> Option<Webhook> {
    let section = reading.section(entry, &["url", "allow_private", "concurrency", "timeout", "retries"])?;
    let address = url(reading, section.get("url"), &["https", "http"]);
    if !address.url.is_there() {
        reading.missing(&section, "url", "the address that messages are sent to");
    }
    let allow_private = reading.switch(section.get("allow_private"));
    let private = !matches!(allow_private, Given::Absent | Given::Known(false));
    if let (true, false, Some(entry)) = (address.is("http"), private, section.get("url")) {
        reading.rule(entry, Rule::PlainHttp);
    }
    let expected = "a whole number from 1 to 256";
    let concurrency = reading.parsed(section.get("concurrency"), expected, |text| count(text, 1, 256));
    let timeout = span(reading, section.get("timeout"), Duration::from_secs(600), "10min");
    let expected = "a whole number from 0 to 100";
    let retries = reading.parsed(section.get("retries"), expected, |text| count(text, 0, 100));
    Some(Webhook {
        url: address.url.optional()??,
        allow_private: allow_private.or(false)?,
        concurrency: concurrency.or(8)?,
        timeout: timeout.or(Duration::from_secs(10))?,
        retries: retries.or(5)?,
    })
}

/// Reads a duration of at least a millisecond.
fn span(reading: &mut Reading<'_>, entry: Option<&Entry<'_>>, most: Duration, shown: &str) -> Given<Duration> {
    let expected = format!("a duration such as `10s` or `200ms`, up to `{shown}`");
    let bounds = Duration::from_millis(1)..=most;
    reading.parsed(entry, &expected, |text| duration(text).filter(|span| bounds.contains(span)))
}

/// Reads a size of at least so many bytes.
fn bytes(reading: &mut Reading<'_>, entry: Option<&Entry<'_>>, least: u64, shown: &str) -> Given<u64> {
    let expected = format!("a size with its unit, such as `512MiB`, from `{shown}`");
    reading.parsed(entry, &expected, |text| size(text).filter(|size| *size >= least))
}

/// Reads `store`, by default Redis where the profile has it, else MySQL where it has that.
pub(super) fn store(reading: &mut Reading<'_>, profile: &Section<'_>) -> Option<StoreKind> {
    let kinds = [("redis", StoreKind::Redis), ("mysql", StoreKind::Mysql), ("embedded", StoreKind::Embedded)];
    let given = reading.choice(profile.get("store"), &kinds);
    let name = match given.known() {
        Some(StoreKind::Redis) => Some("redis"),
        Some(StoreKind::Mysql) => Some("mysql"),
        Some(StoreKind::Embedded) | None => None,
    };
    if let (Some(store), Some(entry)) = (name.filter(|name| profile.get(name).is_none()), profile.get("store")) {
        reading.rule(entry, Rule::StoreWithoutServer { store });
        return None;
    }
    let default = match (profile.get("redis"), profile.get("mysql")) {
        (Some(_), _) => StoreKind::Redis,
        (None, Some(_)) => StoreKind::Mysql,
        (None, None) => StoreKind::Embedded,
    };
    given.or(default)
}

/// Reads `lanes`.
pub(super) fn lanes(reading: &mut Reading<'_>, entry: Option<&Entry<'_>>) -> Option<Option<u16>> {
    reading.parsed(entry, "a whole number from 1 to 1024", |text| count(text, 1, 1024)).optional()
}

/// Reads `memory`.
pub(super) fn memory(reading: &mut Reading<'_>, entry: Option<&Entry<'_>>) -> Option<Option<u64>> {
    bytes(reading, entry, LEAST_MEMORY, "16MiB").optional()
}

/// Reads `commit`.
pub(super) fn commit(reading: &mut Reading<'_>, entry: Option<&Entry<'_>>) -> Option<CommitLimits> {
    let Some(entry) = entry else { return Some(CommitLimits::default()) };
    let section = reading.section(entry, &["every", "bytes", "records"])?;
    let every = span(reading, section.get("every"), Duration::from_secs(3600), "1h");
    let bytes = bytes(reading, section.get("bytes"), 1 << 10, "1KiB");
    let expected = "a whole number, at least 1";
    let records = reading.parsed(section.get("records"), expected, |text| count(text, 1, u64::MAX));
    Some(CommitLimits { every: every.optional()?, bytes: bytes.optional()?, records: records.optional()? })
}

/// Reads `admin`.
pub(super) fn admin(reading: &mut Reading<'_>, entry: &Entry<'_>) -> Option<Admin> {
    let section = reading.section(entry, &["listen", "token", "tls"])?;
    let listen = reading.parsed(section.get("listen"), "an address and a port, such as `127.0.0.1:9600`", socket);
    let token = reading.secret(section.get("token"));
    let tls = tls(reading, section.get("tls"));
    let without = |tls: &Option<Tls>| tls.as_ref().is_some_and(|tls| tls.identity.is_none());
    if let (true, Some(entry)) = (tls.known().is_some_and(without), section.get("tls")) {
        reading.rule(entry, Rule::ServerCertificate);
    }
    let has_tls = tls.is_there() && !matches!(tls, Given::Known(None));
    let wanted = [("token", token.is_there()), ("tls", has_tls)];
    let missing: Vec<_> = wanted.iter().filter(|(_, is_there)| !is_there).map(|(name, _)| *name).collect();
    let open = listen.known().is_some_and(|listen| !listen.ip().is_loopback());
    if let (true, false, Some(entry)) = (open, missing.is_empty(), section.get("listen")) {
        reading.rule(entry, Rule::OpenAdmin { missing });
    }
    Some(Admin { listen: listen.or(ADMIN)?, token: token.optional()?, tls: tls.or(None)? })
}

/// Reads `telemetry`: where OpenTelemetry is sent.
pub(super) fn telemetry(reading: &mut Reading<'_>, entry: Option<&Entry<'_>>) -> Option<Option<ServerUrl>> {
    let Some(entry) = entry else { return Some(None) };
    let section = reading.section(entry, &["otlp"])?;
    url(reading, section.get("otlp"), &["http", "https"]).url.optional()
}
