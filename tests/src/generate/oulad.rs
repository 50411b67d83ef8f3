//! `examples/oulad`: submissions and assessments like those of the real files, with some that are not in the table.

use std::io;
use std::path::Path;

use super::lines;
use crate::random::Random;

const MODULES: [&str; 7] = ["AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG"];

/// `submission.csv` and `assessment.csv`.
pub(super) fn write(count: u64, folder: &Path) -> io::Result<()> {
    let mut random = Random::new(2013);
    let weights = ["10", "20", "12.5", "27.5", "30", "100"];
    let mut due = Vec::new();
    lines(folder, "assessment.csv", |file| {
        writeln!(file, r#""code_module","code_presentation","id_assessment","assessment_type","date","weight""#)?;
        for module in MODULES {
            for presentation in ["2013B", "2013J", "2014B"] {
                for (index, weight) in weights.iter().enumerate() {
                    let (id, day) = (1752 + due.len(), 19 + 35 * index as u64);
                    let known = !(index == 5 && module == "BBB");
                    let date = if known { day.to_string() } else { "?".to_owned() };
                    writeln!(file, r#""{module}","{presentation}","{id}","TMA","{date}","{weight}""#)?;
                    due.push(day);
                }
            }
        }
        Ok(())
    })?;
    lines(folder, "submission.csv", |file| {
        writeln!(file, "id_assessment,id_student,date_submitted,is_banked,score")?;
        for _ in 0..count {
            let index = random.below(due.len() as u64);
            let assessment = if random.percent(3) { 90_000 + index } else { 1752 + index };
            let banked = u64::from(random.percent(2));
            let late = if random.percent(10) { random.below(6) } else { 0 };
            let day = (due[index as usize] + late).saturating_sub(if late == 0 { random.below(15) } else { 0 });
            let score = if random.percent(2) { String::new() } else { random.below(101).to_string() };
            let student = 11_000 + random.below((count / 7).max(50));
            writeln!(file, "{assessment},{student},{day},{banked},{score}")?;
        }
        Ok(())
    })
}
