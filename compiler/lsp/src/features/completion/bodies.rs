//! What stands in the brackets of steps.

use gen_lsp_types::CompletionItemKind;
use nsf_analysis::index::ScopeValue;
use nsf_plan::connector::descriptor;
use nsf_plan::{HandleTarget, Type};
use nsf_syntax::ast::{FunctionKind, ItemKind};

use super::Completion;
use super::candidate::{Candidate, Rank};
use super::frames::Kind;

impl Completion<'_, '_> {
    /// The first token of the step that the innermost bracket is of, its label left out.
    fn step_start(&self) -> usize {
        let start = self.context.outer().statement;
        if self.context.at(start + 1) == ":" { start + 2 } else { start }
    }

    /// The outputs that the head of the item at hand declares.
    fn declared_outputs(&self) -> Vec<(&str, &str)> {
        let context = self.context;
        let arrow = (0..context.tokens.len()).find(|index| context.at(*index) == "->");
        let Some(arrow) = arrow else { return Vec::new() };
        let inside = (arrow + 2..context.frame().open).take_while(|index| context.at(*index) != ")");
        let names = inside.filter(|index| context.at(index + 1) == ":");
        names.map(|index| (context.at(index), context.at(index + 2))).collect()
    }

    /// `calculate { … }`: what is made.
    pub(super) fn assignment(&self) -> Vec<Candidate> {
        let context = self.context;
        let before = context.before(0);
        if before == "let" {
            return Vec::new();
        }
        let has_begun = (context.statement()..context.tokens.len()).any(|index| context.at(index) == "=");
        if has_begun && !context.begins() {
            return self.expression();
        }
        let mut found = Vec::new();
        if matches!(context.keyword(), "calculate" | "load") {
            let written = |name: &str| {
                (context.frame().open..context.tokens.len())
                    .any(|index| context.at(index) == name && context.at(index + 1) == "=")
            };
            let outputs = self.declared_outputs().into_iter().filter(|(name, _)| !written(name));
            found.extend(outputs.map(|(name, ty)| {
                Candidate::new(name, CompletionItemKind::Field, Rank::Due)
                    .detail(format!("{ty}, output"))
                    .snippet(format!("{name} = $0"))
            }));
        }
        found.push(Candidate::word("let", "a name in this step alone").snippet("let ${1:name} = $0"));
        found.extend(self.fields_in_scope().into_iter().map(|own| {
            let form = format!("{} = $0", own.label);
            own.rank(Rank::Other).snippet(form)
        }));
        found
    }

    /// The state that the operations at hand change.
    pub(super) fn saved(&self) -> Option<HandleTarget> {
        let context = self.context;
        let name = if context.outer().kind == Kind::Head {
            let into = (0..context.frame().open).find(|index| context.at(*index) == "into")?;
            context.at(into + 1)
        } else {
            context.at(self.step_start() + 1)
        };
        self.known.row_named(name)
    }

    /// `save S { … }`.
    pub(super) fn operation(&self) -> Vec<Candidate> {
        let context = self.context;
        let Some(target) = self.saved() else { return Vec::new() };
        let fields = || self.known.row(target).into_iter().filter(|own| !own.is_key);
        let before = context.before(0);
        let has_begun = context.tokens.len() > context.statement();
        if matches!(before, "into" | "from") {
            let is_collection = |ty: &Type| matches!(ty.non_null(), Type::Set(_) | Type::Map(..) | Type::List(_));
            let own = fields().filter(|own| is_collection(&own.ty));
            return own.map(|own| self.row_field(&own, target)).collect();
        }
        if has_begun && !context.begins() && before != "," {
            if context.follows_operand() {
                return match context.at(context.statement()) {
                    "insert" => vec![Candidate::word("into", "the set or list")],
                    "remove" => vec![Candidate::word("from", "the set or map")],
                    _ => self.expression(),
                };
            }
            return self.expression();
        }
        let mut found: Vec<Candidate> = fields()
            .map(|own| {
                let operator = match own.ty.non_null() {
                    Type::Map(..) => format!("{}[$1] = $0", own.name),
                    Type::Set(_) => format!("insert $0 into {}", own.name),
                    Type::Integer(_) | Type::Decimal | Type::Float32 | Type::Float64 => format!("{} += $0", own.name),
                    _ => format!("{} = $0", own.name),
                };
                self.row_field(&own, target).snippet(operator)
            })
            .collect();
        found.push(Candidate::word("insert", "puts an element in").snippet("insert ${1:element} into $0"));
        found.push(Candidate::word("remove", "takes an element out").snippet("remove ${1:key} from $0"));
        found.push(Candidate::word("delete", "ends the value"));
        found
    }

    /// What the step at hand writes to: a dimension, or the fields that a source of the project reads from the topic.
    pub(super) fn expanded_fields(&self) -> Vec<(Candidate, Type)> {
        let context = self.context;
        let mut name = self.step_start() + 1;
        if matches!(context.at(name), "delete" | "reset") {
            name += 1;
        }
        let word = context.at(name);
        if descriptor(word).is_none() {
            let Some(target) = self.known.row_named(word) else { return Vec::new() };
            let fields = self.known.row(target).into_iter().filter(|own| !own.is_key);
            return fields.map(|own| (self.row_field(&own, target), own.ty)).collect();
        }
        let topic = context.at(name + 2).trim_matches('"');
        let dag = &self.known.analysis.dag;
        let sources = (0..dag.index.sources.len() as u32).filter_map(|id| dag.source(nsf_plan::SourceId(id)));
        let reads = sources.into_iter().find(|source| {
            let connector = dag.topic(source.value.from).map(|own| &own.value.connector);
            connector.is_some_and(|own| own.kind == word && own.name == topic)
        });
        let Some(source) = reads else { return Vec::new() };
        let fields =
            source.value.encoding.fields.iter().filter(|own| !own.path.first().is_some_and(|own| own.starts_with('$')));
        fields
            .map(|own| {
                let name = self.known.analysis.sources.text(source.name);
                let member = own.path.join(".");
                let candidate = Candidate::new(member, CompletionItemKind::Field, Rank::Due)
                    .detail(format!("{}, read by source {name}", own.ty));
                (candidate, own.ty.clone())
            })
            .collect()
    }

    /// `expand X { … }`.
    pub(super) fn entry(&self) -> Vec<Candidate> {
        let context = self.context;
        if context.tokens.len() > context.statement() {
            return if context.before(0) == "..." { self.records_in_scope() } else { self.expression() };
        }
        let is_written = |name: &str| self.is_in_list(name);
        let fields = self.expanded_fields();
        let is_open = fields.is_empty();
        let mut found: Vec<Candidate> = fields
            .into_iter()
            .filter(|(own, _)| !is_written(&own.label))
            .map(|(own, _)| {
                // The field of the same name is meant where only the name stands.
                if self.is_in_scope(&own.label) {
                    own
                } else {
                    let form = format!("{}: $0", own.label);
                    own.rank(Rank::Near).snippet(form)
                }
            })
            .collect();
        if is_open {
            found.extend(self.fields_in_scope().into_iter().filter(|own| !is_written(&own.label)));
        }
        found
    }

    fn records_in_scope(&self) -> Vec<Candidate> {
        let is_record = |own: &&nsf_analysis::index::ScopeName| matches!(&own.value, ScopeValue::Value(ty) if matches!(ty.non_null(), Type::Record(_)));
        self.scope.iter().filter(is_record).map(|own| self.scope_name(own, Rank::Due)).collect()
    }

    /// Whether a name stands in the bracket at hand already.
    pub(super) fn is_in_list(&self, name: &str) -> bool {
        let context = self.context;
        (context.frame().open + 1..context.tokens.len())
            .any(|index| context.at(index) == name && matches!(context.at(index - 1), "{" | "(" | ","))
    }

    /// The inputs or keys of what a step names.
    pub(super) fn inputs(&self) -> Vec<(String, Type, &'static str)> {
        let context = self.context;
        let name = context.at(context.frame().open.saturating_sub(1));
        let kind = match context.at(self.step_start()) {
            "verify" => FunctionKind::Verify,
            "load" => FunctionKind::Load,
            "calculate" => FunctionKind::Calculate,
            "save" => FunctionKind::Save,
            _ => FunctionKind::Expand,
        };
        if let Some(ItemKind::StepFunction(function)) = self.known.item(name).map(|own| &own.item.kind)
            && function.kind == kind
        {
            let inputs = function.inputs.iter();
            return inputs
                .map(|own| (own.name.text.to_string(), self.known.ty(&own.ty).unwrap_or(Type::Json), "input"))
                .collect();
        }
        let Some(target) = self.known.row_named(name) else { return Vec::new() };
        let keys = self.known.row(target).into_iter().filter(|own| own.is_key);
        keys.map(|own| (own.name, own.ty, "key")).collect()
    }

    /// `load S( … )`, `calculate f( … )`.
    pub(super) fn binding(&self) -> Vec<Candidate> {
        let context = self.context;
        if context.tokens.len() > context.statement() {
            return self.expression();
        }
        let name = context.at(context.frame().open.saturating_sub(1));
        let inputs = self.inputs().into_iter().filter(|(input, ..)| !self.is_in_list(input));
        inputs
            .map(|(input, ty, word)| {
                let candidate = Candidate::new(input.as_str(), CompletionItemKind::Property, Rank::Due)
                    .detail(format!("{ty}, {word} of {name}"));
                if self.is_in_scope(&input) { candidate } else { candidate.snippet(format!("{input}: $0")) }
            })
            .collect()
    }

    /// `-> ( … )`.
    pub(super) fn outputs(&self) -> Vec<Candidate> {
        let context = self.context;
        if context.tokens.len() > context.statement() {
            return Vec::new();
        }
        let name = context.at(self.step_start() + 1);
        let Some(ItemKind::StepFunction(function)) = self.known.item(name).map(|own| &own.item.kind) else {
            return Vec::new();
        };
        let outputs = function.outputs.iter().filter(|own| !self.is_in_list(&own.name.text));
        outputs
            .map(|own| {
                Candidate::new(own.name.text.as_str(), CompletionItemKind::Property, Rank::Due)
                    .detail(format!("{}, output of {name}", nsf_analysis::types::type_text(&own.ty)))
                    .snippet(format!("{}: $0", own.name.text))
            })
            .collect()
    }
}
