//! W1 and W2 as an expert would write them by hand for this one job: `handwritten w1|w2 INPUT OUTPUT`.

use sonic_rs::{LazyValue, PointerTree, pointer};
use std::io::{Error, ErrorKind, Result};
use workload::lines::for_each_line;
use workload::output::Output;

fn tree() -> PointerTree {
    let mut tree = PointerTree::new();
    tree.add_path(&pointer!["arris_message", "cmd"]);
    for name in ["class_id", "stu_id", "plan_id", "class_name", "duration", "score", "status"] {
        tree.add_path(&pointer!["arris_message", "fields", name]);
    }
    if std::env::var_os("EARLY").is_none() {
    tree.add_path(&pointer![]);
    }
    tree
}

fn job(line: &str, tree: &PointerTree, output: &mut Output) -> Option<bool> {
    let values = sonic_rs::get_many(line, tree).ok()?;
    let raw = |i: usize| values[i].as_ref().map(LazyValue::as_raw_str);
    let cmd = raw(0)?;
    let duration: i64 = raw(5)?.parse().ok()?;
    let status: i64 = raw(7)?.strip_prefix('"')?.strip_suffix('"')?.parse().ok()?;
    if !(cmd == "\"create\"" || cmd == "\"update\"") || duration <= 0 {
        return Some(false);
    }
    let out = &mut output.buffer;
    out.extend_from_slice(b"{\"class\":");
    out.extend_from_slice(raw(1)?.as_bytes());
    out.extend_from_slice(b",\"stu_id\":");
    out.extend_from_slice(raw(2)?.as_bytes());
    out.extend_from_slice(b",\"plan_id\":");
    out.extend_from_slice(raw(3)?.as_bytes());
    out.extend_from_slice(b",\"class_name\":");
    out.extend_from_slice(raw(4)?.as_bytes());
    out.extend_from_slice(b",\"score\":");
    out.extend_from_slice(raw(6)?.as_bytes());
    out.extend_from_slice(b",\"status\":");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.extend_from_slice(b",\"minutes\":");
    out.extend_from_slice(zmij::Buffer::new().format_finite(duration as f64 / 60.0).as_bytes());
    out.extend_from_slice(b",\"is_finished\":");
    out.extend_from_slice(if duration >= 30 { b"true" } else { b"false" });
    out.push(b'}');
    Some(true)
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err(Error::new(ErrorKind::InvalidInput, "usage: serde_typed INPUT OUTPUT"));
    };
    let mut output = Output::create(&output)?;
    let mut rejected = 0_u64;
    let tree = tree();
    let count = for_each_line(&input, |line| {
        match job(line, &tree, &mut output) {
            Some(true) => output.end_line(),
            Some(false) => Ok(()),
            None => { rejected += 1; Ok(()) }
        }
    })?;
    let written = output.finish()?;
    println!("read {} written {written} rejected {}", count.lines, rejected + count.not_utf8);
    Ok(())
}
