//! Whether the user has the rights that the store needs: every command is run once, and nothing is left behind.

use nsf_engine::connector::ConnectorErrorKind as Kind;
use redis::Value;

use crate::{
    fault::{self, Failure},
    lane::random,
    settings::{Node, RedisSettings},
    stream::entries::{is_unknown, too_old},
    tags::slot,
    topology::Topology,
    wire::{Link, Requests},
};

/// How many tags are tried for one that lies at a server. One that holds a single slot is found by about every 16,000th.
const TRIES: u32 = 1 << 17;

/// Requests with the names of their commands.
#[derive(Default)]
struct Probe {
    requests: Requests,
    names: Vec<&'static str>,
}

impl Probe {
    fn command(&mut self, name: &'static str, arguments: &[&[u8]]) -> &mut Self {
        self.requests.command(name, arguments);
        self.names.push(name);
        self
    }
}

/// What was refused.
#[derive(Default)]
struct Refusals {
    /// Commands that the user may not run.
    commands: Vec<&'static str>,
    /// What else it may not do, in words.
    others: Vec<String>,
    /// The first refusal that is not for want of rights.
    first: Option<Failure>,
}

impl Refusals {
    /// Takes down a refusal, if the answer is one.
    fn note(&mut self, link: &Link, name: &'static str, reply: &Value) {
        let Value::ServerError(error) = reply else { return };
        let (code, detail) = fault::words(error);
        if name == "XGROUP" && is_unknown(reply) {
            self.first = self.first.take().or_else(|| Some(too_old(link)));
            return;
        }
        if code != "NOPERM" {
            self.first = self.first.take().or_else(|| link.accepted(reply).err());
            return;
        }
        if detail.contains("command") {
            self.commands.push(name);
            return;
        }
        let what = fault::what_is_denied(detail);
        if !self.others.contains(&what) {
            self.others.push(what);
        }
    }

    /// Everything that the user may not do, in one sentence; none where it may do all.
    fn denied(mut self) -> Option<(usize, String)> {
        self.commands.sort_unstable();
        self.commands.dedup();
        let count = self.commands.len() + self.others.len();
        let mut parts = Vec::new();
        if !self.commands.is_empty() {
            let names: Vec<String> = self.commands.iter().map(|name| format!("`{}`", name.to_lowercase())).collect();
            parts.push(format!("it may not run {}", names.join(", ")));
        }
        parts.append(&mut self.others);
        (count > 0).then(|| (count, parts.join("; ")))
    }
}

/// Runs every command of [`crate::ACL_COMMANDS`] once at a server, on keys that nobody else uses. All that write stand in one
/// transaction that also deletes what they wrote: where one of them is refused nothing is done, and nobody ever sees the
/// keys. Without the right to a transaction only those are run that find nothing and leave nothing.
///
/// Servers look at the rights first: one that takes no writes for the moment tells them all the same. Gives what such a one
/// says.
pub(crate) fn try_rights(
    settings: &RedisSettings,
    topology: &Topology,
    link: &mut Link,
) -> Result<Option<String>, Failure> {
    let Some(tag) = tag_at(topology, link.node())? else { return Ok(None) };
    let prefix = format!("{}:{{{tag}}}:check:{:x}", settings.namespace, random());
    let mut refusals = Refusals::default();
    let mut first = Probe::default();
    let text = format!("{prefix}:text");
    first.command("INFO", &[b"server"]).command("WATCH", &[text.as_bytes()]).command("MULTI", &[]);
    let replies = link.ask(&first.requests)?;
    first.names.iter().zip(&replies).for_each(|(name, reply)| refusals.note(link, name, reply));
    let guarded = matches!(replies.last(), Some(Value::Okay));
    let second = commands(&prefix, &text, guarded, settings);
    let replies = link.ask(&second.requests)?;
    second.names.iter().zip(&replies).for_each(|(name, reply)| refusals.note(link, name, reply));
    match replies.last() {
        Some(Value::Array(done)) => {
            second.names.iter().zip(done).for_each(|(name, reply)| refusals.note(link, name, reply));
        }
        Some(Value::ServerError(_)) => {}
        _ => return Err(link.odd("a transaction ends in another way")),
    }
    let refused = refusals.first.take();
    if let Some((count, what)) = refusals.denied() {
        return Err(fault::lacking(settings, link.node(), count, &what));
    }
    match refused.map(|failure| failure.error) {
        None => Ok(None),
        Some(error) if error.kind == Kind::Unavailable => {
            let help = error.help.map(|help| format!(": {help}")).unwrap_or_default();
            Ok(Some(format!("{}{help}", error.message)))
        }
        Some(error) => Err(Failure::new(fault::Cause::Refused, error)),
    }
}

/// What follows `MULTI`; where that was refused, only what changes nothing.
fn commands(prefix: &str, text: &str, guarded: bool, settings: &RedisSettings) -> Probe {
    let (hash, ends, stream) = (format!("{prefix}:hash"), format!("{prefix}:ends"), format!("{prefix}:stream"));
    let (text, hash, ends, stream) = (text.as_bytes(), hash.as_bytes(), ends.as_bytes(), stream.as_bytes());
    let mut probe = Probe::default();
    if guarded {
        probe.command("MSET", &[text, b"1"]).command("SET", &[text, b"1", b"PX", b"60000"]);
        probe.command("HSET", &[hash, b"f", b"1"]).command("HINCRBY", &[hash, b"f", b"1"]);
        probe.command("ZADD", &[ends, b"1", b"m"]);
        if settings.reads_streams {
            probe
                .command("XGROUP", &[b"CREATE", stream, b"g", b"0", b"MKSTREAM", b"ENTRIESREAD", b"0"])
                .command("XINFO", &[b"STREAM", stream]);
        }
        if settings.streams {
            probe.command("XADD", &[stream, b"*", b"f", b"1"]);
        }
    }
    probe.command("MGET", &[text]).command("HMGET", &[hash, b"f"]).command("HGETALL", &[hash]);
    if settings.reads_streams {
        probe.command("XRANGE", &[stream, b"-", b"+"]);
    }
    let pattern = format!("{prefix}:*");
    probe.command("SCAN", &[b"0", b"MATCH", pattern.as_bytes(), b"COUNT", b"1"]);
    probe.command("ZRANGEBYSCORE", &[ends, b"-inf", b"+inf"]).command("ZREM", &[ends, b"m"]);
    probe.command("HDEL", &[hash, b"f"]).command("DEL", &[text, hash, ends, stream]).command("EXEC", &[]);
    probe
}

/// A tag whose slot a server holds; none where it holds too few for one to be found.
fn tag_at(topology: &Topology, node: &Node) -> Result<Option<String>, Failure> {
    for number in 0..TRIES {
        let tag = format!("check-{number}");
        if topology.holds(node, slot(tag.as_bytes()))? {
            return Ok(Some(tag));
        }
    }
    Ok(None)
}
