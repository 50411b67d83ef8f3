//! Two plans beside one another, as people and programs are shown it: for `nsfc diff` and `nsfc check --against`.

use std::fs;
use std::path::Path;

use nsf_plan::diff::{Change, Part, PartKind, PlanDiff, Side, Verdict};
use nsf_plan::{Plan, document};
use serde_json::{Value, json};

use crate::checked::Checked;
use crate::output::{Output, Style};
use crate::problem::Problem;

/// A comparison, and which of its losses are wanted.
pub struct Compared {
    diff: PlanDiff,
    /// Titles of parts, or kinds, that may be lost.
    allowed: Vec<String>,
    /// The folder of the new plan's files, as it is shown.
    root: String,
}

/// A plan's file, or a project or a `.nsf` file that is compiled now; none where that has errors, which have been shown.
///
/// # Errors
/// When it cannot be read, or is neither.
pub fn load(path: &Path, output: &mut Output) -> Result<Option<Plan>, Problem> {
    if path.is_dir() || path.extension().is_some_and(|extension| extension == "nsf") {
        return Checked::load(Some(path))?.plan_or_report(output);
    }
    plan_file(path).map(Some)
}

/// A plan's file.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn plan_file(path: &Path) -> Result<Plan, Problem> {
    let help = "give a plan that `nsfc compile` has written";
    if path.is_dir() {
        return Err(Problem::usage(format!("`{}` is a folder and not a plan", path.display())).help(help));
    }
    let bytes = fs::read(path).map_err(|error| Problem::file("read", path, &error).help(help))?;
    // It says itself what to do.
    document::load(&bytes)
        .map_err(|error| Problem::failure(format!("the plan {} cannot be compared: {error}", path.display())))
}

impl Compared {
    pub fn new(old: &Plan, new: &Plan, allowed: &[String]) -> Self {
        let allowed = allowed.iter().map(|own| own.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        Self { diff: PlanDiff::between(old, new), allowed, root: String::new() }
    }

    /// The same for a new plan whose files lie in a folder.
    pub fn under(self, root: &str) -> Self {
        Self { root: root.to_owned(), ..self }
    }

    fn is_allowed(&self, part: &Part) -> bool {
        self.allowed.iter().any(|own| *own == part.title() || own == part.kind.word())
    }

    /// Whether something is lost that may not be.
    pub fn loses(&self) -> bool {
        self.diff.of(Verdict::Lost).any(|part| !self.is_allowed(part))
    }

    /// For people.
    pub fn human(&self, output: &Output) -> String {
        let mut text = String::new();
        for verdict in Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Kept) {
            self.diff.of(verdict).for_each(|part| self.part(part, output, &mut text));
        }
        self.kept(output, &mut text);
        for own in &self.allowed {
            let is_meant = |part: &Part| *own == part.title() || own == part.kind.word();
            if !self.diff.of(Verdict::Lost).any(is_meant) {
                text.push_str(&format!("note: `--allow-loss \"{own}\"` allows nothing: no such part is lost\n"));
            }
        }
        text.push_str(&self.summary(output));
        if output.result_looks().ascii { text.replace('→', "->") } else { text }
    }

    fn part(&self, part: &Part, output: &Output, text: &mut String) {
        let allowed = part.verdict == Verdict::Lost && self.is_allowed(part);
        let style = match part.verdict {
            Verdict::Lost if allowed => Style::Careful,
            Verdict::Lost => Style::Bad,
            Verdict::Migrated => Style::Careful,
            Verdict::Renamed | Verdict::New => Style::Good,
            Verdict::Kept => Style::Dim,
        };
        let word = output.paint(part.verdict.word(), style);
        let gap = " ".repeat(10_usize.saturating_sub(part.verdict.word().len()));
        text.push_str(&format!("{word}{gap}{}", output.paint(&part.title(), Style::Heading)));
        if let Some(was) = &part.was {
            text.push_str(&format!(", was {was}"));
        }
        if let Some(place) = &part.place {
            let place = if part.is_gone() { format!("was at {place}") } else { format!("{}{place}", self.root) };
            text.push_str(&output.paint(&format!("  ({place})"), Style::Dim));
        }
        text.push_str(if allowed { ", as allowed\n" } else { "\n" });
        for Change { what, means, help, loss } in &part.changes {
            text.push_str(&format!("            {what}: {means}\n"));
            if let (Some(help), true, false) = (help, loss, allowed) {
                text.push_str(&format!("            help: {help}\n"));
            }
        }
    }

    /// The parts that are as they were, by kind.
    fn kept(&self, output: &Output, text: &mut String) {
        let mut kinds: Vec<(PartKind, Vec<&str>)> = Vec::new();
        for part in self.diff.of(Verdict::Kept) {
            match kinds.last_mut() {
                Some((kind, names)) if *kind == part.kind => names.push(&part.name),
                _ => kinds.push((part.kind, vec![&part.name])),
            }
        }
        for (kind, names) in kinds {
            let line = format!("kept      {} {}\n", kind.word(), names.join(", "));
            text.push_str(&output.paint(&line, Style::Dim));
        }
    }

    /// `shop 1a2b3c4d → shop 5e6f7a8b: 1 lost, 2 new, 12 kept`.
    fn summary(&self, output: &Output) -> String {
        let side = |Side { name, hash }: &Side| format!("{name} {}", hash.get(..8).unwrap_or(hash));
        let count = |verdict: Verdict| match self.diff.of(verdict).count() {
            0 => None,
            count => Some(format!("{count} {}", verdict.word())),
        };
        let counts: Vec<String> = Verdict::ALL.into_iter().filter_map(count).collect();
        let counts = if counts.is_empty() { "nothing in either".to_owned() } else { counts.join(", ") };
        let end = match (self.loses(), self.diff.of(Verdict::Lost).count()) {
            (true, _) => output.paint("; something is lost", Style::Bad),
            (false, 0) => output.paint("; nothing is lost", Style::Good),
            (false, _) => output.paint("; nothing is lost but what may be", Style::Good),
        };
        format!("{} → {}: {counts}{end}\n", side(&self.diff.old), side(&self.diff.new))
    }

    /// One line a change: `lost: state shop.seen: it is gone: …`.
    pub fn short(&self) -> String {
        let mut text = String::new();
        for verdict in Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Kept) {
            for part in self.diff.of(verdict) {
                let place = part.place.as_ref().filter(|_| !part.is_gone());
                let place = place.map(|place| format!("{}{place}: ", self.root)).unwrap_or_default();
                let was = part.was.as_ref().map(|was| format!(", was {was}")).unwrap_or_default();
                let allowed = if verdict == Verdict::Lost && self.is_allowed(part) { " (allowed)" } else { "" };
                let head = format!("{place}{}{allowed}: {}{was}", verdict.word(), part.title());
                if part.changes.is_empty() {
                    text.push_str(&format!("{head}\n"));
                }
                for Change { what, means, .. } in &part.changes {
                    text.push_str(&format!("{head}: {what}: {means}\n"));
                }
            }
        }
        text
    }

    /// For programs: the whole comparison, with the losses that are allowed.
    pub fn json(&self) -> Value {
        let allowed: Vec<String> =
            self.diff.of(Verdict::Lost).filter(|part| self.is_allowed(part)).map(Part::title).collect();
        let mut value = serde_json::to_value(&self.diff).unwrap_or_default();
        if let Value::Object(members) = &mut value {
            members.insert("allowed".to_owned(), json!(allowed));
            members.insert("loses".to_owned(), json!(self.loses()));
        }
        value
    }
}
