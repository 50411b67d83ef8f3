//! W2 of the benchmark: stays in the ingest envelope, about 420 bytes each, with a running sum a key.

use std::io;
use std::path::Path;

use super::lines;
use crate::random::Random;

/// `events.ndjson`.
pub(super) fn write(count: u64, folder: &Path) -> io::Result<()> {
    let mut random = Random::new(42);
    let commands = ["create", "update", "update", "delete"];
    lines(folder, "events.ndjson", |file| {
        for index in 0..count {
            let command = commands[random.below(4) as usize];
            let student = random.below((count / 51).max(10));
            let plan = random.below(10);
            let duration = random.below(110) as i64 - 10;
            let (class, score, status) = (random.below(900), random.below(1000), random.below(3));
            let noise = random.number();
            writeln!(
                file,
                concat!(
                    r#"{{"version":"v1.0","arris_id":"ARRIS-f0102-0000000000gca","app_id":"0102","arris_message":{{"time":{},"#,
                    r#""cmd":"{}","fields":{{"class_id":{},"stu_id":{},"plan_id":{},"class_name":"班级 {} of the live feed","#,
                    r#""duration":{},"score":{}.{},"status":"{}","teacher":"t{:016x}","room":"r{:08x}","device":"pad"}},"#,
                    r#""change_fields":["duration","score","status"]}}}}"#
                ),
                1_684_540_800_000 + index,
                command,
                class,
                student,
                plan,
                class,
                duration,
                score / 10,
                score % 10,
                status,
                noise,
                noise >> 32
            )?;
        }
        Ok(())
    })
}
