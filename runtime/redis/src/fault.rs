//! Failures of Redis in the user's words.

use std::{error::Error, io, sync::Arc};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind as Kind};
use redis::{ErrorKind, RedisError, ServerError};

use crate::{
    acl::acl_line,
    settings::{Node, RedisSettings},
};

/// A request that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What to say.
    pub(crate) error: ConnectorError,
    /// What it means for the connection.
    pub(crate) cause: Cause,
}

/// What a failure means for the connection and for who is asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The server refused; the connection is as good as before.
    Refused,
    /// The connection ended. The server may be well: it may have restarted since.
    Closed,
    /// The server is not the one to ask any more.
    Moved,
    /// The server is not reached or does not answer.
    Unreachable,
}

impl Failure {
    pub(crate) const fn new(cause: Cause, error: ConnectorError) -> Self {
        Self { error, cause }
    }

    /// Something that this runtime does not understand in what the server said.
    pub(crate) fn odd(node: &Node, what: &str) -> Self {
        let message = format!("what answers at `{node}` does not answer as Redis does ({what})");
        let help = "check host and port: a proxy in between must pass on transactions and `WATCH`";
        Self::new(Cause::Unreachable, ConnectorError::new(Kind::Other, message).with_help(help))
    }

    /// Whether asking once more, with another connection, is likely to help at once.
    pub(crate) const fn passing(&self) -> bool {
        matches!(self.cause, Cause::Closed | Cause::Moved)
    }
}

impl From<Failure> for ConnectorError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// A connection that could not be made or broke.
pub(crate) fn broken(settings: &RedisSettings, node: &Node, error: &RedisError) -> Failure {
    let inner = cause::<io::Error>(error);
    if let Some(words) = encryption(error, inner) {
        let message = format!("the encrypted connection to Redis at `{node}` cannot be made ({words})");
        let help = "check that this port takes encrypted connections, and that the certificate names this host and is \
                    signed by an authority that is trusted here";
        return Failure::new(Cause::Unreachable, ConnectorError::new(Kind::Other, message).with_help(help));
    }
    let unavailable = |cause, message: String, help: &str| {
        Failure::new(cause, ConnectorError::new(Kind::Unavailable, message).with_help(help.to_owned()))
    };
    let (connect, response) = (settings.connect_timeout.as_millis(), settings.response_timeout.as_millis());
    match inner.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => unavailable(
            Cause::Unreachable,
            format!("there is no Redis at `{node}`: nothing takes connections there"),
            "start it, or correct host and port",
        ),
        Some(io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => unavailable(
            Cause::Unreachable,
            format!(
                "Redis at `{node}` does not answer (waited {connect} ms for the connection, {response} ms for an answer)"
            ),
            if settings.tls.is_some() {
                "check that the server is well, that this port takes encrypted connections, and that nothing between \
                 drops packets"
            } else {
                "check that the server is well and that nothing between drops packets"
            },
        ),
        Some(
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected,
        ) => unavailable(
            Cause::Closed,
            format!("the connection to Redis at `{node}` broke"),
            "check that the server runs; if it ends each connection at once, it may want an encrypted one",
        ),
        Some(_) if inner.is_some_and(unknown_name) => unavailable(
            Cause::Unreachable,
            format!("the name of the machine of Redis at `{node}` is not known"),
            "correct the host, or mend the name service",
        ),
        Some(_) => unavailable(
            Cause::Unreachable,
            format!("Redis at `{node}` is not reached ({})", inner.map(system_words).unwrap_or_default()),
            "check the network between, and host and port",
        ),
        None if error.kind() == ErrorKind::InvalidClientConfig => {
            let message = format!("`{node}` is not a place to connect to");
            let help = "name the host by which the server is reached from here";
            Failure::new(Cause::Unreachable, ConnectorError::new(Kind::Other, message).with_help(help))
        }
        None => Failure::odd(node, "its bytes are not of the protocol"),
    }
}

/// The cause of an error, if it is of a kind.
fn cause<E: Error + 'static>(error: &RedisError) -> Option<&E> {
    let source = error.source()?;
    // The library shares its causes, and what it gives is the share.
    let shared = source.downcast_ref::<Arc<dyn Error + Send + Sync>>().and_then(|shared| shared.downcast_ref());
    shared.or_else(|| source.downcast_ref())
}

/// What is wrong with encryption, if that is it.
fn encryption(error: &RedisError, inner: Option<&io::Error>) -> Option<String> {
    let direct = cause::<rustls::Error>(error);
    let wrapped = inner.and_then(io::Error::get_ref).and_then(|source| source.downcast_ref::<rustls::Error>());
    direct.or(wrapped).map(ToString::to_string)
}

/// Whether the name of a machine was not found.
fn unknown_name(error: &io::Error) -> bool {
    error.to_string().contains("lookup address")
}

/// The operating system's own words, without its error number.
fn system_words(error: &io::Error) -> String {
    let words = error.to_string();
    words.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// What a server answered in place of a result.
pub(crate) fn refused(settings: &RedisSettings, node: &Node, error: &ServerError) -> Failure {
    let (code, detail) = words(error);
    by_code(settings, node, code, detail)
}

/// The code of a refusal and the words behind it.
pub(crate) fn words(error: &ServerError) -> (&str, &str) {
    let detail = error.details().unwrap_or_default();
    if error.code() != "EXECABORT" {
        return (error.code(), detail);
    }
    // What ended the transaction stands in the words.
    let cause = detail.split_once("because of: ").map_or(detail, |(_, cause)| cause);
    cause.split_once(' ').unwrap_or((cause, ""))
}

fn by_code(settings: &RedisSettings, node: &Node, code: &str, detail: &str) -> Failure {
    match code {
        "WRONGPASS" | "NOAUTH" | "NOPERM" => rights(settings, node, code, detail),
        "WRONGTYPE" => {
            let message = format!(
                "a key of the namespace `{}` at Redis `{node}` holds something that this runtime did not write",
                settings.namespace
            );
            let help = "give the program a namespace of its own, or remove the foreign keys";
            Failure::new(Cause::Refused, ConnectorError::new(Kind::Damaged, message).with_help(help))
        }
        "ERR" if detail.contains("max number of clients") => passing(
            Cause::Closed,
            format!("Redis at `{node}` has as many connections as it takes"),
            "raise its `maxclients`, or end others' connections",
        ),
        "ERR" if detail.contains("AUTH") && detail.contains("without any password") => {
            let message = format!("Redis at `{node}` has no password, and one is given");
            let help = "leave the password out, or set it at the server";
            Failure::new(Cause::Refused, ConnectorError::new(Kind::Permission, message).with_help(help))
        }
        "ERR" if detail.contains("DB index") => {
            let message = format!("Redis at `{node}` has no database {}", settings.place.database());
            let help = "name one below its `databases`; a cluster has number 0 alone";
            Failure::new(Cause::Refused, ConnectorError::new(Kind::NotFound, message).with_help(help))
        }
        "ERR" if detail.contains("unknown command") => {
            let message = format!("Redis at `{node}` does not know a command that the store needs ({detail})");
            let help = "use Redis 6.2 or later, with its commands under their own names";
            Failure::new(Cause::Refused, ConnectorError::new(Kind::Other, message).with_help(help))
        }
        _ => state(node, code).unwrap_or_else(|| {
            let message = format!("Redis at `{node}` refused a request ({code} {detail})");
            let help = "look into the server's log for the cause";
            Failure::new(Cause::Refused, ConnectorError::new(Kind::Other, message).with_help(help))
        }),
    }
}

fn passing(cause: Cause, message: String, help: &str) -> Failure {
    Failure::new(cause, ConnectorError::new(Kind::Unavailable, message).with_help(help.to_owned()))
}

/// Refusals that end when the server's state does.
fn state(node: &Node, code: &str) -> Option<Failure> {
    let (cause, what, help) = match code {
        "LOADING" => (Cause::Refused, "still reads its files after a start", "wait: it goes on by itself"),
        "OOM" => (
            Cause::Refused,
            "has no memory left and takes no writes",
            "raise its `maxmemory`, or delete keys that nobody needs; the work goes on by itself",
        ),
        "MISCONF" => (
            Cause::Refused,
            "takes no writes since it cannot write its own files",
            "look into its log: its disk may be full; the work goes on by itself",
        ),
        "NOREPLICAS" => (
            Cause::Refused,
            "takes no writes since too few replicas follow it",
            "start its replicas, or lower `min-replicas-to-write`; the work goes on by itself",
        ),
        "BUSY" => (Cause::Refused, "runs a script that does not end", "end it with `SCRIPT KILL`"),
        "TRYAGAIN" | "ASK" => (
            Cause::Refused,
            "moves the lane's slot to another server",
            "wait until the move is done: the work goes on by itself",
        ),
        "READONLY" => (Cause::Moved, "is a replica now and takes no writes", "wait: the new master is asked for"),
        "MOVED" => (Cause::Moved, "gave the slot to another server", "wait: the other one is asked"),
        "CLUSTERDOWN" => (
            Cause::Moved,
            "does not serve this slot: the cluster is not whole",
            "start the servers that are missing; `CLUSTER INFO` tells the state",
        ),
        "MASTERDOWN" => (Cause::Moved, "has lost its master", "start the master, or wait until another is chosen"),
        _ => return None,
    };
    Some(passing(cause, format!("Redis at `{node}` {what}"), help))
}

/// Refusals for want of rights.
fn rights(settings: &RedisSettings, node: &Node, code: &str, detail: &str) -> Failure {
    let user = settings.user.as_deref().unwrap_or("default");
    let (message, help) = match code {
        "WRONGPASS" => (
            format!("Redis at `{node}` does not accept the password of the user `{user}`"),
            format!(
                "correct user or password; `ACL GETUSER {user}` at the server tells whether the user is there and on"
            ),
        ),
        "NOAUTH" => (
            format!("Redis at `{node}` wants a password, and none is given"),
            "give the password, and the user if it is not `default`".to_owned(),
        ),
        _ => return lacking(settings, node, 1, &what_is_denied(detail)),
    };
    Failure::new(Cause::Refused, ConnectorError::new(Kind::Permission, message).with_help(help))
}

/// So many rights are missing: `what` the user may not do.
pub(crate) fn lacking(settings: &RedisSettings, node: &Node, count: usize, what: &str) -> Failure {
    let user = settings.user.as_deref().unwrap_or("default");
    let rights = if count == 1 { "a right" } else { "rights" };
    let message = format!("the user `{user}` lacks {rights} at Redis `{node}`: {what}");
    let help = format!("give the user its rights at the server: {}", acl_line(settings));
    Failure::new(Cause::Refused, ConnectorError::new(Kind::Permission, message).with_help(help))
}

/// The right that is missing, out of the server's words.
pub(crate) fn what_is_denied(detail: &str) -> String {
    let mut quoted = detail.split('\'');
    match quoted.nth(1) {
        Some(command) if detail.contains("command") => format!("it may not run `{}`", command.to_lowercase()),
        _ if detail.contains("key") => "it may not touch the keys of the namespace".to_owned(),
        _ => format!("the server says: {detail}"),
    }
}
