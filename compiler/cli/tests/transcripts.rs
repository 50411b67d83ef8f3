//! What `nsfc` prints, word for word: every file under `tests/cmd` is a transcript that is run again.
//!
//! `TRYCMD=overwrite cargo test -p nsfc --test transcripts` writes what it prints now.

#[test]
fn transcripts_still_hold() {
    trycmd::TestCases::new()
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C.UTF-8")
        .env("COLUMNS", "140")
        .case("tests/cmd/*.toml")
        .case("tests/cmd/*.trycmd")
        .run();
}
