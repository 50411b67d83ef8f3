//! Keys and inputs that are the fields of their names, written out.

use gen_lsp_types::{CodeAction, CodeActionKind};
use nsf_diagnostics::Span;
use nsf_syntax::ast::{ExpandTarget, StepKind};

use super::Refactor;

impl Refactor<'_, '_> {
    pub(super) fn bindings(&self) -> Option<CodeAction> {
        let (name, written) = match &self.step()?.kind {
            StepKind::Call(call) => (call.name.span, call.arguments.as_ref()),
            StepKind::Save(save) => (save.state.span, save.keys.as_ref()),
            StepKind::Expand(expand) => match &expand.target {
                ExpandTarget::Dimension(name, keys) => (name.span, keys.as_ref()),
                ExpandTarget::Connector(_) => return None,
            },
            _ => return None,
        };
        let at = self.at(name);
        let implied = self.known.analysis.index.implied().iter().filter(|own| own.at == at && own.value.is_some());
        let text = |at| self.known.analysis.sources.text(at);
        // A field that steps have renamed keeps the name that it is bound by, which is the label's.
        let names: Vec<String> = implied.map(|own| format!("{0}: {0}", text(own.label))).collect();
        if names.is_empty() {
            return None;
        }
        let edit = match written.and_then(|written| written.last()) {
            None if written.is_some() => {
                // Brackets with nothing in them.
                let open = self.text().get(name.end as usize..)?.find('(')? as u32 + name.end + 1;
                self.edit(Span::at(open), names.join(", "))
            }
            None => self.edit(Span::at(name.end), format!("({})", names.join(", "))),
            Some(last) => {
                let end = last.value.as_ref().map_or(last.name.span.end, |value| value.span.end);
                self.edit(Span::at(end), format!(", {}", names.join(", ")))
            }
        };
        self.action("write the bindings out".to_owned(), CodeActionKind::RefactorRewrite, vec![edit])
    }
}
