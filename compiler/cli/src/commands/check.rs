//! `nsfc check`: every error and warning of every file, and their fixes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nsf_analysis::rejections::{self, Place};
use nsf_diagnostics::{FileId, TextEdit, apply_edits, render};
use nsf_plan::{Origin, Plan};

use crate::Outcome;
use crate::checked::Checked;
use crate::compared::{self, Compared};
use crate::fix;
use crate::numbers::table;
use crate::output::{Output, Style};
use crate::problem::Problem;
use crate::project::{LOCK_FILE, Project, replace_file};
use crate::report::{self, Format};
use crate::watch::Watch;

/// What empties a terminal.
const CLEAR: &str = "\u{1b}[2J\u{1b}[3J\u{1b}[H";

/// Rounds of fixing after which it is given up; each round mends at least one mistake.
const ROUNDS: usize = 200;

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
    /// List every place where a record may be rejected as well
    #[arg(long)]
    fallible: bool,
    /// Show what a deployment loses of what this plan has stored, sent and told; a loss is an error
    #[arg(long, value_name = "PLAN")]
    against: Option<PathBuf>,
    /// With --against: a part that may be lost, as it is shown: "state shop.seen"; or a kind of parts: rejected-code
    #[arg(long, value_name = "PART", requires = "against")]
    allow_loss: Vec<String>,
    /// Check again whenever a file changes, until it is stopped
    #[arg(long)]
    watch: bool,
}

impl Check {
    /// Checks, after mending if that was asked for.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        if self.watch {
            return self.keep_checking(output);
        }
        let (text, outcome) = self.once(output)?;
        output.result(&text)?;
        Ok(outcome)
    }

    /// Checks whenever a file changes. A project that cannot be read, since a file is just being renamed, say, is told of and
    /// watched on.
    fn keep_checking(&self, output: &mut Output) -> Result<Outcome, Problem> {
        if !matches!(self.format, Format::Human | Format::Short) {
            return Err(Problem::usage("--watch is for people: it goes with --format human and short")
                .help("leave out one of the two"));
        }
        // What cannot be read at all is told of once, and nothing is watched.
        let folder = Project::load(self.path.as_deref())?.folder().to_path_buf();
        let watch = Watch::of(&folder)?;
        loop {
            if output.is_terminal() {
                output.result(CLEAR)?;
            }
            match self.once(output) {
                Ok((text, _)) => output.result(&text)?,
                Err(problem) => output.problem(&problem),
            }
            let words = format!("\nwatching {} for changes; Ctrl-C ends it\n", folder.display());
            output.result(&output.paint(&words, Style::Dim))?;
            if !watch.wait() || output.is_closed() {
                return Ok(Outcome::Clean);
            }
        }
    }

    /// One check: what there is to say, and what came of it.
    fn once(&self, output: &Output) -> Result<(String, Outcome), Problem> {
        let mut checked = Checked::load(self.path.as_deref())?;
        let mended = if self.fix { self.mend(&mut checked)? } else { 0 };
        let locked = self.fix && write_lock(&checked)?;
        let mut outcome = if checked.analysis.has_errors() { Outcome::Errors } else { Outcome::Clean };
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
        if self.fallible {
            text.push_str(&self.fallible(&checked)?);
        }
        if let Some(compared) = self.compared(&checked)? {
            text.push_str(&self.against(&compared, output)?);
            if compared.loses() {
                outcome = Outcome::Errors;
            }
        }
        Ok((text, outcome))
    }

    /// The plan that was asked for beside that of the program. A program with errors has none yet.
    fn compared(&self, checked: &Checked) -> Result<Option<Compared>, Problem> {
        let Some(against) = &self.against else { return Ok(None) };
        let old = compared::plan_file(against)?;
        if checked.analysis.has_errors() || !checked.analysis.dag.complete {
            return Ok(None);
        }
        Ok(Some(Compared::new(&old, &checked.lower(), &self.allow_loss).under(&checked.project.shown_root)))
    }

    /// The comparison in the form of the messages.
    fn against(&self, compared: &Compared, output: &Output) -> Result<String, Problem> {
        match self.format {
            Format::Human => Ok(format!("\n{}", compared.human(output))),
            Format::Short => Ok(compared.short()),
            Format::Json => Ok(format!("{}\n", serde_json::json!({ "version": 1, "against": compared.json() }))),
            Format::Github | Format::Sarif => {
                Err(Problem::usage("--against has no such form").help("it goes with --format human, short and json"))
            }
        }
    }

    /// The places where a record may be rejected, in the form of the messages. A program with errors has none yet.
    fn fallible(&self, checked: &Checked) -> Result<String, Problem> {
        if checked.analysis.has_errors() {
            return Ok(String::new());
        }
        let plan = checked.lower();
        let places = rejections::places(&plan);
        let shown = |place: &Place| {
            let (file, line) = place.origin;
            format!("{}{}", checked.project.shown_root, plan.place(Origin { file, line }))
        };
        match self.format {
            Format::Human => {
                let rows: Vec<Vec<String>> =
                    places.iter().map(|place| vec![shown(place), place.what.clone(), place.of.clone()]).collect();
                let heading = "\nA record may be rejected by:\n\n";
                Ok(format!("{heading}{}", table(&rows, "  ")))
            }
            Format::Short => {
                Ok(places.iter().map(|place| format!("{}: {}: {}\n", shown(place), place.of, place.what)).collect())
            }
            Format::Json => Ok(places.iter().map(|place| fallible_json(place, &plan, checked)).collect()),
            Format::Github | Format::Sarif => {
                Err(Problem::usage("--fallible has no such form").help("it goes with --format human, short and json"))
            }
        }
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
        self.number(checked)?;
        Ok(mended)
    }

    /// Writes its number to every field that has none, so that the text says what the lock file will.
    fn number(&self, checked: &mut Checked) -> Result<(), Problem> {
        if checked.analysis.has_errors() || !checked.project.has_lock {
            return Ok(());
        }
        let mut edits: BTreeMap<FileId, Vec<TextEdit>> = BTreeMap::new();
        for edit in nsf_analysis::lock::missing_numbers(&checked.analysis.dag) {
            edits.entry(edit.location.file).or_default().push(edit);
        }
        if edits.is_empty() {
            return Ok(());
        }
        for (file, edits) in edits {
            if let Some(source) = checked.analysis.sources.get(file) {
                replace_file(source.path.as_ref(), &apply_edits(&source.text, &edits))?;
            }
        }
        *checked = Checked::load(self.path.as_deref())?;
        Ok(())
    }
}

/// One line of JSON; `fallible` tells it from a diagnostic.
fn fallible_json(place: &Place, plan: &Plan, checked: &Checked) -> String {
    let (file, line) = place.origin;
    let path = plan.files.get(file as usize).map_or("", |file| file.path.as_str());
    let path = format!("{}{path}", checked.project.shown_root);
    let value = serde_json::json!({
        "version": 1, "fallible": place.what, "of": place.of, "location": { "path": path, "line": line },
    });
    format!("{value}\n")
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
