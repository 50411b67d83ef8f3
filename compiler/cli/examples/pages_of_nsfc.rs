//! `cargo run -p nsfc --example pages_of_nsfc FOLDER`: writes the completions of the usual shells and the pages of `man`, in
//! the folders where a system looks for them under its `share`.

fn main() -> std::process::ExitCode {
    nsf_tests::pages::main(nsfc::command())
}
