//! The input: orders of about 1 KB, of which a program reads five members.

use std::io::Write;
use workload::random::Random;

/// How many customers there are.
pub const CUSTOMERS: u64 = 100_000;

const KINDS: [&str; 4] = ["sale", "sale", "return", "exchange"];
const GOODS: [&str; 6] = ["tea, green", "tea, black", "a cup \\\"large\\\"", "kettle", "sugar 1 kg", "ein Löffel"];
const STREETS: [&str; 4] = ["Hauptstraße", "Main Street", "rue de la Paix", "中关村大街"];

/// What the orders must come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Orders that are no tests.
    pub orders: u64,
    /// The sum of their amounts.
    pub total: u64,
}

/// Makes orders; the same ones for the same seed.
pub struct Orders {
    random: Random,
    number: u64,
    /// Of the orders made so far.
    pub sums: Sums,
}

impl Orders {
    /// Orders of a seed.
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), number: 0, sums: Sums::default() }
    }

    /// Writes the next order into `text`, sent at `sent`, and gives its customer.
    pub fn next(&mut self, text: &mut Vec<u8>, sent: u64) -> u64 {
        let random = &mut self.random;
        let number = self.number;
        self.number += 1;
        let customer = random.below(CUSTOMERS);
        let amount = 1 + random.below(50_000);
        let is_test = random.percent(3);
        let kind = if is_test { "test" } else { random.pick(&KINDS) };
        if !is_test {
            self.sums.orders += 1;
            self.sums.total += amount;
        }
        text.clear();
        // Writing to memory does not fail.
        let _ = write!(
            text,
            r#"{{"order_id":"o-{number:012}","version":3,"shop":{{"id":{},"city":"{}","open":true}},"sent":{sent},"customer":{customer},"kind":"{kind}","currency":"EUR","lines":["#,
            random.below(900),
            random.pick(&["Wien", "Paris", "北京", "Leeds"]),
        );
        for line in 0..5 {
            let comma = if line == 0 { "" } else { "," };
            let _ = write!(
                text,
                r#"{comma}{{"sku":"{:08x}","name":"{}","count":{},"price":{}.{:02},"tags":["a{}",null]}}"#,
                random.below(1 << 32),
                random.pick(&GOODS),
                1 + random.below(9),
                random.below(200),
                random.below(100),
                random.below(50),
            );
        }
        let _ = write!(
            text,
            r#"],"amount":{amount},"address":{{"street":"{} {}","zip":"{:05}","lat":{}.{:06},"lon":{}.{:06}}},"agent":"Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101","note":""#,
            random.pick(&STREETS),
            1 + random.below(200),
            random.below(100_000),
            random.below(90),
            random.below(1_000_000),
            random.below(180),
            random.below(1_000_000),
            100 + random.below(40),
        );
        while text.len() < 1_010 {
            let _ = write!(text, "{:012x} ", random.below(1 << 48));
        }
        text.extend_from_slice(b"\"}");
        customer
    }
}
