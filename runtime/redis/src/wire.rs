//! Requests and the connections that they go over.

use std::sync::{Arc, Once};

use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, TlsCertificates,
    Value, io::tcp::TcpSettings,
};

use crate::{
    fault::{self, Failure},
    settings::{Node, RedisSettings, Secret, Tls},
};

/// Requests that are sent together.
#[derive(Default)]
pub(crate) struct Requests {
    bytes: Vec<u8>,
    count: usize,
}

impl Requests {
    /// Begins a request; so many arguments must follow.
    pub(crate) fn begin(&mut self, command: &str, arguments: usize) -> &mut Self {
        self.head(b'*', arguments + 1);
        self.count += 1;
        self.argument(command.as_bytes())
    }

    /// An argument of the request that was begun.
    pub(crate) fn argument(&mut self, argument: &[u8]) -> &mut Self {
        self.joined(argument, &[])
    }

    /// An argument in two parts.
    pub(crate) fn joined(&mut self, first: &[u8], second: &[u8]) -> &mut Self {
        self.head(b'$', first.len() + second.len());
        self.bytes.extend_from_slice(first);
        self.bytes.extend_from_slice(second);
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    /// A whole request.
    pub(crate) fn command(&mut self, command: &str, arguments: &[&[u8]]) -> &mut Self {
        self.begin(command, arguments.len());
        for argument in arguments {
            self.argument(argument);
        }
        self
    }

    /// How many requests there are.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// Asks which history of data the server goes on with: it begins another when it becomes the master.
    pub(crate) fn history(&mut self) -> &mut Self {
        self.command("INFO", &[b"replication"])
    }

    fn head(&mut self, sign: u8, number: usize) {
        self.bytes.push(sign);
        self.bytes.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
    }
}

/// What follows a name in an answer to `INFO`; empty where it is not told.
fn told(reply: &Value, name: &str) -> String {
    let lines = text(reply).unwrap_or_default();
    lines.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
}

/// What a server says of itself when it is greeted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Greeting {
    pub(crate) version: String,
    pub(crate) role: String,
    pub(crate) mode: String,
}

/// A connection to one server.
pub(crate) struct Link {
    connection: redis::Connection,
    settings: Arc<RedisSettings>,
    node: Node,
    greeting: Greeting,
    /// Which start of the server it is.
    run: String,
    instance: Arc<str>,
}

impl Link {
    /// Connects to a server of the store, as its user and in its database.
    pub(crate) fn open(settings: &Arc<RedisSettings>, node: &Node) -> Result<Self, Failure> {
        let mut link = Self::connect(settings, node)?;
        link.greet(settings.user.as_deref(), settings.password.as_ref())?;
        link.ask_run()?;
        let database = settings.place.database();
        if database != 0 {
            let mut requests = Requests::default();
            requests.command("SELECT", &[database.to_string().as_bytes()]);
            link.ask_all(&requests)?;
        }
        Ok(link)
    }

    /// Connects to a watcher of Sentinel, as the user it knows.
    pub(crate) fn open_watcher(
        settings: &Arc<RedisSettings>,
        node: &Node,
        user: Option<&str>,
        password: Option<&Secret>,
    ) -> Result<Self, Failure> {
        let mut link = Self::connect(settings, node)?;
        link.greet(user, password)?;
        Ok(link)
    }

    fn connect(settings: &Arc<RedisSettings>, node: &Node) -> Result<Self, Failure> {
        let connected = || -> redis::RedisResult<redis::Connection> {
            let client = client(node, settings.tls.as_ref())?;
            let connection = client.get_connection_with_timeout(settings.connect_timeout)?;
            connection.set_read_timeout(Some(settings.response_timeout))?;
            connection.set_write_timeout(Some(settings.response_timeout))?;
            Ok(connection)
        };
        let connection = connected().map_err(|error| fault::broken(settings, node, &error))?;
        let settings = Arc::clone(settings);
        let (greeting, run, instance) = Default::default();
        Ok(Self { connection, settings, node: node.clone(), greeting, run, instance })
    }

    /// Asks which start of the server this is, and which history of data it goes on with.
    fn ask_run(&mut self) -> Result<(), Failure> {
        let mut requests = Requests::default();
        requests.command("INFO", &[b"server"]).history();
        let replies = self.ask_all(&requests)?;
        self.run = told(&replies[0], "run_id:");
        self.learn_history(&replies[1]);
        Ok(())
    }

    /// Takes the answer to [`Requests::history`].
    pub(crate) fn learn_history(&mut self, reply: &Value) {
        let now = format!("{}/{}", self.run, told(reply, "master_replid:"));
        if *self.instance != *now {
            self.instance = now.into();
        }
    }

    /// Says who asks. The library could do it, but it drops the server's words where they matter: it calls a server that
    /// has no room for another connection a wrong password.
    fn greet(&mut self, user: Option<&str>, password: Option<&Secret>) -> Result<(), Failure> {
        let mut requests = Requests::default();
        let mut arguments: Vec<&[u8]> = vec![b"2"];
        if let Some(password) = password {
            arguments.extend([&b"AUTH"[..], user.unwrap_or("default").as_bytes(), password.reveal().as_bytes()]);
        }
        arguments.extend([&b"SETNAME"[..], b"nsf"]);
        requests.command("HELLO", &arguments);
        let reply = self.ask_all(&requests)?.pop();
        let Some(Value::Array(items)) = reply else { return Err(self.odd("it does not greet")) };
        for pair in items.chunks_exact(2) {
            let (Some(name), Some(value)) = (text(&pair[0]), text(&pair[1])) else { continue };
            match name.as_str() {
                "version" => self.greeting.version = value,
                "role" => self.greeting.role = value,
                "mode" => self.greeting.mode = value,
                _ => {}
            }
        }
        Ok(())
    }

    /// The server.
    pub(crate) const fn node(&self) -> &Node {
        &self.node
    }

    /// What tells the server from itself before it was started or became the master: what it had acknowledged then may be lost.
    /// As of the last answer to [`Requests::history`]: a server that becomes a replica, and the master again, keeps connections.
    pub(crate) const fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    /// What it said of itself.
    pub(crate) const fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Sends requests and gives the answer to each, refusals among them. After a failure the connection is of no use: an
    /// answer may still come that would be taken for that of another request.
    pub(crate) fn ask(&mut self, requests: &Requests) -> Result<Vec<Value>, Failure> {
        if requests.count == 0 {
            // The library takes it for an error.
            return Ok(Vec::new());
        }
        let mut exchange = || -> redis::RedisResult<Vec<Value>> {
            self.connection.send_packed_command(&requests.bytes)?;
            (0..requests.count).map(|_| self.connection.recv_response()).collect()
        };
        exchange().map_err(|error| fault::broken(&self.settings, &self.node, &error))
    }

    /// The same where no answer may be a refusal.
    pub(crate) fn ask_all(&mut self, requests: &Requests) -> Result<Vec<Value>, Failure> {
        let replies = self.ask(requests)?;
        replies.iter().try_for_each(|reply| self.accepted(reply))?;
        Ok(replies)
    }

    /// Refuses an answer that is a refusal.
    pub(crate) fn accepted(&self, reply: &Value) -> Result<(), Failure> {
        match reply {
            Value::ServerError(error) => Err(fault::refused(&self.settings, &self.node, error)),
            _ => Ok(()),
        }
    }

    /// What the answers to a transaction say, from `MULTI` to `EXEC`: whether it was done; not where something that stood under
    /// `WATCH` was changed.
    pub(crate) fn is_done(&self, mut replies: Vec<Value>) -> Result<bool, Failure> {
        let end = replies.pop().unwrap_or(Value::Nil);
        replies.iter().try_for_each(|reply| self.accepted(reply))?;
        self.accepted(&end)?;
        match end {
            Value::Nil => Ok(false),
            Value::Array(done) => done.iter().try_for_each(|reply| self.accepted(reply)).map(|()| true),
            _ => Err(self.odd("a transaction ends in another way")),
        }
    }

    /// Something that cannot be understood in an answer.
    pub(crate) fn odd(&self, what: &str) -> Failure {
        Failure::odd(&self.node, what)
    }

    /// The items of an answer that is a list of so many.
    pub(crate) fn items(&self, reply: Value, count: usize) -> Result<Vec<Value>, Failure> {
        match reply {
            Value::Array(items) if items.len() == count => Ok(items),
            _ => Err(self.odd("a list is of another length")),
        }
    }
}

fn client(node: &Node, tls: Option<&Tls>) -> redis::RedisResult<Client> {
    let plain = ConnectionAddr::Tcp(node.host.clone(), node.port);
    let addr = match tls {
        None => plain,
        Some(_) => {
            ConnectionAddr::TcpTls { host: node.host.clone(), port: node.port, insecure: false, tls_params: None }
        }
    };
    let info: ConnectionInfo = addr
        .into_connection_info()?
        .set_tcp_settings(TcpSettings::default().set_nodelay(true))
        .set_redis_settings(RedisConnectionInfo::default().set_skip_set_lib_name());
    let Some(tls) = tls else { return Client::open(info) };
    choose_cryptography();
    let client_tls = tls
        .client
        .as_ref()
        .map(|client| ClientTlsConfig { client_cert: client.certificate.clone(), client_key: client.key.clone() });
    Client::build_with_tls(info, TlsCertificates { client_tls, root_cert: tls.authorities.clone() })
}

/// The library takes what the process has chosen, and fails where two were linked and none chosen.
fn choose_cryptography() {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        // Another part of the program may have chosen already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// The bytes of an answer; none where it is nothing or no text.
pub(crate) fn bytes(reply: &Value) -> Option<&[u8]> {
    match reply {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
}

/// An answer as a text.
pub(crate) fn text(reply: &Value) -> Option<String> {
    bytes(reply).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
