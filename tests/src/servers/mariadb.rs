//! One MariaDB server: started, killed, restarted with its data.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{Process, Signal, is_root};
use super::{Unavailable, install, ports};
use crate::tree;

/// Its name in messages.
const SERVER: &str = "MariaDB";

/// The user that tests connect as, its password and the database.
const NAME: &str = "tests";

/// What a server does before it takes the first connection.
const FIRST: &str = "\
CREATE DATABASE IF NOT EXISTS tests;
CREATE USER IF NOT EXISTS 'tests'@'%' IDENTIFIED BY 'tests';
GRANT ALL ON *.* TO 'tests'@'%';
";

/// The length of InnoDB's log: the usual one is written anew by each new server, and takes long.
const LOG: &str = "--innodb-log-file-size=8M";

/// A server; dropping it kills it.
#[derive(Debug)]
pub struct MariaDb {
    process: Process,
    port: u16,
    socket: PathBuf,
}

impl MariaDb {
    /// Starts a server that keeps its data in `folder`, and waits until it takes connections.
    ///
    /// # Errors
    /// When MariaDB is not installed, or the server does not start.
    pub fn start(folder: &Path) -> Result<Self, Unavailable> {
        let program = install::program(SERVER, "mariadbd")?;
        let empty = empty_data(&program)?;
        fs::create_dir_all(folder).map_err(Unavailable::at(SERVER, folder))?;
        let folder = folder.canonicalize().map_err(Unavailable::at(SERVER, folder))?;
        let data = folder.join("data");
        // A folder that another server has left is gone on with.
        if !data.is_dir() {
            tree::copy(&empty, &data).map_err(Unavailable::at(SERVER, &data))?;
        }
        let first = folder.join("first.sql");
        fs::write(&first, FIRST).map_err(Unavailable::at(SERVER, &first))?;
        let (port, socket) = (ports::free(), PathBuf::from("mariadb.sock"));
        let mut line: Vec<OsString> = options(&data);
        line.push(format!("--port={port}").into());
        line.extend(
            ["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-buffer-pool-size=64M", "--skip-log-bin"]
                .map(OsString::from),
        );
        // A path in the data folder: that of a socket may have a hundred letters, and folders of tests have more.
        line.push(setting("--socket=", &socket));
        line.push(setting("--init-file=", &first));
        line.push(setting("--pid-file=", &folder.join("mariadb.pid")));
        let process = Process::new(SERVER, program, line, &folder, "mariadb");
        let mut server = Self { process, port, socket: data.join(socket) };
        server.restart()?;
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        ports::loopback(self.port)
    }

    /// Its socket in the file system.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The address with the user, the password and the database of tests.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://{NAME}:{NAME}@{}/{NAME}", self.address())
    }

    /// A client that outlives kills of the server.
    #[must_use]
    pub const fn client(&self) -> Client {
        Client { port: self.port }
    }

    /// Runs statements by MariaDB's own client in the database of tests; gives the rows as lines, with tabs between
    /// the values.
    ///
    /// # Errors
    /// When the client is not installed, the server is down, or a statement is refused.
    pub fn query(&self, statements: &str) -> Result<String, Unavailable> {
        self.client().query(statements)
    }

    /// Runs statements as the server's own administrator, who may give rights.
    ///
    /// # Errors
    /// When the client is not installed, the server is down, or a statement is refused.
    pub fn root(&self, statements: &str) -> Result<(), Unavailable> {
        let mut command = Command::new(install::program(SERVER, "mariadb")?);
        command.args(["--no-defaults", "--user=root", "--protocol=socket", "--execute", statements]);
        command.arg(setting("--socket=", &self.socket));
        let output = command.output().map_err(|error| Unavailable::failed(SERVER, error))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Unavailable::failed(SERVER, String::from_utf8_lossy(&output.stderr).trim()))
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

    /// Starts it again over the same folder and port, and waits until it takes connections.
    ///
    /// # Errors
    /// When it runs already or does not start.
    pub fn restart(&mut self) -> Result<(), Unavailable> {
        let address = self.address();
        self.process.start(|_| greets(address))
    }

    /// Stands still: it keeps its connections and answers nothing.
    pub fn suspend(&self) {
        self.process.signal(Signal::Suspend);
    }

    /// Goes on.
    pub fn resume(&self) {
        self.process.signal(Signal::Resume);
    }
}

/// What runs statements at a server, whether it is up or not.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    port: u16,
}

impl Client {
    /// As [`MariaDb::query`].
    ///
    /// # Errors
    /// When the client is not installed, the server is down, or a statement is refused.
    pub fn query(&self, statements: &str) -> Result<String, Unavailable> {
        let mut command = Command::new(install::program(SERVER, "mariadb")?);
        command.args(["--no-defaults", "--batch", "--skip-column-names", "--protocol=tcp", "--host=127.0.0.1"]);
        command.args([format!("--port={}", self.port), format!("--user={NAME}"), format!("--password={NAME}")]);
        command.args(["--database", NAME, "--execute", statements]);
        let output = command.output().map_err(|error| Unavailable::failed(SERVER, error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Unavailable::failed(SERVER, String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Whether a server greets who connects: the first byte behind the length is the protocol's version.
fn greets(address: SocketAddr) -> bool {
    let mut greeting = [0; 5];
    let read = TcpStream::connect(address).and_then(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.read_exact(&mut greeting)
    });
    read.is_ok() && greeting[4] == 10
}

fn setting(name: &str, path: &Path) -> OsString {
    let mut setting = OsString::from(name);
    setting.push(path);
    setting
}

/// What every call of the server and of its preparation begins with.
fn options(data: &Path) -> Vec<OsString> {
    let mut line = vec!["--no-defaults".into(), LOG.into(), setting("--datadir=", data)];
    // Root must be named, or the server refuses to run.
    if is_root() {
        line.push("--user=root".into());
    }
    line
}

/// A data folder with the server's own tables. It is made once for each version, since that takes seconds, and copied.
fn empty_data(server: &Path) -> Result<PathBuf, Unavailable> {
    let program = install::program(SERVER, "mariadb-install-db")?;
    let output = Command::new(server).arg("--version").output().map_err(Unavailable::at(SERVER, server))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = said.split_once("Ver ").map_or("", |(_, rest)| rest).split_whitespace().next().unwrap_or("unknown");
    let folder = install::folder().join(format!("mariadb-{}-empty", version.replace(['/', '.'], "-")));
    install::whole_folder(SERVER, &folder, |folder| {
        // The installation is that around the server: `/usr` of `/usr/sbin/mariadbd`.
        let base = server.ancestors().nth(2).unwrap_or(Path::new("/usr"));
        let mut command = Command::new(program);
        command.args(options(folder)).arg(setting("--basedir=", base));
        command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        // It is copied only when it is whole: nothing of it needs to be safe before.
        command.args(["--innodb-flush-method=nosync", "--sync-frm=0"]);
        install::called(command).map_err(|log| Unavailable::Failed {
            server: SERVER,
            what: "its tables cannot be made".to_owned(),
            log,
        })
    })?;
    Ok(folder)
}
