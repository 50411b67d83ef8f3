//! The few requests of Kafka's protocol that the rig itself needs, so that it is tested without a client library.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::process::{PATIENCE, PAUSE};

/// How long the broker may take, in milliseconds.
const TIMEOUT: i32 = 30_000;

/// Requests: the number of each and its version, all before the compact formats.
const PRODUCE: (i16, i16) = (0, 3);
const LIST_OFFSETS: (i16, i16) = (2, 1);
const METADATA: (i16, i16) = (3, 1);
const CREATE_TOPICS: (i16, i16) = (19, 2);
const DELETE_TOPICS: (i16, i16) = (20, 1);
const CREATE_PARTITIONS: (i16, i16) = (37, 1);

/// Errors after which the same request soon passes: the partition has no leader yet, or not again.
const NOT_YET: [i16; 4] = [3, 5, 6, 14];

/// Bytes that are written.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn int16(self, number: i16) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn int32(self, number: i32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn int64(self, number: i64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn text(self, text: &str) -> Self {
        self.int16(text.len() as i16).bytes(text.as_bytes())
    }

    /// A number in seven bits a byte, small ones of both signs first.
    fn varint(mut self, number: i64) -> Self {
        let mut rest = ((number << 1) ^ (number >> 63)) as u64;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
        self
    }
}

/// Bytes that are read.
struct Answer<'a>(&'a [u8]);

impl Answer<'_> {
    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
        self.0 = rest;
        Ok(*first)
    }

    fn int16(&mut self) -> io::Result<i16> {
        self.bytes().map(i16::from_be_bytes)
    }

    fn int32(&mut self) -> io::Result<i32> {
        self.bytes().map(i32::from_be_bytes)
    }

    fn int64(&mut self) -> io::Result<i64> {
        self.bytes().map(i64::from_be_bytes)
    }

    fn text(&mut self) -> io::Result<String> {
        let length = usize::try_from(self.int16()?).unwrap_or_default();
        let (text, rest) = self.0.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.0 = rest;
        Ok(String::from_utf8_lossy(text).into_owned())
    }
}

/// Sends one request on a connection of its own and gives the answer behind its header.
fn ask(address: SocketAddr, (request, version): (i16, i16), body: &Body) -> io::Result<Vec<u8>> {
    let limit = Some(Duration::from_millis(2 * TIMEOUT as u64));
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(limit)?;
    stream.set_write_timeout(limit)?;
    let message = Body::default().int16(request).int16(version).int32(1).text("rig").bytes(&body.0);
    stream.write_all(&Body::default().int32(message.0.len() as i32).bytes(&message.0).0)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer)?;
    // The number of the request.
    answer.drain(..4);
    Ok(answer)
}

/// Does `request` until its answer is no "not yet".
fn patiently(what: &str, mut request: impl FnMut() -> io::Result<(i16, i64)>) -> io::Result<i64> {
    let started = Instant::now();
    loop {
        match request()? {
            (0, number) => return Ok(number),
            (code, _) if NOT_YET.contains(&code) && started.elapsed() < PATIENCE => thread::sleep(PAUSE),
            (code, _) => return Err(io::Error::other(format!("Kafka refuses to {what}: its error code is {code}"))),
        }
    }
}

/// The addresses of the brokers, and the names of the topics, as a broker tells them.
fn metadata(address: SocketAddr) -> io::Result<(Vec<String>, Vec<String>)> {
    // No list means all.
    let answer = ask(address, METADATA, &Body::default().int32(-1))?;
    let mut answer = Answer(&answer);
    let mut brokers = Vec::new();
    for _ in 0..answer.int32()? {
        let (_number, host, port, _rack) = (answer.int32()?, answer.text()?, answer.int32()?, answer.text()?);
        brokers.push(format!("{host}:{port}"));
    }
    let _controller = answer.int32()?;
    let mut names = Vec::new();
    for _ in 0..answer.int32()? {
        let _error = answer.int16()?;
        names.push(answer.text()?);
        let _internal: [u8; 1] = answer.bytes()?;
        for _ in 0..answer.int32()? {
            let _ = (answer.int16()?, answer.int32()?, answer.int32()?);
            // Replicas, and those of them that are up to date.
            for _list in 0..2 {
                for _ in 0..answer.int32()? {
                    answer.int32()?;
                }
            }
        }
    }
    Ok((brokers, names))
}

pub fn brokers(address: SocketAddr) -> io::Result<Vec<String>> {
    metadata(address).map(|(brokers, _)| brokers)
}

pub fn topics(address: SocketAddr) -> io::Result<Vec<String>> {
    metadata(address).map(|(_, topics)| topics)
}

pub fn create_topic(address: SocketAddr, name: &str, partitions: u32, settings: &[(&str, &str)]) -> io::Result<()> {
    let mut body = Body::default().int32(1).text(name).int32(partitions as i32).int16(1).int32(0);
    body = body.int32(settings.len() as i32);
    for (name, value) in settings {
        body = body.text(name).text(value);
    }
    let answer = ask(address, CREATE_TOPICS, &body.int32(TIMEOUT).bytes(&[0]))?;
    let mut answer = Answer(&answer);
    let _ = (answer.int32()?, answer.int32()?, answer.text()?);
    match answer.int16()? {
        0 => Ok(()),
        code => {
            let why = answer.text()?;
            Err(io::Error::other(format!("Kafka refuses to make the topic {name}: its error code is {code}. {why}")))
        }
    }
}

pub fn delete_topic(address: SocketAddr, name: &str) -> io::Result<()> {
    let answer = ask(address, DELETE_TOPICS, &Body::default().int32(1).text(name).int32(TIMEOUT))?;
    let mut answer = Answer(&answer);
    let _ = (answer.int32()?, answer.int32()?, answer.text()?);
    match answer.int16()? {
        0 => Ok(()),
        code => Err(io::Error::other(format!("Kafka refuses to delete the topic {name}: its error code is {code}"))),
    }
}

pub fn add_partitions(address: SocketAddr, topic: &str, partitions: u32) -> io::Result<()> {
    // Where they lie is left to the cluster; it is no trial.
    let body = Body::default().int32(1).text(topic).int32(partitions as i32).int32(-1).int32(TIMEOUT).bytes(&[0]);
    let answer = ask(address, CREATE_PARTITIONS, &body)?;
    let mut answer = Answer(&answer);
    let _ = (answer.int32()?, answer.int32()?, answer.text()?);
    match answer.int16()? {
        0 => Ok(()),
        code => {
            let why = answer.text()?;
            let message = format!("Kafka refuses to add partitions to {topic}: its error code is {code}. {why}");
            Err(io::Error::other(message))
        }
    }
}

pub fn produce(address: SocketAddr, topic: &str, partition: i32, values: &[&str]) -> io::Result<i64> {
    let values: Vec<(Option<&str>, Option<&str>)> = values.iter().map(|value| (None, Some(*value))).collect();
    send(address, topic, partition, &batch(&values))
}

pub fn delete_key(address: SocketAddr, topic: &str, partition: i32, key: &str) -> io::Result<i64> {
    send(address, topic, partition, &batch(&[(Some(key), None)]))
}

fn send(address: SocketAddr, topic: &str, partition: i32, batch: &[u8]) -> io::Result<i64> {
    // No transaction; all replicas must have it; one topic, one partition.
    let body = Body::default().int16(-1).int16(-1).int32(TIMEOUT).int32(1).text(topic).int32(1).int32(partition);
    let body = body.int32(batch.len() as i32).bytes(batch);
    patiently(&format!("take records for {topic}/{partition}"), || {
        let answer = ask(address, PRODUCE, &body)?;
        let mut answer = Answer(&answer);
        let _ = (answer.int32()?, answer.text()?, answer.int32()?, answer.int32()?);
        Ok((answer.int16()?, answer.int64()?))
    })
}

pub fn end_offset(address: SocketAddr, topic: &str, partition: i32) -> io::Result<i64> {
    // The time -1 stands for the end.
    let body = Body::default().int32(-1).int32(1).text(topic).int32(1).int32(partition).int64(-1);
    patiently(&format!("tell the end of {topic}/{partition}"), || {
        let answer = ask(address, LIST_OFFSETS, &body)?;
        let mut answer = Answer(&answer);
        let _ = (answer.int32()?, answer.text()?, answer.int32()?, answer.int32()?);
        let code = answer.int16()?;
        let _time = answer.int64()?;
        Ok((code, answer.int64()?))
    })
}

/// Records, each a key and a value, as one batch of the second format, without compression.
fn batch(values: &[(Option<&str>, Option<&str>)]) -> Vec<u8> {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (now, count) = (now.as_millis() as i64, values.len() as i32);
    // Attributes, last offset, first and last time, no producer, how many.
    let mut checked = Body::default().int16(0).int32(count - 1).int64(now).int64(now);
    checked = checked.int64(-1).int16(-1).int32(-1).int32(count);
    let part = |body: Body, part: Option<&str>| match part {
        Some(part) => body.varint(part.len() as i64).bytes(part.as_bytes()),
        None => body.varint(-1),
    };
    for (index, (key, value)) in values.iter().enumerate() {
        // Attributes, time, offset, key, value, no headers.
        let record = Body::default().bytes(&[0]).varint(0).varint(index as i64);
        let record = part(part(record, *key), *value).varint(0);
        checked = checked.varint(record.0.len() as i64).bytes(&record.0);
    }
    let check = crc32c(&checked.0).to_be_bytes();
    // First offset; the length behind it; no epoch; the format.
    let tail = Body::default().int32(-1).bytes(&[2]).bytes(&check).bytes(&checked.0);
    Body::default().int64(0).int32(tail.0.len() as i32).bytes(&tail.0).0
}

/// The checksum of Castagnoli, bit by bit: the rig writes little.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0x82F6_3B78 * (sum & 1))))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(super::crc32c(b"123456789"), 0xE306_9283);
    }
}
