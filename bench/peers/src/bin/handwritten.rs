//! W1 and W2 as an expert would write them by hand for this one job: `handwritten w1|w2 INPUT OUTPUT`. Texts and
//! numbers that are only passed on are copied as they stand in the input; W2's running sum lives in a hash map in
//! memory and is lost at the end.

use peers::cursor::Cursor;
use std::collections::HashMap;
use std::io::{Error, ErrorKind, Result};
use workload::lines::for_each_line;
use workload::output::Output;

/// The members of a record that the job reads.
#[derive(Default)]
struct Record<'a> {
    cmd: Option<&'a str>,
    class_id: Option<i64>,
    stu_id: Option<i64>,
    plan_id: Option<i64>,
    class_name: Option<&'a str>,
    duration: Option<i64>,
    score: Option<&'a str>,
    status: Option<&'a str>,
}

/// Sets a member, or says that it was there before.
#[inline(always)]
fn once<T>(member: &mut Option<T>, value: T) -> Option<()> {
    match member.replace(value) {
        None => Some(()),
        Some(_) => None,
    }
}

/// Whether a number's text is a finite `float64`: only an exponent or very many digits can make it too large.
#[inline(always)]
fn is_finite(number: &str) -> bool {
    let is_large = number.len() > 300 || number.bytes().any(|byte| matches!(byte, b'e' | b'E'));
    !is_large || number.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Reads one line; `None` where it is not a JSON object with members of the right kind, each at most once.
fn read(line: &str) -> Option<Record<'_>> {
    let mut record = Record::default();
    let mut cursor = Cursor::new(line);
    let (mut messages, mut fields) = (None, None);
    cursor.object(|cursor, name| match name {
        b"arris_message" => {
            once(&mut messages, ())?;
            cursor.object(|cursor, name| match name {
                b"cmd" => once(&mut record.cmd, cursor.string()?),
                b"fields" => {
                    once(&mut fields, ())?;
                    cursor.object(|cursor, name| read_field(cursor, name, &mut record))
                }
                _ => cursor.skip(),
            })
        }
        _ => cursor.skip(),
    })?;
    cursor.end()?;
    Some(record)
}

#[inline(always)]
fn read_field<'a>(cursor: &mut Cursor<'a>, name: &[u8], record: &mut Record<'a>) -> Option<()> {
    match name {
        b"class_id" => once(&mut record.class_id, cursor.integer()?),
        b"stu_id" => once(&mut record.stu_id, cursor.integer()?),
        b"plan_id" => once(&mut record.plan_id, cursor.integer()?),
        b"class_name" => once(&mut record.class_name, cursor.string()?),
        b"duration" => once(&mut record.duration, cursor.integer()?),
        b"score" => once(&mut record.score, cursor.number()?),
        b"status" => once(&mut record.status, cursor.string()?),
        _ => cursor.skip(),
    }
}

/// The running sums of W2.
type Totals = HashMap<(i64, i64), i64, ahash::RandomState>;

/// Does the job for one line: true when a row was written (its line is not ended yet), `None` when it is rejected.
#[inline(always)]
fn handle(line: &str, totals: Option<&mut Totals>, out: &mut Vec<u8>) -> Option<bool> {
    let record = read(line)?;
    let (cmd, duration) = (record.cmd?, record.duration?);
    let (class, student, plan) = (record.class_id?, record.stu_id?, record.plan_id?);
    let (name, score, status) = (record.class_name?, record.score?, record.status?);
    if !is_finite(score) {
        return None;
    }
    if !matches!(cmd, "create" | "update") || duration <= 0 {
        return Some(false);
    }
    let status: i64 = status.parse().ok()?;
    let mut integers = itoa::Buffer::new();
    let mut put = |label: &[u8], value: &[u8]| {
        out.extend_from_slice(label);
        out.extend_from_slice(value);
    };
    put(b"{\"class\":", integers.format(class).as_bytes());
    put(b",\"stu_id\":", integers.format(student).as_bytes());
    put(b",\"plan_id\":", integers.format(plan).as_bytes());
    put(b",\"class_name\":\"", name.as_bytes());
    put(b"\",\"score\":", score.as_bytes());
    put(b",\"status\":", integers.format(status).as_bytes());
    put(b",\"minutes\":", zmij::Buffer::new().format_finite(duration as f64 / 60.0).as_bytes());
    put(b",\"is_finished\":", if duration >= 30 { b"true" } else { b"false" });
    if let Some(totals) = totals {
        let total = totals.entry((student, plan)).or_default();
        *total = total.checked_add(duration)?;
        put(b",\"total\":", integers.format(*total).as_bytes());
    }
    out.push(b'}');
    Some(true)
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(workload), Some(input), Some(output)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err(Error::new(ErrorKind::InvalidInput, "usage: handwritten w1|w2 INPUT OUTPUT"));
    };
    let mut totals = (workload == "w2").then(Totals::default);
    let mut output = Output::create(&output)?;
    let mut rejected = 0_u64;
    let count = for_each_line(&input, |line| {
        let length = output.buffer.len();
        match handle(line, totals.as_mut(), &mut output.buffer) {
            Some(true) => return output.end_line(),
            Some(false) => {}
            None => rejected += 1,
        }
        output.buffer.truncate(length);
        Ok(())
    })?;
    let written = output.finish()?;
    println!("read {} written {written} rejected {}", count.lines, rejected + count.not_utf8);
    if let Some(totals) = totals {
        println!("keys {}", totals.len());
    }
    Ok(())
}
