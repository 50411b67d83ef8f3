//! Counts requests in the bytes that a client sends, whatever pieces they come in.

/// How requests are framed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Protocol {
    /// A length of four bytes, and so many bytes.
    #[default]
    Kafka,
    /// An array of texts, each with its length.
    Redis,
}

/// The requests of one connection.
#[derive(Debug, Default)]
pub struct Frames {
    protocol: Protocol,
    /// The head of what comes next, as far as it has come.
    head: Vec<u8>,
    /// Bytes that are of no interest.
    skip: u64,
    /// Texts of a request that are still to come.
    texts: u64,
}

impl Frames {
    /// Counts from the beginning of a connection on.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        Self { protocol, ..Self::default() }
    }

    /// Takes bytes; gives how many requests end in them.
    pub fn take(&mut self, mut bytes: &[u8]) -> u64 {
        let mut ended = 0;
        while !bytes.is_empty() {
            if self.skip > 0 {
                let now = self.skip.min(bytes.len() as u64);
                self.skip -= now;
                bytes = &bytes[now as usize..];
            } else {
                self.head.push(bytes[0]);
                bytes = &bytes[1..];
                self.read_head();
                if self.skip == 0 {
                    continue;
                }
            }
            if self.skip == 0 && self.texts == 0 {
                ended += 1;
            }
        }
        ended
    }

    /// Understands a head that is whole.
    fn read_head(&mut self) {
        match self.protocol {
            Protocol::Kafka => {
                let Ok(length) = <[u8; 4]>::try_from(self.head.as_slice()) else { return };
                self.skip = u64::from(u32::from_be_bytes(length));
            }
            Protocol::Redis => {
                let Some(line) = self.head.strip_suffix(b"\r\n") else { return };
                let number = line.get(1..).and_then(|text| std::str::from_utf8(text).ok());
                let number: u64 = number.and_then(|text| text.parse().ok()).unwrap_or(0);
                if line.first() == Some(&b'*') {
                    self.texts = number;
                } else {
                    self.texts = self.texts.saturating_sub(1);
                    self.skip = number + 2;
                }
            }
        }
        self.head.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Frames, Protocol};

    fn counted(protocol: Protocol, bytes: &[u8], piece: usize) -> u64 {
        let mut frames = Frames::new(protocol);
        bytes.chunks(piece).map(|piece| frames.take(piece)).sum()
    }

    #[test]
    fn requests_are_counted_whatever_pieces_they_come_in() {
        let redis =
            b"*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\n*1\r\n$1\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n";
        let kafka = [&[0, 0, 0, 3][..], b"abc", &[0, 0, 1, 0], &[7; 256], &[0, 0, 0, 1], b"x", &[0, 0]].concat();
        for piece in 1..300 {
            assert_eq!(counted(Protocol::Redis, redis, piece), 3, "in pieces of {piece}");
            assert_eq!(counted(Protocol::Kafka, &kafka, piece), 3, "in pieces of {piece}");
        }
    }
}
