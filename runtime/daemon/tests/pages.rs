//! Completions and pages of `man`: what a person can type is in them.
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

#[test]
fn each_command_has_a_page_and_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    let command = nsflow::command();
    assert!(command.get_subcommands().count() > 5, "{command:?}");
    nsf_tests::pages::write(command, folder.path()).unwrap();
    assert_eq!(nsf_tests::pages::missing(&nsflow::command(), folder.path()).unwrap(), Vec::<String>::new());
    // What is not there is missed.
    std::fs::write(folder.path().join("man/man1/nsflow-run.1"), ".TH").unwrap();
    let missing = nsf_tests::pages::missing(&nsflow::command(), folder.path()).unwrap();
    assert!(missing.iter().any(|own| own.contains("profile")), "{missing:?}");
}
