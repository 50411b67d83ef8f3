//! `nsfc fmt`: the one format.

use std::io::Read;
use std::path::{Path, PathBuf};

use nsf_diagnostics::{Diagnostic, IntoDiagnostic, SourceMap};

use crate::Outcome;
use crate::output::Output;
use crate::problem::Problem;
use crate::project::{program_files, read_program, replace_file};
use crate::report::{self, Format};

/// Lay out .nsf files in the one format there is
#[derive(clap::Args)]
pub struct Fmt {
    /// Change nothing; name the files that are laid out otherwise, and exit with 1 if there are any
    #[arg(long)]
    check: bool,
    /// A project's folder or a .nsf file; `-` reads standard input and writes standard output
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
}

/// What became of one text.
enum Formatted {
    /// The text in its format.
    Text(String),
    /// It has mistakes, which the formatter does not touch.
    Mistakes(SourceMap, Vec<Diagnostic>),
    /// The formatter's own reason.
    Refused(String),
}

impl Fmt {
    /// Formats, or with `--check` compares.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        if self.path.as_deref() == Some(Path::new("-")) {
            return standard_input(self.check, output);
        }
        let files = program_files(self.path.as_deref())?;
        let mut changed = 0;
        let mut outcome = Outcome::Clean;
        for path in &files {
            let bytes = read_program(path).map_err(|error| Problem::file("read", path, &error))?;
            match format(&path.to_string_lossy(), &bytes) {
                Formatted::Text(new) if new.as_bytes() == bytes => {}
                Formatted::Text(new) => {
                    changed += 1;
                    if self.check {
                        output.result(&format!("{}: not formatted\n", path.display()))?;
                    } else {
                        replace_file(path, &new)?;
                        output.result(&format!("formatted {}\n", path.display()))?;
                    }
                }
                refused => {
                    outcome = Outcome::Errors;
                    show_refusal(&path.to_string_lossy(), refused, output);
                }
            }
        }
        if self.check && changed > 0 {
            outcome = Outcome::Errors;
            let (are, them) = if changed == 1 { ("is", "it") } else { ("are", "them") };
            let all = files.len();
            output.result(&format!("{changed} of {all} files {are} not formatted; `nsfc fmt` formats {them}\n"))?;
        }
        Ok(outcome)
    }
}

fn standard_input(check: bool, output: &mut Output) -> Result<Outcome, Problem> {
    const NAME: &str = "standard input";
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Problem::failure(format!("cannot read {NAME}: {}", crate::problem::cause(&error))))?;
    match format(NAME, &bytes) {
        Formatted::Text(new) if check => {
            if new.as_bytes() == bytes {
                return Ok(Outcome::Clean);
            }
            output.result(&format!("{NAME}: not formatted\n"))?;
            Ok(Outcome::Errors)
        }
        Formatted::Text(new) => {
            output.result(&new)?;
            Ok(Outcome::Clean)
        }
        refused => {
            show_refusal(NAME, refused, output);
            Ok(Outcome::Errors)
        }
    }
}

fn format(name: &str, bytes: &[u8]) -> Formatted {
    let mut sources = SourceMap::default();
    let text = nsf_syntax::decode(bytes);
    let file = sources.add(name, text.as_ref());
    let parsed = nsf_syntax::parse_bytes(file, bytes);
    if !parsed.errors.is_empty() {
        let found = parsed.errors.into_iter().map(|error| error.into_diagnostic(&sources)).collect();
        return Formatted::Mistakes(sources, found);
    }
    match nsf_syntax::format::format(&text, &parsed.file) {
        Ok(new) => Formatted::Text(new),
        Err(refusal) => Formatted::Refused(refusal.to_string()),
    }
}

fn show_refusal(name: &str, refused: Formatted, output: &mut Output) {
    let text = match refused {
        Formatted::Text(_) => return,
        Formatted::Mistakes(sources, diagnostics) => {
            let shown = report::render(Format::Human, &diagnostics, &sources, output.error_looks());
            format!("{shown}{name} was left as it is: mend its mistakes first\n")
        }
        Formatted::Refused(reason) => format!("{name}: {reason}\n"),
    };
    output.error(&text);
}
