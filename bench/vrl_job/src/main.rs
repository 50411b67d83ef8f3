//! W1 written in VRL and compiled once: `vrl_job INPUT OUTPUT`. JSON becomes a VRL value, the program runs on it, and
//! its result is written as JSON.

use std::io::{Error, ErrorKind, Result};
use vrl::compiler::runtime::{Runtime, Terminate};
use vrl::compiler::{TargetValue, TimeZone, compile};
use vrl::diagnostic::Formatter;
use vrl::value::{ObjectMap, Secrets, Value};
use workload::lines::for_each_line;
use workload::output::Output;

const PROGRAM: &str = include_str!("w1.vrl");

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err(Error::new(ErrorKind::InvalidInput, "usage: vrl_job INPUT OUTPUT"));
    };
    let program = compile(PROGRAM, &vrl::stdlib::all())
        .map_err(|problems| Error::other(format!("w1.vrl does not compile:\n{}", Formatter::new(PROGRAM, problems))))?
        .program;
    let mut runtime = Runtime::default();
    let timezone = TimeZone::default();
    let mut output = Output::create(&output)?;
    let mut rejected = 0_u64;
    let count = for_each_line(&input, |line| {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            rejected += 1;
            return Ok(());
        };
        let mut target = TargetValue { value, metadata: Value::Object(ObjectMap::new()), secrets: Secrets::new() };
        let ended = runtime.resolve(&mut target, &program, &timezone);
        runtime.clear();
        match ended {
            Ok(_) => {
                serde_json::to_writer(&mut output.buffer, &target.value)?;
                output.end_line()
            }
            Err(Terminate::Abort(_)) => Ok(()),
            Err(_) => {
                rejected += 1;
                Ok(())
            }
        }
    })?;
    let written = output.finish()?;
    println!("read {} written {written} rejected {}", count.lines, rejected + count.not_utf8);
    Ok(())
}
