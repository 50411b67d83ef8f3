//! Writes the benchmark's input: `generate FILE [RECORDS]`.

use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Result, Write};
use workload::records::{RECORDS, SEED, write_records};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or_else(|| Error::new(ErrorKind::InvalidInput, "usage: generate FILE [RECORDS]"))?;
    let count = match arguments.next() {
        None => RECORDS,
        Some(text) => {
            text.parse().map_err(|_| Error::new(ErrorKind::InvalidInput, "RECORDS must be a whole number"))?
        }
    };
    let mut sink = BufWriter::with_capacity(1 << 20, File::create(path)?);
    write_records(&mut sink, count, SEED)?;
    sink.flush()
}
