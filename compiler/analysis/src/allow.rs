//! Warnings that a writer allows: a comment `// nsfc: allow unused, growing-field` above an item lets what these lints find in
//! it stand. An error cannot be allowed, and an allowance that nothing needs is told of, so that none outlives its reason.

use nsf_diagnostics::{CODES, Code, Diagnostic, FileId, Location, Severity, Span, Stage, Suggestion, closest, codes};
use nsf_syntax::ast::{Comment, File};

/// What such a comment begins with, behind `//` and blanks.
const SIGN: &str = "nsfc:";

/// What is allowed in an item.
#[derive(Clone, Debug)]
struct Allowance {
    code: &'static Code,
    /// Where it is named.
    named: Location,
    /// The comment, with the end of its line.
    comment: Location,
    /// Whether nothing else is named in the comment.
    alone: bool,
    /// The item, with its docs.
    item: Span,
    used: bool,
}

/// All that is allowed in the files of a project.
#[derive(Clone, Debug, Default)]
pub struct Allowances {
    list: Vec<Allowance>,
}

impl Allowances {
    /// Reads those of a file; what is wrong with them goes to `found`.
    pub(crate) fn read(&mut self, file: FileId, text: &str, tree: &File, found: &mut Vec<Diagnostic>) {
        for (at, comment) in tree.comments.iter().enumerate() {
            let Some((rest, names)) = names(comment, text) else { continue };
            let whole = comment.span.in_file(file);
            if names.is_empty() {
                found.push(malformed(whole, rest));
                continue;
            }
            let Some(item) = item_below(tree, at, text) else {
                let told = Diagnostic::new(&codes::E0207, whole, "this allowance stands above no item");
                found.push(told.help("write it on a line of its own above the item whose warnings it allows"));
                continue;
            };
            let alone = names.len() == 1;
            for name in names {
                let named = name.in_file(file);
                match find(name.text(text)) {
                    Ok(code) => self.list.push(Allowance {
                        code,
                        named,
                        comment: Span::new(comment.span.start, line_end(comment.span.end, text)).in_file(file),
                        alone,
                        item,
                        used: false,
                    }),
                    Err(unknown) => found.push(unknown.told(named, name.text(text))),
                }
            }
        }
    }

    /// Takes out the warnings that are allowed.
    pub fn settle(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        diagnostics.retain(|diagnostic| {
            let at = diagnostic.location();
            let allows = |own: &Allowance| {
                let inside = own.item.start <= at.span.start && at.span.end <= own.item.end;
                own.code.id == diagnostic.code.id && own.named.file == at.file && inside
            };
            let mut allowed = false;
            for own in self.list.iter_mut().filter(|own| allows(own)) {
                (own.used, allowed) = (true, true);
            }
            !allowed
        });
    }

    /// Those that nothing needed. What only the settings of a project show is found later, by who reads them.
    pub(crate) fn needless(&self) -> impl Iterator<Item = Diagnostic> {
        let needless = self.list.iter().filter(|own| !own.used && own.code.stage != Stage::Project);
        needless.map(|own| {
            let text = format!("nothing in the item below needs `allow {}`", own.code.slug);
            let told = Diagnostic::new(&codes::W0406, own.named, text);
            if own.alone {
                told.suggest(Suggestion::certain("take the comment out", own.comment, ""))
            } else {
                told.help("take it out of the list")
            }
        })
    }
}

/// The names of an allowance, and what stands behind the sign; none where a comment is another.
fn names<'t>(comment: &Comment, text: &'t str) -> Option<(&'t str, Vec<Span>)> {
    let whole = comment.span.text(text);
    let rest = whole.strip_prefix("//")?.trim_start().strip_prefix(SIGN)?;
    let Some(list) = rest.trim_start().strip_prefix("allow ") else { return Some((rest, Vec::new())) };
    let mut names = Vec::new();
    let mut at = comment.span.start + (whole.len() - list.len()) as u32;
    for part in list.split(',') {
        let (before, name) = (part.len() - part.trim_start().len(), part.trim());
        let start = at + before as u32;
        if !name.is_empty() {
            names.push(Span::new(start, start + name.len() as u32));
        }
        at += part.len() as u32 + 1;
    }
    Some((rest, names))
}

/// The item below a comment, with nothing but comments and docs in between.
fn item_below(tree: &File, at: usize, text: &str) -> Option<Span> {
    let comment = tree.comments.get(at)?;
    let item = tree.items.iter().find(|item| item.span.start > comment.span.start)?;
    let is_inside = tree.items.iter().any(|own| own.span.start < comment.span.start && comment.span.end < own.span.end);
    let between = text.get(comment.span.end as usize..item.span.start as usize)?;
    let only_comments = between.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with("//"));
    (comment.own_line && !is_inside && only_comments).then_some(item.span)
}

/// Why a name cannot be allowed.
enum Unknown {
    /// It is that of an error.
    Error(&'static Code),
    /// No lint has it; the one that is meant, if one is near.
    Nothing(Option<&'static str>),
}

impl Unknown {
    fn told(self, at: Location, name: &str) -> Diagnostic {
        match self {
            Self::Error(code) => {
                let text = format!("`{name}` is an error, and not a warning: {}", code.summary);
                Diagnostic::new(&codes::E0207, at, text).help("mend it; only warnings can be allowed")
            }
            Self::Nothing(Some(near)) => {
                let told = Diagnostic::new(&codes::E0207, at, format!("there is no warning `{name}`"));
                told.suggest(Suggestion::certain(format!("write `{near}`"), at, near))
            }
            Self::Nothing(None) => Diagnostic::new(&codes::E0207, at, format!("there is no warning `{name}`"))
                .help(format!("the warnings are {}", list(&warnings().map(|code| code.slug).collect::<Vec<_>>()))),
        }
    }
}

fn warnings() -> impl Iterator<Item = &'static Code> {
    CODES.iter().copied().filter(|code| code.severity == Severity::Warning && code.id != codes::W0406.id)
}

/// The warning of a name or a number.
fn find(name: &str) -> Result<&'static Code, Unknown> {
    let is_named = |code: &&Code| code.slug == name || code.id.eq_ignore_ascii_case(name);
    if let Some(code) = warnings().find(is_named) {
        return Ok(code);
    }
    match CODES.iter().copied().find(|code| is_named(code)) {
        Some(code) if code.severity == Severity::Error => Err(Unknown::Error(code)),
        _ => Err(Unknown::Nothing(closest(name, warnings().map(|code| code.slug)))),
    }
}

/// The warning that `lints` in the settings names, or what is wrong with the name, under `code`.
pub(crate) fn lint(name: &str, at: Location, code: &'static Code) -> Result<&'static Code, Diagnostic> {
    find(name).map_err(|unknown| Diagnostic { code, ..unknown.told(at, name) })
}

fn malformed(at: Location, rest: &str) -> Diagnostic {
    let text = if rest.trim() == "allow" {
        "it is not said which warning is allowed".to_owned()
    } else {
        format!("`{SIGN}{rest}` is not understood")
    };
    Diagnostic::new(&codes::E0207, at, text)
        .help("write `// nsfc: allow unused`, with the name of a warning, above an item")
}

fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// Behind the line end that follows.
fn line_end(at: u32, text: &str) -> u32 {
    let rest = text.get(at as usize..).unwrap_or_default();
    rest.find('\n').map_or(text.len() as u32, |newline| at + newline as u32 + 1)
}
