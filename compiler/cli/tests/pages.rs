//! Completions and pages of `man`: what a person can type is in them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

#[path = "../examples/pages_of_nsfc.rs"]
#[expect(dead_code, reason = "its main belongs to the example")]
mod pages;

use std::{fs, path::Path};

/// Every command's words, the outermost first: `["nsfc"]`, `["nsfc", "check"]` and so on.
fn commands(command: &clap::Command, before: &[String], found: &mut Vec<Vec<String>>) {
    let mut words = before.to_vec();
    words.push(command.get_name().to_owned());
    command.get_subcommands().for_each(|inner| commands(inner, &words, found));
    found.push(words);
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn each_command_has_a_page_and_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    pages::write(folder.path()).unwrap();
    let mut all = Vec::new();
    commands(&nsfc::command(), &[], &mut all);
    assert!(all.len() > 6, "{all:?}");
    let completions =
        ["bash-completion/completions/nsfc.bash", "zsh/site-functions/_nsfc", "fish/vendor_completions.d/nsfc.fish"];
    for words in &all {
        let page = text(&folder.path().join(format!("man/man1/{}.1", words.join("-"))));
        assert!(page.contains(".SH SYNOPSIS") && page.contains(".TH"), "{words:?}\n{page}");
        for completion in completions {
            let last = words.last().unwrap();
            assert!(text(&folder.path().join(completion)).contains(last.as_str()), "{completion} lacks {last}");
        }
    }
    let page = text(&folder.path().join("man/man1/nsfc-run.1"));
    assert!(page.contains("\\-\\-profile"), "{page}");
}
