//! Steps of a flow.

use gen_lsp_types::CompletionItemKind;
use nsf_plan::connector::Role;
use nsf_syntax::ast::{FunctionKind, ItemKind, SettingsKeyword};

use super::Completion;
use super::candidate::{Candidate, Rank};
use super::settings::connectors;

/// Each step: its keyword, what it does, and a form to fill in.
const STEPS: [(&str, &str, &str); 10] = [
    ("verify", "checks the record", "verify $0"),
    ("load", "reads the row under the record's key", "load $0"),
    ("calculate", "makes fields", "calculate { $0 }"),
    ("save", "changes a state", "save ${1:state} { $0 }"),
    ("expand", "writes a dimension or sends a message", "expand $0"),
    ("when", "steps on a condition", "when ${1:condition} {\n  $0\n}"),
    ("each", "steps for each element of a list", "each ${1:element} in ${2:list} {\n  $0\n}"),
    ("stop", "ends the record here; what it saved and sent stands", "stop when $0"),
    ("jump", "goes on at a label below", "jump ${1:label} when $0"),
    ("repartition", "cuts the flow: below, records go by another key", "repartition by $0"),
];

const CHECKS: [(&str, &str, &str); 4] = [
    ("require", "rejects the record unless this holds", "require ${1:condition} else reject \"${2:why}\""),
    ("drop", "leaves the record where this holds, and counts it", "drop when ${1:condition} \"${2:why}\""),
    ("reject", "rejects the record where this holds", "reject when ${1:condition} \"${2:why}\""),
    ("unique", "drops what came before", "unique ${1:field} within ${2:1d}"),
];

/// What a step or check does, by its keyword.
pub(super) fn docs(word: &str) -> Option<&'static str> {
    STEPS.iter().chain(&CHECKS).find(|(own, ..)| *own == word).map(|(_, docs, _)| *docs)
}

impl Completion<'_, '_> {
    pub(super) fn step(&self) -> Vec<Candidate> {
        let context = self.context;
        if context.begins() {
            return self.step_words();
        }
        let mut start = context.statement();
        if context.at(start + 1) == ":" {
            start += 2;
        }
        let Some(count) = context.tokens.len().checked_sub(start).filter(|count| *count > 0) else {
            return self.step_words();
        };
        let before = context.before(0);
        match context.at(start) {
            "verify" if count == 1 => self.step_functions(FunctionKind::Verify),
            "calculate" if count == 1 => self.step_functions(FunctionKind::Calculate),
            "load" if count == 1 => {
                let mut found = self.settings_items(&[SettingsKeyword::State, SettingsKeyword::Table]);
                found.extend(self.dimensions());
                found.extend(self.step_functions(FunctionKind::Load));
                found
            }
            "load" if before == "else" => vec![
                Candidate::word("reject", "a missing row rejects the record").snippet("reject \"${1:why}\""),
                Candidate::word("drop", "a missing row drops the record"),
            ],
            "load" if context.follows_operand() => vec![
                Candidate::word("else", "what becomes of the record where the row is missing"),
                Candidate::word("as", "another name for the row"),
            ],
            "save" if count == 1 => {
                let mut found = self.settings_items(&[SettingsKeyword::State]);
                found.extend(self.step_functions(FunctionKind::Save));
                found
            }
            "expand" if count == 1 => self.expanded(),
            "expand" if matches!(before, "delete" | "reset") => self.dimensions(),
            "stop" if count == 1 => vec![Candidate::word("when", "on a condition")],
            "jump" if count == 1 => self.labels(),
            "jump" if count == 2 => vec![Candidate::word("when", "on a condition")],
            "each" if count == 2 => vec![Candidate::word("in", "the list")],
            "each" if count < 2 => Vec::new(),
            "repartition" if count == 1 => vec![Candidate::word("by", "the new key")],
            "repartition" => self.fields_in_scope(),
            "when" if before == "}" => {
                let mut found = vec![Candidate::word("else", "steps where the condition does not hold")];
                found.extend(self.step_words());
                found
            }
            "when" if before == "else" => vec![Candidate::word("when", "on another condition")],
            "when" | "each" | "stop" | "jump" => self.expression(),
            _ => self.step_words(),
        }
    }

    fn step_words(&self) -> Vec<Candidate> {
        let is_expand = self.context.keyword() == "expand";
        STEPS
            .iter()
            .filter(|(word, ..)| !is_expand || matches!(*word, "expand" | "when" | "each"))
            .map(|(word, detail, form)| {
                Candidate::new(*word, CompletionItemKind::Keyword, Rank::Due).detail(*detail).snippet(*form)
            })
            .collect()
    }

    pub(super) fn check(&self) -> Vec<Candidate> {
        let context = self.context;
        let first = context.at(context.statement());
        let count = context.tokens.len() - context.statement().min(context.tokens.len());
        if context.begins() || count == 0 {
            let check = |(word, detail, form): &(&str, &str, &str)| {
                Candidate::new(*word, CompletionItemKind::Keyword, Rank::Due).detail(*detail).snippet(*form)
            };
            return CHECKS.iter().map(check).collect();
        }
        let follows = context.follows_operand();
        match first {
            "drop" | "reject" if count == 1 => vec![Candidate::word("when", "on a condition")],
            "require" if context.before(0) == "else" => {
                vec![Candidate::word("reject", "says why").snippet("reject \"${1:why}\"")]
            }
            "require" if follows => {
                let mut found = vec![Candidate::word("else", "says why").snippet("else reject \"${1:why}\"")];
                found.extend(self.expression());
                found
            }
            "unique" if follows => vec![Candidate::word("within", "for how long: `within 2d`")],
            "unique" if context.before(0) == "within" => Vec::new(),
            _ => self.expression(),
        }
    }

    /// The functions that a step may call.
    fn step_functions(&self, kind: FunctionKind) -> Vec<Candidate> {
        let is_due = |own: &ItemKind| matches!(own, ItemKind::StepFunction(function) if function.kind == kind);
        let mut found = self.named(CompletionItemKind::Function, Rank::Due, is_due);
        // Those of which all inputs are there come first.
        for own in &mut found {
            let function = self.known.item(&own.label).map(|named| &named.item.kind);
            if let Some(ItemKind::StepFunction(function)) = function
                && own.rank == Rank::Due
                && !function.inputs.iter().all(|input| self.is_in_scope(&input.name.text))
            {
                own.rank = Rank::Near;
            }
        }
        found
    }

    fn expanded(&self) -> Vec<Candidate> {
        let mut found = self.dimensions();
        let keys = |own: &Candidate| {
            let target = self.known.row_named(&own.label)?;
            Some(self.known.row(target).iter().filter(|own| own.is_key).all(|key| self.is_in_scope(&key.name)))
        };
        for own in &mut found {
            if own.rank == Rank::Due && keys(own) == Some(false) {
                own.rank = Rank::Near;
            }
        }
        found.extend(self.step_functions(FunctionKind::Expand));
        found.extend(connectors(Role::Values).into_iter().map(|mut own| {
            own.rank = Rank::Near;
            own
        }));
        found.push(Candidate::word("delete", "clears a row of a dimension"));
        found.push(Candidate::word("reset", "clears fields of a row of a dimension"));
        found
    }

    /// The labels below, in the outermost block.
    fn labels(&self) -> Vec<Candidate> {
        let rest = self.context.text.get(self.context.word.end as usize..).unwrap_or_default();
        let rest = rest.split("\n}").next().unwrap_or_default();
        let label = |line: &str| {
            let (name, _) = line.strip_prefix("  ")?.split_once(':')?;
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            is_name.then(|| Candidate::new(name, CompletionItemKind::Reference, Rank::Due).detail("label"))
        };
        rest.lines().filter_map(label).collect()
    }

    /// The arms of a mapping.
    pub(super) fn mapping_arm(&self) -> Vec<Candidate> {
        match self.context.before(0) {
            "else" => vec![
                Candidate::word("keep", "any other value stays"),
                Candidate::word("reject", "any other value rejects the record"),
            ],
            "=>" | "|" => Vec::new(),
            _ => vec![Candidate::word("else", "what becomes of any other value")],
        }
    }
}
