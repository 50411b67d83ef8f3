//! A small client of Redis's protocol: one command, one reply.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a connection waits for a reply.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What Redis replied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// A short word, as `OK`.
    Status(String),
    /// An error, its code first.
    Error(String),
    /// A number.
    Number(i64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Nothing.
    Nil,
    /// Several.
    List(Vec<Reply>),
}

impl Reply {
    /// Status, error, number or bytes as text; empty for nothing and for several.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Status(text) | Self::Error(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Nil | Self::List(_) => String::new(),
        }
    }

    /// The parts of several; none for anything else.
    #[must_use]
    pub fn parts(&self) -> &[Self] {
        if let Self::List(parts) = self { parts } else { &[] }
    }

    /// What follows `name` in a list of names and values.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        let pairs = self.parts().chunks_exact(2);
        pairs.into_iter().find(|pair| pair[0].text() == name).map(|pair| pair[1].text()).unwrap_or_default()
    }
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody answers there.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no reply. An error that Redis replies is a [`Reply::Error`].
    pub fn command<A: AsRef<[u8]>>(&mut self, words: &[A]) -> io::Result<Reply> {
        self.send(words)?;
        self.reply()
    }

    /// Sends a command without waiting.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn send<A: AsRef<[u8]>>(&mut self, words: &[A]) -> io::Result<()> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words.iter().map(AsRef::as_ref) {
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&bytes)
    }

    /// Waits for the next reply.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no reply.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        let Some(([kind, text @ ..], _)) = line.split_last_chunk::<2>() else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let text = String::from_utf8_lossy(text).into_owned();
        let number = || text.parse::<i64>().map_err(|_| io::Error::other(format!("`{text}` is no number of a reply")));
        match kind {
            b'+' => Ok(Reply::Status(text)),
            b'-' => Ok(Reply::Error(text)),
            b':' => Ok(Reply::Number(number()?)),
            b'$' => usize::try_from(number()?).map_or(Ok(Reply::Nil), |length| self.bytes(length)),
            b'*' => usize::try_from(number()?).map_or(Ok(Reply::Nil), |count| {
                (0..count).map(|_| self.reply()).collect::<io::Result<_>>().map(Reply::List)
            }),
            other => Err(io::Error::other(format!("a reply cannot begin with the byte {other}"))),
        }
    }

    fn bytes(&mut self, length: usize) -> io::Result<Reply> {
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(Reply::Bytes(bytes))
    }
}
