//! `nsfc check`: every error and warning of every file, and their fixes.

use std::path::PathBuf;

use nsf_diagnostics::render;

use crate::Outcome;
use crate::checked::Checked;
use crate::fix;
use crate::output::{Output, Style};
use crate::problem::Problem;
use crate::project::{LOCK_FILE, replace_file};
use crate::report::{self, Format};

/// Rounds of fixing after which it is given up; each round mends at least one mistake.
const ROUNDS: usize = 20;

/// Find every mistake of every file in one run
#[derive(clap::Args)]
pub struct Check {
    /// A project's folder or a single .nsf file
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// How the messages are shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Mend what can be mended with certainty, then check again
    #[arg(long)]
    fix: bool,
}

impl Check {
    /// Checks, after mending if that was asked for.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        let mut checked = Checked::load(self.path.as_deref())?;
        let mended = if self.fix { self.mend(&mut checked)? } else { 0 };
        let locked = self.fix && write_lock(&checked)?;
        let outcome = if checked.analysis.has_errors() { Outcome::Errors } else { Outcome::Clean };
        let mut text = report::render(
            self.format,
            &checked.analysis.diagnostics,
            &checked.analysis.sources,
            output.result_looks(),
        );
        if self.format == Format::Human {
            if mended > 0 {
                let many = if mended == 1 { "" } else { "s" };
                text.insert_str(0, &format!("mended {mended} mistake{many}\n"));
            }
            if locked {
                text.push_str(&format!("wrote {}{LOCK_FILE}\n", checked.project.shown_root));
            }
            if render::summary(&checked.analysis.diagnostics).is_none() {
                text.push_str(&clean(&checked, output));
            }
        }
        output.result(&text)?;
        Ok(outcome)
    }

    /// Applies fixes and checks again until nothing is left that can be mended; gives how many were.
    fn mend(&self, checked: &mut Checked) -> Result<usize, Problem> {
        let mut mended = 0;
        for _ in 0..ROUNDS {
            let mut fixed = fix::apply(&checked.analysis.diagnostics, &checked.analysis.sources);
            // What was read of a file that is no text is not what the file holds; writing it back would lose that.
            fixed.files.retain(|file, _| checked.project.is_text(*file));
            if fixed.files.is_empty() {
                break;
            }
            for (file, text) in &fixed.files {
                if let Some(source) = checked.analysis.sources.get(*file) {
                    replace_file(source.path.as_ref(), text)?;
                }
            }
            mended += fixed.count;
            *checked = Checked::load(self.path.as_deref())?;
        }
        Ok(mended)
    }
}

/// Writes the numbers that the program has now into the lock file; whether that changed it. A program with errors has
/// no numbers yet.
fn write_lock(checked: &Checked) -> Result<bool, Problem> {
    if checked.analysis.has_errors() || !checked.project.has_lock {
        return Ok(false);
    }
    let text = checked.lock_text();
    if checked.project.lock.as_ref() == Some(&text) {
        return Ok(false);
    }
    replace_file(&checked.project.folder().join(LOCK_FILE), &text)?;
    Ok(true)
}

/// What is said when there is nothing to say.
fn clean(checked: &Checked, output: &Output) -> String {
    let files = checked.project.files.len();
    let many = if files == 1 { "" } else { "s" };
    format!("{} in {files} file{many} of {}\n", output.paint("no mistakes", Style::Good), checked.project.name)
}
