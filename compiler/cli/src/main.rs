//! `nsfc`: checks, compiles, runs and tests `.nsf` programs. All of it is in the library beside this file.

fn main() -> std::process::ExitCode {
    nsfc::main()
}
