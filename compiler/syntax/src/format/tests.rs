//! `test` items.

use super::doc::{Doc, sequence};
use super::table::Style;
use super::writer::{Inside, Made, Mismatch, RowForms, Writer};
use crate::ast::{Expr, Test, TestClause, TestClauseKind};

impl Writer<'_> {
    /// `test "…" { clauses }`.
    pub fn test(&mut self, item: &Test) -> Result<RowForms, Mismatch> {
        let head = sequence![self.word("test")?, Doc::space(), self.atom(item.title.span)?];
        let block = self.braces(Style::PLAIN, false, &item.clauses, |writer, clause| {
            let doc = writer.clause(clause)?;
            Ok(RowForms::cells("clause", vec![Some(doc)]))
        })?;
        Ok(RowForms::block("test", &[], Some(head), block))
    }

    fn clause(&mut self, clause: &TestClause) -> Made {
        match &clause.kind {
            TestClauseKind::Error => self.atom(clause.span),
            TestClauseKind::With(name, rows) | TestClauseKind::Given(name, rows) => {
                let word = self.token()?;
                let name = self.name(name)?;
                Ok(sequence![word, Doc::space(), name, Doc::space(), self.given_rows(rows)?])
            }
            TestClauseKind::Expect(condition) => {
                Ok(sequence![self.word("expect")?, Doc::space(), self.expression(condition)?])
            }
            TestClauseKind::ExpectCount { rejected, source, count, reason } => {
                let word = if *rejected { "rejected" } else { "dropped" };
                let mut parts = vec![self.words(&["expect", word])?];
                if let Some(source) = source {
                    parts.extend([Doc::space(), self.name(source)?]);
                }
                if let Some(count) = count {
                    parts.extend([Doc::space(), self.expression(count)?]);
                }
                if let Some(reason) = reason {
                    parts.extend([Doc::space(), self.atom(reason.span)?]);
                }
                Ok(Doc::sequence(parts))
            }
            TestClauseKind::ExpectPublished(target, rows) => {
                let words = self.words(&["expect", "published"])?;
                let target = self.expression(target)?;
                Ok(sequence![words, Doc::space(), target, Doc::space(), self.given_rows(rows)?])
            }
            TestClauseKind::ExpectSame(laws) => {
                let words = self.words(&["expect", "same", "under"])?;
                Ok(sequence![words, Doc::space(), self.bare_list(laws, Self::name)?])
            }
        }
    }

    /// `[ {…}, … ]`, or one record alone.
    fn given_rows(&mut self, rows: &[Expr]) -> Made {
        match rows {
            [row] if self.peek() != "[" => self.expression(row),
            _ => self.bracketed(("[", "]"), Inside::SpacedOrOpen, rows, Self::expression),
        }
    }
}
