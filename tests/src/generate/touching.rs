//! `tests/kill/touching`: records that touch two states, a dimension with a subscription, and a table.

use std::io;
use std::path::Path;

use super::{lines, time};
use crate::random::Random;

/// `visits.ndjson` and `shops.ndjson`; one shop in fifty is not in the table.
pub(super) fn write(count: u64, folder: &Path) -> io::Result<()> {
    let mut random = Random::new(11);
    let shops = 200;
    lines(folder, "shops.ndjson", |file| {
        for shop in 0..shops {
            if shop % 50 != 49 {
                writeln!(file, r#"{{"shop":{shop},"city":"c{}","rate":{}}}"#, shop % 17, 1 + shop % 5)?;
            }
        }
        Ok(())
    })?;
    lines(folder, "visits.ndjson", |file| {
        for index in 0..count {
            let customer = random.below((count / 15).max(20));
            let shop = random.below(shops);
            let spent = random.below(5_000) as i64 - 20;
            let at = time(index * 15 * 86_400 / count);
            writeln!(
                file,
                r#"{{"visit":"v{index}","customer":{customer},"shop":{shop},"spent":{spent},"at":"{at}"}}"#
            )?;
        }
        Ok(())
    })
}
