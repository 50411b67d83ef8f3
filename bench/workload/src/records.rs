//! The input of workloads W1 and W2: lines in the ingest envelope with varied values and some unread members.

use crate::random::Random;
use std::io::{self, Write};

/// How many different (stu_id, plan_id) pairs occur. Two million records keep at least one record of nearly each, so
/// that a longer input has the same keys.
pub const PAIRS: u64 = 390_000;

/// The record count of the standard runs.
pub const RECORDS: u64 = 2_000_000;

/// The seed of the standard runs.
pub const SEED: u64 = 20_230_520;

const SUBJECTS: &[&str] =
    &["初三数学", "高一物理", "五年级英语", "小学奥数", "编程启蒙", "Physics", "Algebra", "English"];
const LEVELS: &[&str] = &["提高班", "精英班", "暑期班", "双师班", "秋季班", " advanced", " basic", " evening"];
const DEVICES: &[&str] = &["iPad11,3", "Android 12", "Windows 10", "MacBookPro18,1", "HUAWEI-P40"];
const CHANGES: &[&str] =
    &[r#""duration""#, r#""duration","score""#, r#""status","score""#, r#""class_name","duration","status""#];

/// Writes `count` lines to `sink`. The same seed and count give the same bytes; a larger count begins with the lines
/// of a smaller one.
pub fn write_records(sink: &mut impl Write, count: u64, seed: u64) -> io::Result<()> {
    let mut random = Random::new(seed);
    let mut time = 1_684_540_800_000_u64;
    for number in 0..count {
        time += random.below(9);
        write_record(sink, &mut random, number, time)?;
    }
    Ok(())
}

fn write_record(sink: &mut impl Write, random: &mut Random, number: u64, time: u64) -> io::Result<()> {
    let pair = pair(random, number);
    let student = 10_000_000 + pair / 4;
    // Four plans a student, from four ranges that do not meet, so that no two pairs are equal.
    let plan = 70_000 + (pair % 4) * 2_000 + pair.wrapping_mul(2_654_435_761) % 2_000;
    let class = 30_000 + pair % 5_000;
    let command = match random.below(100) {
        0..30 => "create",
        30..90 => "update",
        _ => "delete",
    };
    let duration = duration(random);
    let score = random.below(1_001);
    let status = random.below(4);
    write!(
        sink,
        r#"{{"version":"1.0","arris_id":"ARRIS-f0102-0000000000gca","app_id":"0102","arris_message":{{"time":{time},"cmd":"{command}","fields":{{"trace":"{:08x}","class_id":{class},"stu_id":{student},"plan_id":{plan},"class_name":""#,
        random.bits() >> 32
    )?;
    write_class_name(sink, random, class)?;
    write!(
        sink,
        r#"","teacher":"T{:05}","duration":{duration},"score":{}.{},"status":"{status}","device":{{"model":"{}","ip":"10.{}.{}.{}"}},"tags":["live",{}],"note":null}},"change_fields":[{}]}}}}"#,
        class % 977,
        score / 10,
        score % 10,
        random.pick(DEVICES),
        random.below(256),
        random.below(256),
        number % 256,
        random.percent(50),
        random.pick(CHANGES),
    )?;
    sink.write_all(b"\n")
}

/// Every second record walks through all pairs in a scattered order, the others take any.
fn pair(random: &mut Random, number: u64) -> u64 {
    let any = random.below(PAIRS);
    if number.is_multiple_of(2) { (number / 2).wrapping_mul(2_654_435_761) % PAIRS } else { any }
}

/// Seconds: about 9 in 100 are zero or negative, about 6 in 100 below the 30 that count as finished.
fn duration(random: &mut Random) -> i64 {
    match random.below(100) {
        0..6 => 0,
        6..9 => -(random.below(600) as i64) - 1,
        9..15 => random.below(29) as i64 + 1,
        _ => random.below(7_170) as i64 + 30,
    }
}

/// The text between the quotes: mostly without an escape, 4 in 100 with one.
fn write_class_name(sink: &mut impl Write, random: &mut Random, class: u64) -> io::Result<()> {
    let (subject, level) = (random.pick(SUBJECTS), random.pick(LEVELS));
    match random.below(100) {
        0 => write!(sink, r#"{subject} \"{level}\" {class}"#),
        1 => write!(sink, r#"{subject}\/{level}{class}"#),
        2 => write!(sink, r#"{subject}\u73ed{level}{class}"#),
        3 => write!(sink, r#"{subject}\t{level}\\{class}"#),
        _ => write!(sink, "{subject}{level}{class}"),
    }
}
