//! Measures the product against its peers and prints the table: `cargo run --release --bin report` from `bench/`.

mod arguments;
mod check;
mod compare;
mod copies;
mod digest;
mod measure;
mod programs;
mod readme;
mod speed;
mod table;

use arguments::{Arguments, USAGE};
use programs::{Places, build_peers, product};
use speed::Speed;
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            let separator = if why.is_empty() { "" } else { "\n\n" };
            eprintln!("{why}{separator}{USAGE}");
            return ExitCode::from(2);
        }
    };
    match report(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the report could not be made: {error}");
            ExitCode::FAILURE
        }
    }
}

fn report(arguments: &Arguments) -> io::Result<()> {
    let places = Places::find(&arguments.data)?;
    if (arguments.wants("w1") || arguments.wants("w2")) && !build_peers(&places)? {
        return Err(io::Error::other("the peers do not build"));
    }
    let nsfc = product(&places, arguments.nsfc.as_deref());
    let mut rows = Vec::new();
    let mut speeds = Vec::new();
    if arguments.wants("w1") {
        speeds.push(("W1", speed::w1(&places, &nsfc, arguments.rounds)?));
    }
    if arguments.wants("w2") {
        speeds.push(("W2", speed::w2(&places, &nsfc, arguments.rounds)?));
    }
    for (_, Speed { rows: own, .. }) in &mut speeds {
        rows.append(own);
    }
    if arguments.wants("memory") || arguments.writes_readme {
        rows.extend(speed::memory_rows(&places, &nsfc, arguments.wants("memory"))?);
    }
    if arguments.wants("allocations") {
        rows.push(speed::allocation_row(&places)?);
    }
    if arguments.wants("check") {
        rows.extend(check::check_rows(&places, &nsfc)?);
    }
    if arguments.wants("binary") {
        rows.push(check::binary_row(&nsfc));
    }
    if arguments.wants("first-build") || arguments.writes_readme {
        rows.push(check::first_build_row(&places, arguments.wants("first-build"))?);
    }
    let text = readme::tables(&rows, &speeds);
    println!("{text}");
    if arguments.writes_readme { readme::write(&places, arguments.rounds, &text) } else { Ok(()) }
}
