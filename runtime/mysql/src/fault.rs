//! Failures of MySQL in the user's words.

use std::io;

use mysql::{DriverError, Error, MySqlError};
use mysql_common::proto::codec::error::PacketCodecError;
use nsf_engine::connector::{ConnectorError, ConnectorErrorKind as Kind};

use crate::settings::MysqlSettings;

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
    /// Another transaction was in the way; what was asked is likely to be done when it is asked again.
    Conflict,
    /// The connection ended. The server may be well: it may have restarted since.
    Closed,
    /// The server is not reached or does not answer.
    Unreachable,
}

impl From<Failure> for ConnectorError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

fn unavailable(cause: Cause, message: String, help: &str) -> Failure {
    Failure { cause, error: ConnectorError::new(Kind::Unavailable, message).with_help(help.to_owned()) }
}

fn other(cause: Cause, kind: Kind, message: String, help: impl Into<String>) -> Failure {
    Failure { cause, error: ConnectorError::new(kind, message).with_help(help) }
}

/// What a failure of the client library is.
pub(crate) fn failure(settings: &MysqlSettings, error: &Error) -> Failure {
    match error {
        Error::MySqlError(error) => refused(settings, error),
        Error::IoError(error) => broken(settings, error.kind(), error),
        Error::CodecError(PacketCodecError::Io(error)) => broken(settings, error.kind(), error),
        Error::CodecError(PacketCodecError::PacketTooLarge) => too_long(settings),
        Error::DriverError(error) => driver(settings, error),
        Error::TlsError(error) => encrypted(settings, &tls_words(error)),
        _ => odd(settings),
    }
}

fn driver(settings: &MysqlSettings, error: &DriverError) -> Failure {
    let node = &settings.node;
    match error {
        DriverError::ConnectTimeout | DriverError::Timeout => timed_out(settings),
        DriverError::CouldNotConnect(Some((_, words, kind))) => broken(settings, *kind, words),
        DriverError::TlsNotSupported => encrypted(settings, "the server takes no encrypted connections"),
        DriverError::UnknownAuthPlugin(plugin) => other(
            Cause::Unreachable,
            Kind::Permission,
            format!(
                "MySQL at `{node}` wants the user `{}` to log in by `{plugin}`, which is not known here",
                settings.user
            ),
            "give the user `mysql_native_password` or `caching_sha2_password` at the server",
        ),
        DriverError::PacketTooLarge => too_long(settings),
        _ => odd(settings),
    }
}

/// Something that this runtime does not understand in what the server said.
fn odd(settings: &MysqlSettings) -> Failure {
    let message = format!("what answers at `{}` does not answer as MySQL does", settings.node);
    other(Cause::Unreachable, Kind::Other, message, "check host and port, and what stands between")
}

fn too_long(settings: &MysqlSettings) -> Failure {
    let message = format!("a row is longer than MySQL at `{}` takes in one request", settings.node);
    other(Cause::Unreachable, Kind::Other, message, "raise `max_allowed_packet` at the server")
}

fn timed_out(settings: &MysqlSettings) -> Failure {
    let (connect, response) = (settings.connect_timeout.as_millis(), settings.response_timeout.as_millis());
    let message = format!(
        "MySQL at `{}` does not answer (waited {connect} ms for the connection, {response} ms for an answer)",
        settings.node
    );
    unavailable(Cause::Unreachable, message, "check that the server is well and that nothing between drops packets")
}

fn encrypted(settings: &MysqlSettings, words: &str) -> Failure {
    let message = format!("the encrypted connection to MySQL at `{}` cannot be made ({words})", settings.node);
    let help = "check that the server takes encrypted connections, and that its certificate names this host and is signed \
                by an authority that is trusted here";
    other(Cause::Unreachable, Kind::Other, message, help)
}

/// What is wrong with a certificate, without the library's frame around it.
fn tls_words(error: &mysql::error::tls::TlsError) -> String {
    let words = error.to_string();
    words.trim_start_matches("TlsError { ").trim_end_matches(" }").to_owned()
}

/// A connection that could not be made or broke.
fn broken(settings: &MysqlSettings, kind: io::ErrorKind, words: &dyn ToString) -> Failure {
    let (node, words) = (&settings.node, words.to_string());
    match kind {
        io::ErrorKind::ConnectionRefused => unavailable(
            Cause::Unreachable,
            format!("there is no MySQL at `{node}`: nothing takes connections there"),
            "start it, or correct host and port",
        ),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => timed_out(settings),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected => unavailable(
            Cause::Closed,
            format!("the connection to MySQL at `{node}` broke"),
            "check that the server runs; its log tells why it ends connections",
        ),
        io::ErrorKind::InvalidData if words.contains("ertificate") || settings.tls.is_some() => {
            encrypted(settings, &words)
        }
        _ if words.contains("lookup address") => unavailable(
            Cause::Unreachable,
            format!("the name of the machine of MySQL at `{node}` is not known"),
            "correct the host, or mend the name service",
        ),
        _ => {
            let words = words.split(" (os error").next().unwrap_or_default().to_lowercase();
            let message = format!("MySQL at `{node}` is not reached ({words})");
            unavailable(Cause::Unreachable, message, "check the network between, and host and port")
        }
    }
}

/// What a server answered in place of a result.
fn refused(settings: &MysqlSettings, error: &MySqlError) -> Failure {
    if let Some(failure) = rights(settings, error).or_else(|| state(settings, error.code)) {
        return failure;
    }
    let (node, database) = (&settings.node, &settings.database);
    match error.code {
        1049 => other(
            Cause::Refused,
            Kind::NotFound,
            format!("MySQL at `{node}` has no database `{database}`"),
            format!("make it with `CREATE DATABASE {database}`, or correct the name behind the address's last `/`"),
        ),
        1146 => other(
            Cause::Refused,
            Kind::NotFound,
            format!("a table is missing in the database `{database}` of MySQL at `{node}`"),
            "`nsflow check` tells which, and `nsflow migrate` the SQL that makes those of states and dimensions",
        ),
        1054 => other(
            Cause::Refused,
            Kind::NotFound,
            format!("a column is missing in the database `{database}` of MySQL at `{node}`"),
            "`nsflow check` tells which, and `nsflow migrate` the SQL that adds those of states and dimensions",
        ),
        1153 | 2020 => too_long(settings),
        1665 => other(
            Cause::Refused,
            Kind::Other,
            format!("MySQL at `{node}` has `binlog_format = STATEMENT`, by which replicas would not become what it is"),
            "set it to `ROW` or `MIXED` at the server; the work goes on by itself then",
        ),
        code => other(
            Cause::Refused,
            Kind::Other,
            format!("MySQL at `{node}` refuses what it is asked (its error {code}: {})", error.message),
            "look the number up in the server's manual; the work goes on by itself when it is mended",
        ),
    }
}

/// Refusals that pass with the state of the server.
fn state(settings: &MysqlSettings, code: u16) -> Option<Failure> {
    let (cause, what, help) = match code {
        1213 | 1205 | 1062 | 1020 | 8022 | 8028 | 9007 => (
            Cause::Conflict,
            "holds rows for other transactions again and again",
            "look for transactions that stay open; the work goes on by itself",
        ),
        1461 => (
            Cause::Unreachable,
            "takes no more prepared statements",
            "raise `max_prepared_stmt_count`: a worker may have 64 for each connection, one a lane and 16 more",
        ),
        1040 | 1203 | 1226 => (
            Cause::Unreachable,
            "takes no more connections",
            "raise `max_connections` or the user's limit, or end connections that nobody needs",
        ),
        1053 | 1927 | 3169 | 4031 => (Cause::Closed, "ended the connection", "wait: it is made anew by itself"),
        1290 | 1792 | 1836 | 3100 => (
            Cause::Unreachable,
            "takes no writes: it is read-only",
            "name the server that takes writes, or make this one writable",
        ),
        1021 | 1114 | 3675 | 1030 | 1026 => (
            Cause::Refused,
            "cannot write: its disk or the table's space is full or faulty",
            "make room; the work goes on by itself",
        ),
        9001..=9006 => {
            (Cause::Refused, "does not reach all of its own servers", "look into its log: it may be starting")
        }
        _ => return None,
    };
    Some(unavailable(cause, format!("MySQL at `{}` {what}", settings.node), help))
}

/// Refusals for want of rights.
fn rights(settings: &MysqlSettings, error: &MySqlError) -> Option<Failure> {
    let (node, user, database) = (&settings.node, &settings.user, &settings.database);
    let (message, help) = match error.code {
        1045 | 1698 => (
            format!("MySQL at `{node}` does not accept the user `{user}` with this password"),
            format!("correct user or password; `SHOW GRANTS FOR '{user}'` at the server tells whether the user is there"),
        ),
        1044 | 1142 | 1143 | 1227 | 1370 => (
            format!("the user `{user}` lacks a right in the database `{database}` of MySQL at `{node}`"),
            format!("give it at the server: GRANT SELECT, INSERT, UPDATE, DELETE ON `{database}`.* TO '{user}'; \
                     `nsflow migrate --apply` needs CREATE and ALTER besides"),
        ),
        1129 | 1130 => (
            format!("MySQL at `{node}` takes no connections from this machine"),
            "give the user this machine at the server (`CREATE USER name@machine`), or end the block with `FLUSH HOSTS`"
                .to_owned(),
        ),
        1862 | 1820 => (
            format!("the password of the user `{user}` at MySQL `{node}` has expired"),
            "set a new one at the server, and in the profile".to_owned(),
        ),
        _ => return None,
    };
    Some(other(Cause::Refused, Kind::Permission, message, help))
}
