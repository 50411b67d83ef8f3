//! `examples/classroom`: stays of students in plans (`stay_seg.ndjson`) and the plans (`plan.ndjson`).

use std::io;
use std::path::Path;

use super::{lines, time};
use crate::random::Random;

/// Seconds between two stays of the stream; days are not crossed so that times stay in May and June.
const DAYS: u64 = 20;

/// Stays: a tenth sent again, some empty, some longer than 12 h, some of plans that nobody knows.
pub(super) fn write(count: u64, folder: &Path) -> io::Result<()> {
    let mut random = Random::new(7);
    let students = (count / 20).max(8);
    let plans = 40;
    lines(folder, "plan.ndjson", |file| {
        for plan in 1..=plans {
            let minutes = 30 + 5 * (plan % 13);
            writeln!(file, r#"{{"plan_id":{plan},"plan_len":{},"course_id":{}}}"#, minutes * 60_000, 1 + plan / 10)?;
        }
        Ok(())
    })?;
    lines(folder, "stay_seg.ndjson", |file| {
        let mut last = String::new();
        for index in 0..count {
            if index > 0 && random.percent(10) {
                file.write_all(last.as_bytes())?;
                continue;
            }
            let student = 1 + random.below(students);
            // Ten plans a student, so that stays of one plan meet; one plan in two hundred is not in the table.
            let plan = if random.below(200) == 0 { 900 } else { 1 + (student * 7 + random.below(10)) % plans };
            let end = index * DAYS * 86_400 / count + 43_200;
            let length = match random.below(100) {
                0 => 0,
                1 => 43_200 + random.below(10_000),
                _ => 60 + random.below(3_000),
            };
            let device = if random.percent(50) { r#","device":"pad""# } else { "" };
            let (class, start, end) = (1 + plan % 5, time((end + 43_200).saturating_sub(length)), time(end + 43_200));
            last = format!(
                "{{\"seg_id\":\"s{index}\",\"class_id\":{class},\"StuID\":{student},\"plan_id\":{plan},\"start\":\"{start}\",\
                 \"end\":\"{end}\"{device}}}\n"
            );
            file.write_all(last.as_bytes())?;
        }
        Ok(())
    })
}
