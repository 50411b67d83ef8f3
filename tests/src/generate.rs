//! Inputs of any size, the same for the same count: for examples, kill loops and measurements.

mod classroom;
mod oulad;
mod touching;
mod workload;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The inputs that there are.
pub const NAMES: [&str; 4] = ["classroom", "oulad", "touching", "w2"];

/// Writes the input `name` of `count` records into files of `folder`.
///
/// # Errors
/// When there is no such input, or a file cannot be written.
pub fn generate(name: &str, count: u64, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    match name {
        "classroom" => classroom::write(count, folder),
        "oulad" => oulad::write(count, folder),
        "touching" => touching::write(count, folder),
        "w2" => workload::write(count, folder),
        _ => Err(io::Error::other(format!("there is no input `{name}`; there are {}", NAMES.join(", ")))),
    }
}

/// A file to be written line by line; it has its name when it is whole.
fn lines(folder: &Path, name: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let part = folder.join(format!("{name}.part"));
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&part)?);
    write(&mut file)?;
    file.flush()?;
    drop(file);
    fs::rename(part, folder.join(name))
}

/// A time of day as RFC 3339 on 20 May 2023 and the days after it, from seconds.
fn time(seconds: u64) -> String {
    let (day, rest) = (seconds / 86_400, seconds % 86_400);
    // May has 31 days; generated times stay within May and June.
    let (month, day) = if day < 12 { (5, 20 + day) } else { (6, day - 11) };
    format!("2023-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}
