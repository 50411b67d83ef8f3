//! Values: names in scope, members, functions.

use gen_lsp_types::CompletionItemKind;
use nsf_analysis::LIBRARY;
use nsf_analysis::index::{ScopeName, ScopeValue};
use nsf_analysis::types::{Bindings, Signature, SignatureType, relation};
use nsf_plan::Type;
use nsf_plan::connector::descriptor;
use nsf_syntax::ast::ItemKind;

use super::Completion;
use super::candidate::{Candidate, Rank};
use super::frames::Kind;
use crate::infer::{Found, Infer};
use crate::known::Named;
use crate::{known, signature};

impl Completion<'_, '_> {
    /// A value, or what may follow one.
    pub(super) fn expression(&self) -> Vec<Candidate> {
        if self.context.follows_operand() {
            return self.operators();
        }
        let expected = self.expected();
        let mut found: Vec<Candidate> =
            self.scope.iter().map(|own| self.scope_name(own, rank_of(own, expected.as_ref()))).collect();
        found.extend(self.constants(expected.as_ref()));
        found.extend(self.functions(expected.as_ref()));
        let is_bool = expected.as_ref().is_some_and(|ty| *ty == Type::Bool);
        let words = [
            ("if", "one of two values", "if ${1:condition} then ${2:value} else $0"),
            ("match", "one of several values", "match ${1:value} {\n  $0,\n  else => ${2:other},\n}"),
            ("not", "the contrary", "not $0"),
            ("true", "", "true"),
            ("false", "", "false"),
            ("null", "no value", "null"),
        ];
        found.extend(words.into_iter().map(|(word, detail, form)| {
            let is_due = is_bool && matches!(word, "not" | "true" | "false");
            let rank = if is_due { Rank::Other } else { Rank::Word };
            Candidate::new(word, CompletionItemKind::Keyword, rank).detail(detail).snippet(form)
        }));
        found
    }

    /// The words that may stand between two values.
    fn operators(&self) -> Vec<Candidate> {
        let context = self.context;
        let words = (context.statement()..context.tokens.len()).map(|index| context.at(index));
        let mut depth = (0_usize, 0_usize);
        for word in words {
            match word {
                "if" => depth.0 += 1,
                "then" => depth.1 += 1,
                "else" => depth = (depth.0.saturating_sub(1), depth.1.saturating_sub(1)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        if depth.0 > depth.1 {
            found.push(Candidate::word("then", "the value where it holds"));
        } else if depth.1 > 0 {
            found.push(Candidate::word("else", "the value where it does not hold"));
        }
        let words = [
            ("and", "both hold"),
            ("or", "one holds"),
            ("in", "is among"),
            ("not in", "is not among"),
            ("catch", "another value where it fails"),
        ];
        found.extend(words.map(|(word, detail)| Candidate::word(word, detail)));
        found
    }

    pub(super) fn scope_name(&self, own: &ScopeName, rank: Rank) -> Candidate {
        let kind = match (&own.value, own.local) {
            (ScopeValue::Row(..), _) => CompletionItemKind::Class,
            (_, true) => CompletionItemKind::Variable,
            _ => CompletionItemKind::Field,
        };
        let docs = own.symbol.map(|at| self.known.docs(at)).unwrap_or_default();
        Candidate::new(own.name.as_str(), kind, rank).detail(known::detail(own, self.known)).docs(docs)
    }

    pub(super) fn is_in_scope(&self, name: &str) -> bool {
        self.scope.iter().any(|own| own.name == name && matches!(own.value, ScopeValue::Value(_)))
    }

    /// The fields of the record.
    pub(super) fn fields_in_scope(&self) -> Vec<Candidate> {
        let fields = self.scope.iter().filter(|own| !own.local && matches!(own.value, ScopeValue::Value(_)));
        fields.map(|own| self.scope_name(own, Rank::Due)).collect()
    }

    fn constants(&self, expected: Option<&Type>) -> Vec<Candidate> {
        let constant = |own: Named<'_>| {
            let ItemKind::Const(constant) = &own.item.kind else { return None };
            let there = Infer { known: self.known.from(own.file), scope: &[] };
            let ty = there.constant(constant).and_then(Found::ty);
            let rank = if ty.is_some() && ty.as_ref() == expected { Rank::Fit } else { Rank::Other };
            Some(self.candidate_of(&own, rank))
        };
        self.items(|kind| matches!(kind, ItemKind::Const(_))).into_iter().filter_map(constant).collect()
    }

    /// The functions that may be called, those of the type that is due first.
    pub(super) fn functions(&self, expected: Option<&Type>) -> Vec<Candidate> {
        let fits = |ty: Option<Type>| ty.is_some_and(|ty| expected.is_some_and(|due| may_stand(&ty, due)));
        let mut found = Vec::new();
        for own in self.items(|kind| matches!(kind, ItemKind::Function(_) | ItemKind::Mapping(_))) {
            let there = self.known.from(own.file);
            let result = match &own.item.kind {
                ItemKind::Function(function) => there.ty(&function.result),
                ItemKind::Mapping(mapping) => there.ty(&mapping.to),
                _ => continue,
            };
            let rank = if fits(result) { Rank::Fit } else { Rank::Other };
            found.push(self.candidate_of(&own, rank).snippet(format!("{}($0)", own.name.text)));
        }
        found.extend(LIBRARY.functions.iter().filter_map(|(name, forms)| {
            let is_due = |form: &&Signature| fits(form.result.resolve(&Bindings::default()));
            let due = forms.iter().find(is_due);
            let rank = if due.is_some() { Rank::Fit } else { Rank::Far };
            let form = due.or_else(|| forms.first())?;
            Some(builtin(name, form, forms.len(), rank).snippet(format!("{name}($0)")))
        }));
        let in_order = |own: &Candidate| (own.kind == CompletionItemKind::Function, own.label.clone());
        found.sort_by_key(in_order);
        found
    }

    /// What may stand behind a dot: members, then functions that take the value first.
    pub(super) fn members(&self) -> Vec<Candidate> {
        let context = self.context;
        let Some(end) = context.tokens.len().checked_sub(2) else { return Vec::new() };
        if let Some(found) = self.names_of_alias(context.at(end)) {
            return found;
        }
        let Some(object) = context.operand_before(end).and_then(|text| self.infer().text(text)) else {
            return Vec::new();
        };
        let mut found: Vec<Candidate> = match &object {
            Found::Row(target) => {
                let fields = self.known.read(*target);
                let mut found: Vec<Candidate> = fields.iter().map(|own| self.row_field(own, *target)).collect();
                found.push(
                    Candidate::new("exists", CompletionItemKind::Property, Rank::Near)
                        .detail("bool, whether the row is there"),
                );
                found
            }
            Found::Value(_) => {
                let members = self.infer().members(&object).into_iter();
                members
                    .map(|(name, ty)| Candidate::new(name, CompletionItemKind::Field, Rank::Due).detail(ty.to_string()))
                    .collect()
            }
        };
        if let Found::Value(ty) = &object {
            found.extend(self.methods(ty));
        }
        found
    }

    /// The functions whose first parameter takes a value.
    fn methods(&self, ty: &Type) -> Vec<Candidate> {
        let mut found = Vec::new();
        for own in self.items(|kind| matches!(kind, ItemKind::Function(_))) {
            let ItemKind::Function(function) = &own.item.kind else { continue };
            let there = self.known.from(own.file);
            let first = function.parameters.first().and_then(|own| there.ty(&own.ty));
            if first.as_ref().is_some_and(|first| may_stand(ty, first)) {
                found.push(self.candidate_of(&own, Rank::Fit).snippet(format!("{}($0)", own.name.text)));
            }
        }
        let mut library: Vec<Candidate> = LIBRARY
            .functions
            .iter()
            .filter_map(|(name, forms)| {
                let takes = |form: &&Signature| {
                    let mut bindings = Bindings::default();
                    let first = form.parameters.first();
                    first.is_some_and(|own| own.ty.bind(ty.non_null(), &mut bindings, false))
                        && form.classes_hold(&bindings)
                };
                let form = forms.iter().find(takes)?;
                // What takes anything says little of this value.
                let takes_all = matches!(form.parameters.first()?.ty, SignatureType::Variable(_));
                let rank = if takes_all { Rank::Far } else { Rank::Other };
                let rest = if form.parameters.len() == 1 { "()$0" } else { "($0)" };
                Some(builtin(name, form, 1, rank).snippet(format!("{name}{rest}")))
            })
            .collect();
        library.sort_by_key(|own| own.label.clone());
        library.iter_mut().for_each(|own| own.kind = CompletionItemKind::Method);
        found.extend(library);
        found
    }

    /// The items of a module by its other name; none where the name is none.
    fn names_of_alias(&self, name: &str) -> Option<Vec<Candidate>> {
        let here = self.known.analysis.files.get(self.known.file.0 as usize)?;
        let module = here.parse.file.items.iter().find_map(|item| match &item.kind {
            ItemKind::Use(usage) if usage.alias.as_ref().is_some_and(|alias| alias.text == name) => {
                Some(usage.module())
            }
            _ => None,
        })?;
        let items = self.known.items_of(*self.known.analysis.modules.get(&module)?);
        let own = items.map(|own| {
            let mut candidate = self.candidate_of(&own, Rank::Due).import(None);
            candidate.rank = Rank::Due;
            candidate
        });
        Some(own.collect())
    }

    /// An argument of a call.
    pub(super) fn argument(&self) -> Vec<Candidate> {
        let context = self.context;
        let name = context.at(context.frame().open.saturating_sub(1));
        let begins = matches!(context.before(0), "(" | ",");
        let Some(connector) = descriptor(name).filter(|_| begins) else { return self.expression() };
        if context.before(0) == "(" {
            return Vec::new();
        }
        let is_sent_to = context.outer().kind == Kind::Steps;
        let mut found = Vec::new();
        if connector.keyed && is_sent_to {
            found.push(
                Candidate::new("key", CompletionItemKind::Property, Rank::Due)
                    .detail("the message's key")
                    .snippet("key: $0"),
            );
        }
        found.push(
            Candidate::new("cluster", CompletionItemKind::Property, Rank::Near)
                .detail("which of several connections of the kind")
                .snippet("cluster: \"$0\""),
        );
        found.retain(|own| !self.is_in_list(&own.label));
        found
    }

    /// An arm of a `match`.
    pub(super) fn arm(&self) -> Vec<Candidate> {
        let context = self.context;
        if !matches!(context.before(0), "{" | ",") {
            return self.expression();
        }
        let is_written = |word: &str| self.is_in_list(word);
        let open = context.frame().open;
        let word = (0..open).rev().find(|index| context.at(*index) == "match");
        let places =
            word.and_then(|word| Some((context.tokens.get(word)?.span.end, context.tokens.get(open)?.span.start)));
        let value = places.and_then(|(start, end)| context.text.get(start as usize..end as usize));
        let value = value.and_then(|text| self.infer().text(text));
        let mut found = Vec::new();
        if let Some(Found::Value(ty)) = value
            && *ty.non_null() == Type::Bool
        {
            for word in ["true", "false"] {
                found.push(Candidate::new(word, CompletionItemKind::Value, Rank::Due).snippet(format!("{word} => $0")));
            }
        }
        found.push(
            Candidate::new("else", CompletionItemKind::Keyword, Rank::Near)
                .detail("any other value")
                .snippet("else => $0"),
        );
        found.retain(|own| !is_written(&own.label));
        found
    }
}

fn builtin(name: &str, form: &Signature, forms: usize, rank: Rank) -> Candidate {
    let more = if forms > 1 { format!(", {} more", forms - 1) } else { String::new() };
    Candidate::new(name, CompletionItemKind::Function, rank)
        .detail(format!("{}{more}", signature::builtin(form)))
        .docs(&form.docs)
}

fn rank_of(own: &ScopeName, expected: Option<&Type>) -> Rank {
    match (&own.value, expected) {
        (ScopeValue::Value(ty), Some(due)) if may_stand(ty, due) => Rank::Due,
        (_, None) => Rank::Due,
        _ => Rank::Near,
    }
}

/// Whether a value of a type may stand where another is due; null is dealt with by whoever writes.
fn may_stand(ty: &Type, due: &Type) -> bool {
    let (ty, due) = (ty.non_null(), due.non_null());
    ty == due || relation::widens(ty, due)
}
