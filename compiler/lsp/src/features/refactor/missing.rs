//! What is missing: a field that an `expand` names, a test for a flow.

use gen_lsp_types::{CodeAction, CodeActionKind};
use nsf_diagnostics::Span;
use nsf_plan::{DimensionId, HandleTarget, SourceId, Type};
use nsf_syntax::ast::{ExpandTarget, ItemKind, RecordEntry, StepKind, TestClauseKind};

use super::{Refactor, arms};
use crate::infer::{Found, Infer};

impl Refactor<'_, '_> {
    /// A field that an `expand` writes and the dimension does not have.
    pub(super) fn missing_field(&self) -> Option<CodeAction> {
        let step = self.step()?;
        let StepKind::Expand(expand) = &step.kind else { return None };
        let ExpandTarget::Dimension(name, _) = &expand.target else { return None };
        let Some(HandleTarget::Dimension(id)) = self.known.row_named(&name.text) else { return None };
        let row = self.known.row(HandleTarget::Dimension(id));
        let (field, value) = expand.entries.iter().flatten().find_map(|entry| match entry {
            RecordEntry::Field { name, value, quoted: false } => {
                let is_asked = name.span.start <= self.asked.end && self.asked.start <= name.span.end;
                let is_known = row.iter().any(|own| own.name == *name.text);
                (is_asked && !is_known).then_some((name, value.as_ref()))
            }
            _ => None,
        })?;
        let infer = Infer { known: self.known, scope: self.known.scope(step.span.start, field.span.start) };
        let ty = match value {
            Some(value) => infer.expr(value),
            None => infer.text(&field.text),
        };
        let ty = ty.and_then(Found::ty)?;
        let (span, file) = self.fields_end(&name.text)?;
        let number = self.next_number(id);
        let declared = format!("  {}: {ty} #{number} \"{}\" derived\n", field.text, field.text);
        let edit = nsf_diagnostics::TextEdit { location: span.in_file(file), replacement: declared };
        self.action(
            format!("add the field `{}` to `{}`, as #{number}", field.text, name.text),
            CodeActionKind::QuickFix,
            vec![edit],
        )
    }

    /// Where the braces of a dimension's fields close.
    fn fields_end(&self, dimension: &str) -> Option<(Span, nsf_diagnostics::FileId)> {
        self.known.analysis.files.iter().enumerate().find_map(|(index, parsed)| {
            let file = nsf_diagnostics::FileId(index as u32);
            let mut items = parsed.parse.file.items.iter();
            let item =
                items.find(|item| matches!(&item.kind, ItemKind::Fields(own) if own.dimension.text == dimension))?;
            let whole = item.span.text(&parsed.text);
            // Braces on one line are left as they are.
            whole.contains('\n').then(|| (Span::at(item.span.end - 1), file))
        })
    }

    /// A number that no field of a dimension has, nor had, as far as the program and the lock say.
    fn next_number(&self, id: DimensionId) -> u64 {
        let Some(own) = self.known.analysis.dag.dimension(id) else { return 100_001 };
        let written = own.fields.iter().filter_map(|field| field.number).map(u64::from);
        let numbered = own.part.value.fields.iter().map(|field| field.id % 1_000_000);
        written.chain(numbered).max().filter(|number| *number >= 100_000).map_or(100_001, |number| number + 1)
    }

    /// A test for a flow that none feeds.
    pub(super) fn missing_test(&self) -> Option<CodeAction> {
        let item = self.item()?;
        let ItemKind::Flow(flow) = &item.kind else { return None };
        if !(flow.name.span.start <= self.asked.end && self.asked.start <= flow.name.span.end) {
            return None;
        }
        let source = flow.from.first().filter(|_| flow.expired.is_none())?;
        let at = self.known.item(&source.text)?.location();
        let dag = &self.known.analysis.dag;
        let found =
            (0..dag.index.sources.len() as u32).filter_map(|id| dag.source(SourceId(id))).find(|own| own.name == at)?;
        let is_given =
            |kind: &TestClauseKind| matches!(kind, TestClauseKind::Given(name, _) if name.text == source.text);
        let files = self.known.analysis.files.iter().flat_map(|parsed| &parsed.parse.file.items);
        let is_tested = files.into_iter().any(|item| match &item.kind {
            ItemKind::Test(test) => test.clauses.iter().any(|clause| is_given(&clause.kind)),
            _ => false,
        });
        if is_tested {
            return None;
        }
        let fields = found.value.encoding.fields.iter().filter(|own| !own.ty.is_nullable() && own.default.is_none());
        let fields: Vec<String> = fields
            .filter(|own| !own.path.first().is_some_and(|own| own.starts_with('$')))
            .map(|own| format!("{}: {}", own.name, value(&own.ty)))
            .collect();
        let test = format!(
            "\n\ntest \"{}\" {{\n  given {} [\n    {{ {} }},\n  ]\n  expect rejected {} 0\n}}",
            flow.name.text,
            source.text,
            fields.join(", "),
            source.text
        );
        let edit = self.edit(Span::at(item.span.end), test);
        self.action(format!("add a test of `{}`", flow.name.text), CodeActionKind::RefactorRewrite, vec![edit])
    }
}

/// A value of a type, as a record of a test has it.
fn value(ty: &Type) -> String {
    match ty {
        Type::Integer(_) | Type::Decimal => "1".to_owned(),
        Type::Float32 | Type::Float64 => "1.5".to_owned(),
        Type::Text => "\"a\"".to_owned(),
        Type::Record(members) => {
            let members: Vec<String> = members.iter().map(|(name, ty)| format!("{name}: {}", value(ty))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Type::Map(..) => "{}".to_owned(),
        other => arms::zero(Some(other)).to_owned(),
    }
}
