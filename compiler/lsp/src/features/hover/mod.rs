//! Hover: what is under the cursor, in its declaration, its type there, and words.

mod literals;
mod steps;
mod symbols;
mod words;

pub(crate) use steps::blocks_of;

use gen_lsp_types as lsp;
use nsf_diagnostics::Span;
use nsf_syntax::{Token, TokenKind, tokens};

use crate::known::Known;
use crate::markup;
use crate::view::Place;

/// What is said of the place under the cursor.
pub(crate) fn hover(place: &Place<'_>, params: &lsp::HoverParams) -> Option<lsp::Hover> {
    let offset = place.view.offset(params.text_document_position_params.position);
    let hover = Hovered { place, known: Known { analysis: place.analysis, file: place.file } };
    let (span, words) = hover.at(offset)?;
    let content = markup::content(&words, place.view.client.markdown_hover);
    Some(lsp::Hover { contents: lsp::Contents::MarkupContent(content), range: Some(place.view.range(span)) })
}

struct Hovered<'p, 's> {
    place: &'p Place<'s>,
    known: Known<'s>,
}

impl Hovered<'_, '_> {
    fn at(&self, offset: u32) -> Option<(Span, String)> {
        if let Some(found) = self.symbol(offset) {
            return Some(found);
        }
        let text: &str = self.place.view.text();
        let all = self.tokens_around(offset);
        // Of two tokens that meet, the word is meant.
        let touched = all.iter().enumerate().filter(|(_, token)| token.span.touches(offset));
        let (index, token) = touched.max_by_key(|(_, token)| token.kind == TokenKind::Word)?;
        let words = match token.kind {
            TokenKind::Word => self.step(token.span).or_else(|| words::of(text, &all, index, self.place)),
            TokenKind::Number | TokenKind::Moment => literals::of(token.text(text), self.known),
            TokenKind::FieldNumber => self.field_number(token.span),
            TokenKind::Text => words::of_text(text, &all, index, self.place),
            _ => None,
        };
        Some((token.span, words?))
    }

    /// The tokens of the item around an offset.
    fn tokens_around(&self, offset: u32) -> Vec<Token> {
        let text: &str = self.place.view.text();
        let items = &self.place.view.tree().items;
        let next = items.partition_point(|item| item.span.start <= offset);
        let start = next.checked_sub(1).and_then(|index| items.get(index)).map_or(0, |item| item.span.start);
        let end = items.get(next).map_or(text.len() as u32, |item| item.span.start);
        let mut all = tokens(Span::new(start, end).text(text));
        all.iter_mut().for_each(|token| token.span = Span::new(token.span.start + start, token.span.end + start));
        all
    }
}

/// Some code in its fence, then words.
fn code_and(code: &str, rest: &[String]) -> String {
    let mut text = format!("```nsf\n{code}\n```");
    for part in rest.iter().filter(|part| !part.is_empty()) {
        text.push_str("\n\n");
        text.push_str(part);
    }
    text
}
