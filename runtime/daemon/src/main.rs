//! `nsflow`: see the library.

fn main() -> std::process::ExitCode {
    nsflow::main()
}
