//! Mistakes that show in several tokens side by side: what other languages and other keyboards write where NSF has one sign.

use nsf_diagnostics::Span;

use super::lexical::{self, LexicalMistake, is_invisible, is_whole, plain_sign};
use super::source::{ends_operand, is_operator_word};
use crate::error::{Form, SyntaxErrorKind};
use crate::grammar::Rule;
use crate::token::{Token, TokenKind};

/// No mistake is looked for over more tokens than this, so that the time stays linear.
const FARTHEST: usize = 64;

/// A mistake and the tokens that it takes in.
pub(super) struct Run {
    pub(super) tokens: Vec<usize>,
    pub(super) mistake: LexicalMistake,
}

/// The tokens of a text, seen from one of them.
struct Here<'t> {
    text: &'t str,
    tokens: &'t [Token],
    at: usize,
    /// The bracket that is open here.
    inside: &'t str,
}

/// The mistake of several tokens that begins at one; `inside` is the bracket that is open there.
pub(super) fn at(text: &str, tokens: &[Token], at: usize, inside: &str) -> Option<Run> {
    let here = Here { text, tokens, at, inside };
    let found: Option<Run> = match here.kind(0)? {
        TokenKind::Number => [Here::thousands, Here::percent, Here::duration].iter().find_map(|find| find(&here)),
        TokenKind::Moment => here.moment(),
        TokenKind::Foreign => [Here::no_width, Here::blanks, Here::pair, Here::signs, Here::number_sign]
            .iter()
            .find_map(|find| find(&here)),
        TokenKind::Sign => [
            Here::fraction,
            Here::leading_dot,
            Here::marks,
            Here::turned,
            Here::increment,
            Here::dash_comment,
            Here::bars,
        ]
        .iter()
        .find_map(|find| find(&here)),
        TokenKind::Word => here.interval(),
        _ => None,
    };
    found
}

impl<'t> Here<'t> {
    fn token(&self, offset: usize) -> Option<Token> {
        self.tokens.get(self.at + offset).copied()
    }

    fn kind(&self, offset: usize) -> Option<TokenKind> {
        self.token(offset).map(|token| token.kind)
    }

    /// The token some places behind, as written; empty beyond the end.
    fn word(&self, offset: usize) -> &'t str {
        self.token(offset).map_or("", |token| token.text(self.text))
    }

    fn previous(&self) -> Option<Token> {
        self.at.checked_sub(1).and_then(|before| self.tokens.get(before)).copied()
    }

    /// What stands between a token and the one behind it.
    fn gap(&self, offset: usize) -> Option<&'t str> {
        Some(Span::new(self.token(offset)?.span.end, self.token(offset + 1)?.span.start).text(self.text))
    }

    fn touches(&self, offset: usize) -> bool {
        self.gap(offset) == Some("")
    }

    fn same_line(&self, offset: usize) -> bool {
        self.gap(offset).is_some_and(|gap| !gap.contains('\n'))
    }

    fn is_first_on_line(&self, index: usize) -> bool {
        let (Some(token), before) = (self.tokens.get(index), index.checked_sub(1).and_then(|at| self.tokens.get(at)))
        else {
            return false;
        };
        before.is_none_or(|before| Span::new(before.span.end, token.span.start).text(self.text).contains('\n'))
    }

    fn follows_value(&self) -> bool {
        self.previous().is_some_and(|previous| ends_operand(self.text, previous))
    }

    /// Whether the token before touches this one.
    fn is_joined(&self) -> bool {
        self.previous().is_some_and(|before| self.token(0).is_some_and(|own| before.span.end == own.span.start))
    }

    /// Whether a value can begin with a token.
    fn begins_value(&self, offset: usize) -> bool {
        let word = self.word(offset);
        match self.kind(offset) {
            Some(TokenKind::Word) => !matches!(word, "and" | "or" | "in" | "then" | "else" | "catch"),
            Some(TokenKind::Sign) => matches!(word, "(" | "[" | "{" | "-"),
            Some(TokenKind::Comment) | None => false,
            Some(_) => true,
        }
    }

    fn span(&self, count: usize) -> Option<Span> {
        Some(self.token(0)?.span.to(self.token(count.checked_sub(1)?)?.span))
    }

    /// A mistake of the next `count` tokens that is mended by what is `meant`, and read as that where there is room.
    fn run(&self, form: Form, count: usize, meant: &str, sure: bool) -> Option<Run> {
        let span = self.span(count)?;
        let kind = SyntaxErrorKind::OtherForm { form, edits: vec![(span, meant.to_owned())], sure };
        Some(self.of(count, lexical::instead(span, kind, meant)))
    }

    fn of(&self, count: usize, mistake: LexicalMistake) -> Run {
        Run { tokens: (self.at..self.at + count).collect(), mistake }
    }

    /// `1,000`: between values of a list a comma is one.
    fn thousands(&self) -> Option<Run> {
        let is_digits = |word: &str, least: usize| {
            (least..=3).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
        };
        if matches!(self.inside, "(" | "[") || !is_digits(self.word(0), 1) {
            return None;
        }
        let mut count = 1;
        while self.word(count) == "," && self.touches(count - 1) && self.touches(count) {
            let group = self.word(count + 1);
            let whole = group.split('.').next().unwrap_or("");
            if !is_digits(whole, 3) || (whole.len() < group.len() && !is_whole(Rule::numeral, group)) {
                break;
            }
            count += 2;
        }
        let span = self.span(count).filter(|_| count > 1)?;
        self.run(Form::Thousands, count, &span.text(self.text).replace(',', "_"), true)
    }

    /// `10 %` with no value behind it that it could divide by.
    fn percent(&self) -> Option<Run> {
        let divides = self.begins_value(2) && self.same_line(1);
        let number = self.word(0);
        let is_number = number.bytes().last().is_some_and(|last| last.is_ascii_digit());
        if self.word(1) != "%" || self.touches(0) || !self.same_line(0) || divides || !is_number {
            return None;
        }
        self.run(Form::SpacedPercent, 2, &format!("{number}%"), true)
    }

    /// `5 min`, `1h 30min`.
    fn duration(&self) -> Option<Run> {
        let number = self.word(0);
        if !self.same_line(0) || self.touches(0) {
            return None;
        }
        let is_duration = |word: &str| {
            is_whole(Rule::numeral, word)
                && word.ends_with(|last: char| last.is_ascii_alphabetic())
                && !word.starts_with("0x")
        };
        match self.kind(1)? {
            TokenKind::Number if is_duration(number) && is_duration(self.word(1)) => {
                self.run(Form::SpacedDuration, 2, &format!("{number}{}", self.word(1)), true)
            }
            TokenKind::Word if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                if matches!(self.word(2), "=" | ":" | "+=" | "-=" | "." | "(" | "[" | "max" | "min" | "=>") {
                    return None;
                }
                let joined = format!("{number}{}", self.word(1));
                let sure = self.word(1) != "m";
                let meant = if is_duration(&joined) { joined } else { lexical::meant_number(&joined)? };
                self.run(Form::SpacedDuration, 2, &meant, sure)
            }
            _ => None,
        }
    }

    /// `INTERVAL '5' MINUTE`.
    fn interval(&self) -> Option<Run> {
        if !self.word(0).eq_ignore_ascii_case("interval") || self.kind(2) != Some(TokenKind::Word) {
            return None;
        }
        let number = self.word(1).trim_matches(['\'', '"']);
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let meant = lexical::meant_number(&format!("{number}{}", self.word(2)))?;
        self.run(Form::Interval, 3, &meant, true)
    }

    /// `@2023-05-20 23:30`.
    fn moment(&self) -> Option<Run> {
        let date = self.token(0)?.span;
        let is_time = self.word(2) == ":" && self.same_line(0) && self.touches(1) && self.touches(2);
        if date.len() != 11 || self.touches(0) || self.kind(1) != Some(TokenKind::Number) || !is_time {
            return None;
        }
        let from = self.token(1)?.span.start;
        let end = crate::token::moment_end(self.text.as_bytes(), from as usize) as u32;
        let time = Span::new(from, end).text(self.text);
        let has_zone = time.ends_with(['Z', 'z']) || time.contains(['+', '-']);
        let meant = format!("{}T{time}{}", date.text(self.text), if has_zone { "" } else { "Z" });
        if !is_whole(Rule::moment, &meant) {
            return None;
        }
        let count =
            (1..).take_while(|offset| self.token(*offset).is_some_and(|token| token.span.end <= end)).count() + 1;
        self.run(Form::SpacedMoment, count, &meant, has_zone)
    }

    /// Characters without width inside a word: each is taken out, and the word is read as one.
    fn no_width(&self) -> Option<Run> {
        let is_no_width = |word: &str| {
            let mut characters = word.chars();
            characters.next().is_some_and(is_invisible) && characters.next().is_none()
        };
        let previous = self.previous()?;
        if previous.kind != TokenKind::Word || !self.is_joined() {
            return None;
        }
        let (mut count, mut edits, mut read_as) = (0, Vec::new(), String::new());
        while is_no_width(self.word(count)) && self.touches(count) && self.kind(count + 1) == Some(TokenKind::Word) {
            if count > 0 && !self.touches(count - 1) {
                break;
            }
            edits.push((self.token(count)?.span, String::new()));
            read_as.push_str(self.word(count + 1));
            count += 2;
        }
        let first = edits.first()?.0;
        let kind = SyntaxErrorKind::OtherForm { form: Form::NoWidth, edits, sure: true };
        let mut mistake = lexical::instead(self.span(count)?, kind, read_as);
        mistake.span = first;
        Some(self.of(count, mistake))
    }

    /// Blanks of another kind side by side.
    fn blanks(&self) -> Option<Run> {
        let blank = |offset: usize| {
            let mut characters = self.word(offset).chars();
            characters.next().filter(|own| own.is_whitespace() && characters.next().is_none())
        };
        let character = blank(0)?;
        let mut count = 1;
        while blank(count).is_some() && self.same_line(count - 1) {
            count += 1;
        }
        let kind = SyntaxErrorKind::InvisibleCharacter { character };
        (count > 1).then(|| self.span(count)).flatten().map(|span| self.of(count, lexical::instead(span, kind, "")))
    }

    /// A bracket of another keyboard with its partner: an input method makes both.
    fn pair(&self) -> Option<Run> {
        let (open, close) = match self.word(0) {
            "（" => ("（", "）"),
            "【" => ("【", "】"),
            "［" => ("［", "］"),
            "｛" => ("｛", "｝"),
            _ => return None,
        };
        let mut depth = 0_usize;
        let mut partner = None;
        for (index, token) in self.tokens.iter().enumerate().skip(self.at).take(FARTHEST) {
            let word = token.text(self.text);
            depth += usize::from(word == open);
            if word == close {
                depth -= 1;
                if depth == 0 {
                    partner = Some((index, token.span));
                    break;
                }
            }
        }
        let ((index, behind), own) = (partner?, self.token(0)?.span);
        let (first, last) = (plain_sign(open)?, plain_sign(close)?);
        let edits = vec![(own, first.clone()), (behind, last.clone())];
        let kind = SyntaxErrorKind::OtherForm { form: Form::Signs, edits, sure: true };
        let mut mistake = lexical::instead(own, kind, first);
        mistake.patches.extend(lexical::padded(behind, last));
        Some(Run { tokens: vec![self.at, index], mistake })
    }

    /// Digits, or the parts of one operator, of another keyboard.
    fn signs(&self) -> Option<Run> {
        let (mut count, mut meant) = (0, String::new());
        while count < FARTHEST
            && self.kind(count) == Some(TokenKind::Foreign)
            && (count == 0 || self.touches(count - 1))
        {
            let Some(sign) = plain_sign(self.word(count)) else { break };
            meant.push_str(&sign);
            count += 1;
        }
        // A point between digits belongs to them.
        let is_number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
        if is_number(&meant) {
            let length = meant.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
            let digits = meant.get(..length)?.trim_end_matches('.');
            return self.run(Form::Digits, digits.len(), digits, true);
        }
        let operators = ["==", "!=", "<=", ">=", "=>", "->", "??", "?.", "..", "+=", "-="];
        let operator = operators.iter().find(|operator| meant.starts_with(**operator))?;
        let parts = (1..=count).find(|parts| {
            (0..*parts).filter_map(|offset| plain_sign(self.word(offset))).collect::<String>() == **operator
        })?;
        (parts > 1).then(|| self.run(Form::Signs, parts, operator, true)).flatten()
    }

    /// `# 21` behind a type: the number of a field.
    fn number_sign(&self) -> Option<Run> {
        let written = self.word(0);
        let behind = written.strip_prefix('#')?;
        let digits = behind.trim_start();
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        let rest = digits.get(length..)?.trim_start();
        let goes_on =
            rest.is_empty() || ["\"", "//", "derived", "in ", "{"].iter().any(|start| rest.starts_with(start));
        if length == 0 || !goes_on || self.is_first_on_line(self.at) || !self.follows_value() {
            return None;
        }
        let start = self.token(0)?.span.start;
        let blanks = behind.len() - digits.len();
        let span = Span::new(start, start + (1 + blanks + length) as u32);
        let meant = format!("#{}", digits.get(..length)?);
        let kind =
            SyntaxErrorKind::OtherForm { form: Form::SpacedNumber, edits: vec![(span, meant.clone())], sure: true };
        let mut mistake = lexical::instead(span, kind, meant);
        mistake.span = Span::new(start, start + 1);
        Some(self.of(1, mistake))
    }

    /// `.5`
    fn fraction(&self) -> Option<Run> {
        let stands_alone = !self.follows_value() || !self.is_joined();
        if self.word(0) != "." || !self.touches(0) || self.kind(1) != Some(TokenKind::Number) || !stands_alone {
            return None;
        }
        let number = self.word(1);
        let mut run = self.run(Form::BareFraction, 2, &format!("0.{number}"), true)?;
        run.mistake.patches = vec![(self.token(0)?.span, " ".to_owned())];
        Some(run)
    }

    /// `.field`
    fn leading_dot(&self) -> Option<Run> {
        let is_name = self.kind(1) == Some(TokenKind::Word) && self.touches(0);
        if self.word(0) != "." || !is_name || self.follows_value() {
            return None;
        }
        self.run(Form::LeadingDot, 1, "", true)
    }

    /// `f!(x)`, `x!`, `x!!`.
    fn marks(&self) -> Option<Run> {
        let previous = self.previous()?;
        if self.word(0) != "!" || !self.is_joined() || !self.follows_value() {
            return None;
        }
        if self.word(1) == "(" && self.touches(0) && previous.kind == TokenKind::Word {
            return self.run(Form::CallMark, 1, "", true);
        }
        let count = if self.word(1) == "!" && self.touches(0) { 2 } else { 1 };
        if self.begins_value(count) && self.touches(count - 1) {
            return None;
        }
        let kind = SyntaxErrorKind::OtherForm { form: Form::NotNullMark, edits: Vec::new(), sure: false };
        Some(self.of(count, lexical::lost(self.span(count)?, kind)))
    }

    /// `=<`
    fn turned(&self) -> Option<Run> {
        let is_turned = self.word(0) == "=" && self.word(1) == "<" && self.touches(0) && self.follows_value();
        if is_turned { self.run(Form::TurnedComparison, 2, "<=", true) } else { None }
    }

    /// `count++` and `count--` where a change of a state may stand.
    fn increment(&self) -> Option<Run> {
        let meant = match self.word(0) {
            "++" => " += 1",
            "--" => " -= 1",
            _ => return None,
        };
        let before = self.at.checked_sub(2).and_then(|before| self.tokens.get(before));
        let is_alone = before.is_none_or(|before| before.text(self.text) == "{") || self.is_first_on_line(self.at - 1);
        let named = self.previous().is_some_and(|previous| previous.kind == TokenKind::Word) && self.is_joined();
        if !named || !is_alone || self.touches(0) {
            return None;
        }
        let span = self.token(0)?.span;
        let kind =
            SyntaxErrorKind::OtherForm { form: Form::Increment, edits: vec![(span, meant.to_owned())], sure: true };
        // The blank behind it gives the room.
        let read_as = meant.replace(' ', "");
        let room = Span::new(span.start, span.start + read_as.len() as u32);
        let mut mistake = lexical::instead(room, kind, read_as);
        mistake.span = span;
        Some(self.of(1, mistake))
    }

    /// `-- words that are no value`.
    fn dash_comment(&self) -> Option<Run> {
        if self.word(0) != "--" || self.is_joined() {
            return None;
        }
        let is_words = self.kind(1) == Some(TokenKind::Word)
            && self.kind(2) == Some(TokenKind::Word)
            && self.same_line(1)
            && !is_operator_word(self.word(2));
        let behind_bracket = self.previous().is_none_or(|before| matches!(before.text(self.text), "}" | "{" | ","));
        if !is_words && !behind_bracket {
            return None;
        }
        let mut count = 1;
        while self.token(count).is_some() && self.same_line(count - 1) {
            count += 1;
        }
        let (own, whole) = (self.token(0)?.span, self.span(count)?);
        let edits = vec![(own, "//".to_owned())];
        let kind = SyntaxErrorKind::OtherForm { form: Form::DashComment, edits, sure: true };
        let mut mistake = lexical::instead(whole, kind, "");
        mistake.span = own;
        Some(self.of(count, mistake))
    }

    /// `a || "-" || b`: what joins texts in SQL.
    fn bars(&self) -> Option<Run> {
        if self.word(0) != "||" {
            return None;
        }
        let first = self.operand_before()?;
        let mut end = self.at;
        let mut operands: Vec<std::ops::Range<usize>> = std::iter::once(first..self.at).collect();
        while self.tokens.get(end).is_some_and(|token| token.text(self.text) == "||") {
            if operands.len() > FARTHEST {
                return None;
            }
            let behind = self.operand_behind(end + 1)?;
            operands.push(end + 1..behind);
            end = behind;
        }
        let is_text = |range: &std::ops::Range<usize>| {
            self.tokens.get(range.start).is_some_and(|token| token.kind == TokenKind::Text)
        };
        if !operands.iter().any(is_text) {
            return None;
        }
        let mut meant = String::from("\"");
        for range in &operands {
            let span = self.tokens.get(range.start)?.span.to(self.tokens.get(range.end.checked_sub(1)?)?.span);
            let text = span.text(self.text);
            match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|_| is_text(range)) {
                Some(inner) => meant.push_str(inner),
                None => meant.push_str(&format!("{{{text}}}")),
            }
        }
        meant.push('"');
        let whole = self.tokens.get(first)?.span.to(self.tokens.get(end.checked_sub(1)?)?.span);
        if whole.text(self.text).contains('\n') {
            return None;
        }
        let kind =
            SyntaxErrorKind::OtherForm { form: Form::TextsJoined, edits: vec![(whole, meant.clone())], sure: true };
        let mut mistake = lexical::instead(whole, kind, meant);
        mistake.span = self.token(0)?.span;
        Some(Run { tokens: (self.at..end).collect(), mistake })
    }

    /// Where a text, or a name with its members, begins that ends before this token.
    fn operand_before(&self) -> Option<usize> {
        let mut at = self.at.checked_sub(1)?;
        let kind = |at: usize| self.tokens.get(at).map(|token| token.kind);
        if kind(at) == Some(TokenKind::Text) {
            return Some(at);
        }
        while kind(at) == Some(TokenKind::Word) {
            let is_member = at >= 2 && self.tokens.get(at - 1).is_some_and(|token| token.text(self.text) == ".");
            if !is_member {
                return Some(at);
            }
            at -= 2;
        }
        None
    }

    /// The index behind a text, or a name with its members, that begins at `at`.
    fn operand_behind(&self, mut at: usize) -> Option<usize> {
        let kind = |at: usize| self.tokens.get(at).map(|token| token.kind);
        let is = |at: usize, sign: &str| self.tokens.get(at).is_some_and(|token| token.text(self.text) == sign);
        match kind(at)? {
            TokenKind::Text => return Some(at + 1),
            TokenKind::Word => at += 1,
            _ => return None,
        }
        while is(at, ".") && kind(at + 1) == Some(TokenKind::Word) {
            at += 2;
        }
        let goes_on = is(at, "(") || is(at, "[");
        (!goes_on).then_some(at)
    }
}
