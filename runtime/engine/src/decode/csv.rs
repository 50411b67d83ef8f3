//! CSV as RFC 4180 has it: a header row, cells in quotes where they hold a comma, a quote (doubled) or a newline.
//!
//! A row has as many cells as the header. An empty cell is null where the type takes null, the default where there is
//! one, and an empty text otherwise.

use bumpalo::{Bump, collections::String as ArenaString};

use crate::{
    decode::{AbsentMember, Presence, json::Taker, shape::named, text},
    fault::{Fallible, Fault, FaultCode},
    frame::Frame,
    value::{Value, quoted},
};

/// Finds the ends of rows in bytes that come piece by piece. A quote opens only at the beginning of a cell.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowEnds {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    CellStart,
    Plain,
    Quoted,
    /// After a quote in a quoted cell: its end, or the first of two.
    Closing,
}

impl RowEnds {
    /// The place of the newline that ends the row, from `from` on; none where the row goes on after these bytes, which
    /// is remembered: the next call goes on with the bytes after them.
    pub fn next_end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        while at < bytes.len() {
            match self.state {
                State::Quoted => {
                    at = memchr::memchr(b'"', &bytes[at..]).map(|offset| at + offset)?;
                    self.state = State::Closing;
                }
                State::Plain => {
                    at += memchr::memchr2(b',', b'\n', &bytes[at..])?;
                    self.state = State::CellStart;
                    if bytes[at] == b'\n' {
                        return Some(at);
                    }
                }
                State::CellStart | State::Closing => {
                    let opens = bytes[at] == b'"';
                    self.state = match bytes[at] {
                        b'"' => State::Quoted,
                        b',' | b'\n' => State::CellStart,
                        _ => State::Plain,
                    };
                    if bytes[at] == b'\n' && !opens {
                        return Some(at);
                    }
                }
            }
            at += 1;
        }
        None
    }

    /// Whether the bytes so far end inside quotes, as when a quote is never closed.
    #[must_use]
    pub const fn in_quotes(&self) -> bool {
        matches!(self.state, State::Quoted)
    }
}

/// Reads the cells of a row in turn.
struct Cells<'b> {
    rest: Option<&'b str>,
    row: &'b str,
}

impl<'b> Cells<'b> {
    fn new(row: &'b str) -> Self {
        let row = row.strip_suffix('\n').unwrap_or(row);
        let row = row.strip_suffix('\r').unwrap_or(row);
        Self { rest: Some(row), row }
    }

    /// The next cell and whether it stood in quotes; none at the end of the row.
    fn next(&mut self, arena: &'b Bump) -> Fallible<Option<(&'b str, bool)>> {
        let Some(rest) = self.rest else { return Ok(None) };
        let Some(inner) = rest.strip_prefix('"') else {
            let end = memchr::memchr(b',', rest.as_bytes());
            let (cell, rest) = match end {
                Some(end) => (&rest[..end], Some(&rest[end + 1..])),
                None => (rest, None),
            };
            self.rest = rest;
            return Ok(Some((cell, false)));
        };
        let (cell, after) = self.quoted(inner, arena)?;
        self.rest = match after.as_bytes().first() {
            None => None,
            Some(b',') => Some(&after[1..]),
            Some(_) => {
                return Err(
                    self.malformed(after, "text follows the quote that ends a cell; a quote inside a cell is doubled")
                );
            }
        };
        Ok(Some((cell, true)))
    }

    /// A cell from after its opening quote, and what follows its closing one.
    fn quoted(&self, inner: &'b str, arena: &'b Bump) -> Fallible<(&'b str, &'b str)> {
        let mut joined = ArenaString::new_in(arena);
        let mut rest = inner;
        loop {
            let Some(end) = memchr::memchr(b'"', rest.as_bytes()) else {
                return Err(self.malformed(inner, "a quote is opened and not closed"));
            };
            let (part, after) = (&rest[..end], &rest[end + 1..]);
            if let Some(after) = after.strip_prefix('"') {
                joined.push_str(part);
                joined.push('"');
                rest = after;
            } else if joined.is_empty() {
                return Ok((part, after));
            } else {
                joined.push_str(part);
                return Ok((joined.into_bump_str(), after));
            }
        }
    }

    #[cold]
    fn malformed(&self, rest: &str, what: &str) -> Box<Fault> {
        let at = self.row.len() - rest.len() + 1;
        Fault::new(FaultCode::Malformed, format!("not valid CSV at byte {at}: {what}"))
    }
}

/// Reads rows of one stream.
#[derive(Clone, Debug)]
pub struct CsvDecoder {
    takers: Vec<Taker>,
    /// Names of all columns that the source names, for `strict`.
    names: Vec<String>,
    strict: bool,
    /// For each column of the header the takers that read it.
    columns: Vec<Vec<u32>>,
    header: bool,
    presence: Vec<Presence>,
}

impl CsvDecoder {
    /// A decoder for some takers, whose path is the column's name.
    #[must_use]
    pub fn new(takers: Vec<Taker>, names: Vec<String>, strict: bool) -> Self {
        let presence = vec![Presence::Absent; takers.len()];
        Self { takers, names, strict, columns: Vec::new(), header: false, presence }
    }

    /// Whether no header was taken yet.
    #[must_use]
    pub const fn wants_header(&self) -> bool {
        !self.header
    }

    /// The takers.
    #[must_use]
    pub fn takers(&self) -> &[Taker] {
        &self.takers
    }

    /// What a taker's cell was in the last row.
    #[must_use]
    pub fn presence(&self, taker: usize) -> Presence {
        self.presence.get(taker).copied().unwrap_or(Presence::Absent)
    }

    /// Takes the header row.
    ///
    /// # Errors
    /// A column that is read is missing or named twice.
    pub fn header(&mut self, row: &str) -> Fallible<()> {
        let arena = Bump::new();
        let row = row.strip_prefix('\u{feff}').unwrap_or(row);
        let mut cells = Cells::new(row);
        let mut columns: Vec<Vec<u32>> = Vec::new();
        let mut names = Vec::new();
        while let Some((name, _)) = cells.next(&arena)? {
            let name = name.trim();
            let mut readers = Vec::new();
            for (index, taker) in self.takers.iter().enumerate() {
                if taker.path.first().is_some_and(|path| path == name) {
                    readers.push(u32::try_from(index).unwrap_or(u32::MAX));
                }
            }
            if names.contains(&name) && !readers.is_empty() {
                return Err(header_fault(format!("the header row names the column {} twice", quoted(name))));
            }
            if self.strict && !self.names.iter().any(|known| known == name) {
                let what = format!(
                    "the header row has the column {}, which the source does not name, and the source is `strict`",
                    quoted(name)
                );
                return Err(header_fault(what));
            }
            names.push(name);
            columns.push(readers);
        }
        for taker in &self.takers {
            let name = taker.path.first().map_or("", String::as_str);
            if !names.contains(&name) && taker.default.is_none() && !taker.shape.nullable {
                return Err(header_fault(format!(
                    "the header row has no column {}; it has {}",
                    quoted(name),
                    listed(&names)
                )));
            }
        }
        self.columns = columns;
        self.header = true;
        Ok(())
    }

    /// Reads one row into the frame.
    ///
    /// # Errors
    /// The row is not CSV, has another number of cells than the header, or a cell does not fit its field.
    pub fn decode<'b>(
        &mut self,
        row: &'b str,
        absent: AbsentMember,
        frame: &Frame<'b>,
        arena: &'b Bump,
    ) -> Fallible<()> {
        self.presence.fill(Presence::Absent);
        let mut cells = Cells::new(row);
        let mut count = 0;
        while let Some((cell, in_quotes)) = cells.next(arena)? {
            if let Some(readers) = self.columns.get(count) {
                for reader in readers {
                    let index = *reader as usize;
                    self.presence[index] = take(&self.takers[index], cell, in_quotes, frame, arena)?;
                }
            }
            count += 1;
        }
        if count != self.columns.len() {
            let what = format!("the row has {count} cells, but the header row has {}", self.columns.len());
            return Err(Fault::new(FaultCode::Malformed, what));
        }
        for (taker, presence) in self.takers.iter().zip(&self.presence) {
            if *presence == Presence::Absent {
                taker.put_absent(absent, frame, arena)?;
            }
        }
        Ok(())
    }
}

fn take<'b>(taker: &Taker, cell: &'b str, in_quotes: bool, frame: &Frame<'b>, arena: &'b Bump) -> Fallible<Presence> {
    if cell.is_empty() && !in_quotes && (taker.shape.nullable || taker.default.is_some()) {
        taker.put_default(frame, arena);
        return Ok(Presence::Null);
    }
    let is_text = matches!(taker.shape.form, super::shape::Form::Text);
    if !is_text && cell.trim().is_empty() {
        let name = taker.path.first().map_or("", String::as_str);
        let what = format!("{} must be {}, but its cell is empty", quoted(name), named(&taker.shape.ty));
        return Err(Fault::new(FaultCode::Field, what));
    }
    let value: Value<'b> =
        text::value(&taker.shape, cell, arena).map_err(|wrong| wrong.into_fault(&taker.path.join(".")))?;
    frame.set(taker.place, value);
    Ok(Presence::Value)
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(12).map(|name| quoted(name)).collect();
    let more = if names.len() > shown.len() { " and others" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cold]
fn header_fault(what: String) -> Box<Fault> {
    Fault::new(FaultCode::Malformed, what)
}
