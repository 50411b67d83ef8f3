//! Connections: made when they are needed, used again, thrown away when they break.

use std::{
    io::Write as _,
    sync::{Mutex, PoisonError},
};

use mysql::{Conn, Opts, OptsBuilder, SslOpts, prelude::Queryable as _};
use nsf_engine::connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult};
use tempfile::NamedTempFile;

use crate::{
    fault::{Cause, Failure, failure},
    settings::{MysqlSettings, Tls},
};

/// What every connection is told at first: a statement is done when it is answered, times are UTC, and nothing is cut to fit.
const BEGIN: &str = "SET autocommit = 1, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'";

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 64;

/// How many connections are kept while nobody uses them.
const KEPT: usize = 16;

/// A database at a server.
pub(crate) struct Client {
    pub(crate) settings: MysqlSettings,
    options: Opts,
    idle: Mutex<Vec<Conn>>,
    /// Certificates and keys lie in files for the client library; they go with this.
    _files: Vec<NamedTempFile>,
}

impl Client {
    /// A client; connects to nothing yet.
    ///
    /// # Errors
    /// Where the settings cannot be used.
    pub(crate) fn new(settings: MysqlSettings) -> ConnectorResult<Self> {
        settings.validate()?;
        let mut files = Vec::new();
        let tls = settings.tls.as_ref().map(|tls| encryption(tls, &mut files)).transpose()?;
        let options = OptsBuilder::new()
            .ip_or_hostname(Some(settings.node.host.clone()))
            .tcp_port(settings.node.port)
            .db_name(Some(settings.database.clone()))
            .user(Some(settings.user.clone()))
            .pass(settings.password.as_ref().map(|password| password.reveal().to_owned()))
            // The library would turn to a socket in the file system, past what the profile says.
            .prefer_socket(false)
            .tcp_connect_timeout(Some(settings.connect_timeout))
            .read_timeout(Some(settings.response_timeout))
            .write_timeout(Some(settings.response_timeout))
            .stmt_cache_size(STATEMENTS)
            .init(vec![BEGIN])
            .ssl_opts(tls);
        Ok(Self { options: options.into(), settings, idle: Mutex::default(), _files: files })
    }

    /// Runs requests on a connection. Where an old one turns out to be broken, once more on a new one: what is asked may
    /// then be done twice.
    ///
    /// # Errors
    /// Where the server does not answer or refuses.
    pub(crate) fn run<T>(&self, mut ask: impl FnMut(&mut Conn) -> Result<T, mysql::Error>) -> Result<T, Failure> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let fresh = idle.is_none();
            let mut connection = match idle {
                Some(connection) => connection,
                None => self.connect()?,
            };
            match ask(&mut connection) {
                Ok(answer) => {
                    self.give_back(connection);
                    return Ok(answer);
                }
                Err(error) => {
                    let failure = failure(&self.settings, &error);
                    if matches!(failure.cause, Cause::Refused | Cause::Conflict) {
                        // What a transaction holds must not be left to the next user.
                        if connection.query_drop("ROLLBACK").is_ok() {
                            self.give_back(connection);
                        }
                        return Err(failure);
                    }
                    // The others that were kept are likely to be broken as well.
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
                    if fresh || failure.cause != Cause::Closed {
                        return Err(failure);
                    }
                }
            }
        }
    }

    /// A connection for whoever keeps it.
    ///
    /// # Errors
    /// Where the server is not reached or does not let the user in.
    pub(crate) fn connect(&self) -> Result<Conn, Failure> {
        Conn::new(self.options.clone()).map_err(|error| failure(&self.settings, &error))
    }

    fn give_back(&self, connection: Conn) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }
}

/// The settings of encryption in the words of the client library. Authorities that are given are trusted beside those of the
/// machine.
fn encryption(tls: &Tls, files: &mut Vec<NamedTempFile>) -> ConnectorResult<SslOpts> {
    if tls.client.is_some() {
        let message = "certificates of clients are not yet sent to MySQL";
        return Err(ConnectorError::new(Kind::Changed, message)
            .with_help("log in with user and password, and leave `certificate` and `key` of `mysql.tls` out"));
    }
    Ok(match &tls.authorities {
        None => SslOpts::default(),
        Some(authorities) => SslOpts::default().with_root_cert_path(Some(file(authorities, files)?)),
    })
}

/// Puts a text into a file that only this user reads, since the client library takes files alone.
fn file(text: &[u8], files: &mut Vec<NamedTempFile>) -> ConnectorResult<std::path::PathBuf> {
    let written = NamedTempFile::new().and_then(|mut file| {
        file.write_all(text)?;
        file.flush()?;
        Ok(file)
    });
    let file = written.map_err(|error| {
        let message = format!("the certificates for MySQL cannot be put into the folder of temporary files ({error})");
        ConnectorError::new(Kind::Other, message).with_help("make that folder writable, or name another by `TMPDIR`")
    })?;
    let path = file.path().to_path_buf();
    files.push(file);
    Ok(path)
}
