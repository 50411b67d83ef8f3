//! Completions and pages of `man` of a program: written from the same declarations as its `--help`, and whether what a person can
//! type is in them.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use clap::Command;
use clap_complete::Shell;

/// The shells, where each looks for completions, and what the file of a program is called there.
const COMPLETIONS: [(Shell, &str, [&str; 2]); 3] = [
    (Shell::Bash, "bash-completion/completions", ["", ".bash"]),
    (Shell::Zsh, "zsh/site-functions", ["_", ""]),
    (Shell::Fish, "fish/vendor_completions.d", ["", ".fish"]),
];

const MANUAL: &str = "man/man1";

/// Writes all of them under `folder`, where a system looks for them under its `share`.
///
/// # Errors
/// When a file cannot be written.
pub fn write(mut command: Command, folder: &Path) -> io::Result<()> {
    let name = command.get_name().to_owned();
    for (shell, place, _) in COMPLETIONS {
        let place = folder.join(place);
        fs::create_dir_all(&place)?;
        clap_complete::generate_to(shell, &mut command, &name, &place)?;
    }
    let pages = folder.join(MANUAL);
    fs::create_dir_all(&pages)?;
    clap_mangen::generate_to(command, &pages)
}

/// The `main` of a program that writes them into the folder that it is called with.
#[must_use]
pub fn main(command: Command) -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        let _ = writeln!(io::stderr(), "give the folder to write into");
        return ExitCode::from(2);
    };
    match write(command, Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}: {error}", Path::new(folder).display());
            ExitCode::FAILURE
        }
    }
}

/// What is missing of what [`write()`] wrote under `folder`: of every command a page, its name in every completion; of every
/// option its name in the page of its command.
///
/// # Errors
/// When a file is not there.
pub fn missing(command: &Command, folder: &Path) -> io::Result<Vec<String>> {
    let program = command.get_name();
    let file = |place: &str, name: &str| {
        let path = folder.join(place).join(name);
        fs::read_to_string(&path).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
    };
    let mut completions = Vec::new();
    for (shell, place, [before, behind]) in COMPLETIONS {
        completions.push((shell, file(place, &format!("{before}{program}{behind}"))?));
    }
    let mut missing = Vec::new();
    for (words, command) in all(command, &[]) {
        let page = file(MANUAL, &format!("{}.1", words.join("-")))?;
        let options = command.get_arguments().filter(|option| !option.is_hide_set());
        let options = options.filter_map(|option| Some(format!("\\-\\-{}", option.get_long()?.replace('-', "\\-"))));
        let wanted = [".TH".to_owned(), ".SH SYNOPSIS".to_owned()].into_iter().chain(options);
        missing.extend(wanted.filter(|own| !page.contains(own)).map(|own| format!("{words:?}: {own}")));
        let lacking = completions.iter().filter(|(_, text)| !text.contains(command.get_name()));
        missing.extend(lacking.map(|(shell, _)| format!("{words:?}: in the completion of {shell}")));
    }
    Ok(missing)
}

/// Every command with its words, the outermost first: `["nsfc"]`, `["nsfc", "check"]` and so on.
fn all<'c>(command: &'c Command, before: &[String]) -> Vec<(Vec<String>, &'c Command)> {
    let words: Vec<String> = before.iter().cloned().chain([command.get_name().to_owned()]).collect();
    let inner = command.get_subcommands().flat_map(|inner| all(inner, &words));
    let inner: Vec<_> = inner.collect();
    [(words, command)].into_iter().chain(inner).collect()
}
