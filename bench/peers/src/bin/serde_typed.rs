//! W1 with typed, borrowing serde_json: `serde_typed INPUT OUTPUT`.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{Error, ErrorKind, Result};
use workload::lines::for_each_line;
use workload::output::Output;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    arris_message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    cmd: &'a str,
    #[serde(borrow)]
    fields: Fields<'a>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    class_id: i64,
    stu_id: i64,
    plan_id: i64,
    #[serde(borrow)]
    class_name: Cow<'a, str>,
    duration: i64,
    score: f64,
    status: &'a str,
}

#[derive(Serialize)]
struct Row<'a> {
    class: i64,
    stu_id: i64,
    plan_id: i64,
    class_name: &'a str,
    score: f64,
    status: i64,
    minutes: f64,
    is_finished: bool,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err(Error::new(ErrorKind::InvalidInput, "usage: serde_typed INPUT OUTPUT"));
    };
    let mut output = Output::create(&output)?;
    let mut rejected = 0_u64;
    let count = for_each_line(&input, |line| {
        let Ok(envelope) = serde_json::from_str::<Envelope>(line) else {
            rejected += 1;
            return Ok(());
        };
        let Message { cmd, fields } = envelope.arris_message;
        if !matches!(cmd, "create" | "update") || fields.duration <= 0 {
            return Ok(());
        }
        let Ok(status) = fields.status.parse() else {
            rejected += 1;
            return Ok(());
        };
        let row = Row {
            class: fields.class_id,
            stu_id: fields.stu_id,
            plan_id: fields.plan_id,
            class_name: &fields.class_name,
            score: fields.score,
            status,
            minutes: fields.duration as f64 / 60.0,
            is_finished: fields.duration >= 30,
        };
        serde_json::to_writer(&mut output.buffer, &row)?;
        output.end_line()
    })?;
    let written = output.finish()?;
    println!("read {} written {written} rejected {}", count.lines, rejected + count.not_utf8);
    Ok(())
}
