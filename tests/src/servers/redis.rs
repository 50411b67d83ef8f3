//! One Redis server: started, killed, restarted with its data, its log of commands cut.
//!
//! A log that ends in the middle of a transaction is never left to the server to mend. With `aof-load-truncated yes`, its
//! default, it cuts the broken command alone: the transaction's `MULTI` and the commands before stay in the file, where the
//! next start reads them together with whatever transaction was appended after, and does both up to that one's `EXEC`. Half a
//! transaction then comes true long after it was lost, which no user is to expect who mends the file as Redis's manual says
//! (Redis 7.0.15; Valkey has mended it since, pull request 4342). So servers are started with `aof-load-truncated no`, and
//! `redis-check-aof --fix` takes away what is left of a transaction before.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::process::{Process, Signal};
use super::resp::{Connection, Reply};
use super::{Unavailable, install, ports};

/// Its name in messages.
const SERVER: &str = "Redis";

/// When the log of commands reaches the disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Fsync {
    /// Before the reply.
    #[default]
    Always,
    /// Once in a second.
    EverySecond,
}

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether it keeps a log of commands; without, a killed server restarts empty.
    pub append_only: bool,
    /// When that log reaches the disk.
    pub fsync: Fsync,
    /// The password of the default user.
    pub password: Option<String>,
    /// A file of users and what each may do.
    pub users: Option<PathBuf>,
    /// More arguments, as on the command line.
    pub arguments: Vec<String>,
    /// The port; none takes a free one.
    pub port: Option<u16>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            append_only: true,
            fsync: Fsync::default(),
            password: None,
            users: None,
            arguments: Vec::new(),
            port: None,
        }
    }
}

impl Options {
    /// The same with more arguments.
    #[must_use]
    pub fn with<A: AsRef<str>>(mut self, arguments: &[A]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// The command line.
    fn line(&self, folder: &Path, port: u16) -> Vec<OsString> {
        let keep = if self.append_only { "yes" } else { "no" };
        let fsync = if self.fsync == Fsync::Always { "always" } else { "everysec" };
        let mut line: Vec<OsString> = Vec::new();
        let port = port.to_string();
        // A log that is rewritten behind the test's back could not be cut at a length that the test has seen.
        for (name, value) in [
            ("--port", port.as_str()),
            ("--bind", "127.0.0.1"),
            ("--daemonize", "no"),
            ("--save", ""),
            ("--appendonly", keep),
            ("--appendfsync", fsync),
            ("--auto-aof-rewrite-percentage", "0"),
            // See the head of this file.
            ("--aof-load-truncated", "no"),
            ("--repl-diskless-sync-delay", "0"),
        ] {
            line.extend([name.into(), value.into()]);
        }
        line.extend(["--dir".into(), folder.into()]);
        if let Some(password) = &self.password {
            line.extend(["--requirepass".into(), password.into(), "--masterauth".into(), password.into()]);
        }
        if let Some(users) = &self.users {
            line.extend(["--aclfile".into(), users.into()]);
        }
        line.extend(self.arguments.iter().map(OsString::from));
        line
    }
}

/// A server; dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    folder: PathBuf,
    port: u16,
    password: Option<String>,
}

impl Redis {
    /// Starts a server that keeps its data in `folder`, and waits until it answers.
    ///
    /// # Errors
    /// When Redis is not installed, or the server does not start.
    pub fn start(folder: &Path, options: Options) -> Result<Self, Unavailable> {
        let program = install::program(SERVER, "redis-server")?;
        fs::create_dir_all(folder).map_err(Unavailable::at(SERVER, folder))?;
        let folder = folder.canonicalize().map_err(Unavailable::at(SERVER, folder))?;
        let port = options.port.unwrap_or_else(ports::free);
        let process = Process::new(SERVER, program, options.line(&folder, port), &folder, "redis");
        let mut redis = Self { process, folder, port, password: options.password };
        redis.restart()?;
        Ok(redis)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        ports::loopback(self.port)
    }

    /// The same as a URL, with the password if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        let password = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{password}{}", self.address())
    }

    /// A new connection, with the password given.
    ///
    /// # Errors
    /// When the server is down or refuses the password.
    pub fn connection(&self) -> io::Result<Connection> {
        connect(self.address(), self.password.as_deref())
    }

    /// One command on a connection of its own.
    ///
    /// # Errors
    /// When the server is down, or the connection breaks.
    pub fn command<A: AsRef<[u8]>>(&self, words: &[A]) -> io::Result<Reply> {
        self.connection()?.command(words)
    }

    /// Whether the process was started and not ended.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.process.is_up()
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

    /// Starts it again over the same folder and port, and waits until it answers. What a kill in the middle of a write has
    /// left of a transaction in its log of commands is taken away before.
    ///
    /// # Errors
    /// When it runs already or does not start, or its log cannot be mended.
    pub fn restart(&mut self) -> Result<(), Unavailable> {
        if !self.is_up()
            && let Ok(log) = self.aof()
        {
            mend(&log)?;
        }
        let address = self.address();
        self.process.start(|_| answers(address))
    }

    /// Stands still: it keeps its connections and answers nothing.
    pub fn suspend(&self) {
        self.process.signal(Signal::Suspend);
    }

    /// Goes on.
    pub fn resume(&self) {
        self.process.signal(Signal::Resume);
    }

    /// Lets its files become no longer than so many bytes, as on a disk that is full; none ends that. On Linux alone.
    ///
    /// # Errors
    /// When it is down, or the system does not do that.
    pub fn limit_files(&self, bytes: Option<u64>) -> Result<(), Unavailable> {
        self.process.limit_files(bytes).map_err(|error| Unavailable::failed(SERVER, error))
    }

    /// How long its log of commands is.
    ///
    /// # Errors
    /// When it has none.
    pub fn aof_length(&self) -> Result<u64, Unavailable> {
        let path = self.aof()?;
        fs::metadata(&path).map(|data| data.len()).map_err(Unavailable::at(SERVER, &path))
    }

    /// Cuts its log of commands, as a power loss or the failover to a replica behind does. A command or transaction that is
    /// cut through goes as a whole, so that the log may become shorter than `length`.
    ///
    /// # Errors
    /// When the server is up, has no such log, the log is shorter, or it cannot be mended.
    pub fn cut_aof(&self, length: u64) -> Result<(), Unavailable> {
        if self.is_up() {
            return Err(Unavailable::failed(SERVER, "its log of commands can be cut only while it is down"));
        }
        let (path, now) = (self.aof()?, self.aof_length()?);
        if length > now {
            let what = format!("its log of commands has {now} bytes and cannot be cut to {length}");
            return Err(Unavailable::failed(SERVER, what));
        }
        let file = OpenOptions::new().write(true).open(&path);
        file.and_then(|file| file.set_len(length)).map_err(Unavailable::at(SERVER, &path))?;
        mend(&path)
    }

    /// The file that new commands are added to: the one with the highest number.
    fn aof(&self) -> Result<PathBuf, Unavailable> {
        let folder = self.folder.join("appendonlydir");
        let entries = fs::read_dir(&folder).map_err(Unavailable::at(SERVER, &folder))?;
        let number = |path: &PathBuf| {
            let name = path.file_name()?.to_str()?.strip_suffix(".incr.aof")?;
            name.rsplit_once('.')?.1.parse::<u64>().ok()
        };
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| number(path).is_some());
        let missing = || Unavailable::failed(SERVER, format_args!("{}: no *.incr.aof is in it", folder.display()));
        paths.max_by_key(number).ok_or_else(missing)
    }
}

/// Takes away what stands behind the last whole command or transaction of a log of commands.
fn mend(log: &Path) -> Result<(), Unavailable> {
    let program = install::program(SERVER, "redis-check-aof")?;
    let mut command = Command::new(program);
    command.arg("--fix").arg(log).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut mending = command.spawn().map_err(Unavailable::at(SERVER, log))?;
    if let Some(mut answer) = mending.stdin.take() {
        // It asks before it cuts; one that has nothing to cut may end before it reads the answer.
        let _ = answer.write_all(b"y\n");
    }
    let output = mending.wait_with_output().map_err(Unavailable::at(SERVER, log))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Err(Unavailable::Failed { server: SERVER, what: "redis-check-aof does not mend its log".to_owned(), log: said })
}

/// Whether a server is there and has read its data; one that wants a password is.
pub fn answers(address: SocketAddr) -> bool {
    let reply = Connection::open(address).and_then(|mut connection| connection.command(&["PING"]));
    match reply {
        Ok(Reply::Error(error)) => error.starts_with("NOAUTH"),
        Ok(reply) => reply.text() == "PONG",
        Err(_) => false,
    }
}

/// A connection with the password given.
pub fn connect(address: SocketAddr, password: Option<&str>) -> io::Result<Connection> {
    let mut connection = Connection::open(address)?;
    if let Some(password) = password
        && let Reply::Error(error) = connection.command(&["AUTH", password])?
    {
        return Err(io::Error::other(error));
    }
    Ok(connection)
}
