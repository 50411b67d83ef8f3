//! JSON objects into slots, in one pass.
//!
//! The paths that are read form a tree. For each object of the tree the decoder remembers which members it met, as the
//! bytes from the end of one value to the beginning of the next (`,"stu_id":`), and which followed which. Streams
//! repeat themselves, so the next member is nearly always the remembered one and costs one comparison of bytes instead
//! of a scan, a look-up and four checks of punctuation; another member is parsed, looked up and remembered.

use bumpalo::Bump;
use nsf_plan::IntegerWidth;

use crate::{
    cell::Cell,
    decode::{
        AbsentMember, Presence,
        block::{self, Block},
        scan::{self, Cursor},
        shape::{self, Form, Reader, Shape, Wrong, misfit},
        tree::{Action, END, OTHER, Tree},
    },
    fault::{Fallible, Fault, FaultCode},
    frame::{Frame, Kind, Place},
    value::Value,
};

/// A field that is read.
#[derive(Clone, Debug)]
pub struct Taker {
    /// Index of the field in the encoding.
    pub field: u32,
    /// Where its value goes.
    pub place: Place,
    /// How it is read.
    pub shape: Shape,
    /// Member names from the outermost.
    pub path: Vec<String>,
    /// What stands for an absent member, or for a null where the type takes one.
    pub default: Option<Cell>,
}

impl Taker {
    /// Puts what stands for an absent member into the slot: the default, or null.
    pub fn put_default<'b>(&self, frame: &Frame<'b>, arena: &'b Bump) {
        match &self.default {
            Some(cell) => frame.set(self.place, cell.to_value(&self.shape.ty, arena)),
            None => frame.set_null(self.place),
        }
    }

    /// The same where the record needs the member.
    ///
    /// # Errors
    /// There is no default, and null is no value of the type.
    #[cold]
    pub fn put_absent<'b>(&self, absent: AbsentMember, frame: &Frame<'b>, arena: &'b Bump) -> Fallible<()> {
        if self.default.is_none() && !self.shape.nullable && absent == AbsentMember::Reject {
            return Err(missing(&self.path.join("."), &self.shape));
        }
        self.put_default(frame, arena);
        Ok(())
    }
}

/// How a taken member is read without the general reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fast {
    Integer { least: i64, most: i64 },
    Float,
    Text,
    None,
}

/// What the usual way of reading a member needs.
#[derive(Clone, Copy, Debug)]
struct Quick {
    fast: Fast,
    place: Place,
}

impl Fast {
    fn of(taker: &Taker) -> Self {
        match (&taker.shape.form, taker.place.kind) {
            (Form::Integer(IntegerWidth::UInt64), Kind::Unsigned) => Self::Integer { least: 0, most: i64::MAX },
            (Form::Integer(width), Kind::Integer) => {
                let bound = |bound: i128| i64::try_from(bound).unwrap_or_default();
                Self::Integer { least: bound(width.range().0), most: bound(width.range().1) }
            }
            (Form::Duration | Form::Timestamp, Kind::Integer) => Self::Integer { least: i64::MIN, most: i64::MAX },
            (Form::Float { single: false }, Kind::Float) => Self::Float,
            (Form::Text, Kind::Text) => Self::Text,
            _ => Self::None,
        }
    }
}

/// Reads JSON objects of one stream.
#[derive(Clone, Debug)]
pub struct JsonDecoder {
    takers: Vec<Taker>,
    quick: Vec<Quick>,
    tree: Tree,
    /// What is done with the member that was met last and is not remembered.
    other: Action,
    /// A bit for each taker, then one for each node: whether it was met in this message.
    seen: Vec<u64>,
    lenient: bool,
    strict: bool,
    /// (field, count) of conversions in this message.
    pub conversions: Vec<(u32, u32)>,
    /// Takers whose member was null in this message.
    nulls: Vec<u32>,
}

impl JsonDecoder {
    /// A decoder for some takers. `known` has the paths that are not read but are no surprise where `strict` is set.
    #[must_use]
    pub fn new(takers: Vec<Taker>, known: &[Vec<String>], lenient: bool, strict: bool) -> Self {
        let index = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let read = takers.iter().enumerate().map(|(at, taker)| (taker.path.as_slice(), Action::Take(index(at))));
        let known = known.iter().filter(|_| strict).map(|path| (path.as_slice(), Action::Skip));
        let mut tree = Tree::new(read.chain(known));
        for (at, node) in tree.nodes.iter_mut().enumerate() {
            node.bit = index(takers.len() + at);
        }
        Self {
            quick: takers.iter().map(|taker| Quick { fast: Fast::of(taker), place: taker.place }).collect(),
            seen: vec![0; (takers.len() + tree.nodes.len()).div_ceil(64)],
            takers,
            tree,
            other: Action::Skip,
            lenient,
            strict,
            conversions: Vec::new(),
            nulls: Vec::new(),
        }
    }

    /// Reads one text into the frame.
    ///
    /// # Errors
    /// The text is not one JSON object, or a member does not fit its field.
    #[inline]
    pub fn decode<'b>(&mut self, text: &'b str, frame: &Frame<'b>, arena: &'b Bump) -> Fallible<()> {
        self.seen.fill(0);
        self.conversions.clear();
        self.nulls.clear();
        let mut cursor = Cursor::new(text);
        match cursor.peek() {
            Ok(b'{') => {}
            Ok(_) => return Err(not_an_object(&mut cursor)),
            Err(_) => return Err(Fault::new(FaultCode::Malformed, "the message is empty; a JSON object is due")),
        }
        self.object(0, &mut cursor, frame, arena)?;
        cursor.end()
    }

    /// Whether a taker's member was met in the last message.
    #[inline]
    #[must_use]
    pub fn met(&self, taker: usize) -> bool {
        self.seen.get(taker / 64).is_some_and(|word| word >> (taker % 64) & 1 == 1)
    }

    /// Whether every taker's member was met.
    #[inline]
    #[must_use]
    pub fn all_met(&self) -> bool {
        let count = self.takers.len();
        self.seen.iter().take(count / 64).all(|word| *word == u64::MAX)
            && (count.is_multiple_of(64)
                || self.seen.get(count / 64).is_some_and(|word| {
                    let wanted = (1 << (count % 64)) - 1;
                    word & wanted == wanted
                }))
    }

    /// The takers.
    #[must_use]
    pub fn takers(&self) -> &[Taker] {
        &self.takers
    }

    /// What a taker's member was in the last message.
    #[must_use]
    pub fn presence(&self, taker: usize) -> Presence {
        if !self.met(taker) {
            Presence::Absent
        } else if self.nulls.iter().any(|there| *there as usize == taker) {
            Presence::Null
        } else {
            Presence::Value
        }
    }

    /// Reads an object of the tree from its brace on.
    ///
    /// The place in the text is a local number, and the cursor is brought there only for what is not usual: in memory it
    /// would be written and read again several times for each member, and each time would wait for the one before.
    fn object<'b>(&mut self, node: usize, cursor: &mut Cursor<'b>, frame: &Frame<'b>, arena: &'b Bump) -> Fallible<()> {
        let bytes = cursor.text().as_bytes();
        let mut at = cursor.at();
        let mut previous = self.tree.nodes[node].start;
        let mut next = self.tree.known[previous as usize].next;
        loop {
            let known = &self.tree.known[next[0] as usize];
            let action = if known.lead.leads(bytes, at) {
                at += known.lead.length();
                previous = next[0];
                next = known.next;
                known.action
            } else {
                cursor.go(at);
                previous = self.find(node, previous, next[1], cursor, arena)?;
                at = cursor.at();
                let known = &self.tree.known[previous as usize];
                next = known.next;
                if previous == OTHER { self.other } else { known.action }
            };
            let end = match action {
                Action::Skip => skip_plain(bytes, at),
                Action::Take(taker) => self.take_plain(taker as usize, cursor.text(), at, frame)?,
                Action::End => {
                    cursor.go(at);
                    return Ok(());
                }
                _ => None,
            };
            at = match end {
                Some(end) => end,
                None => {
                    cursor.go(at);
                    self.rare(action, cursor, frame, arena)?;
                    cursor.at()
                }
            };
        }
    }

    #[inline(never)]
    fn rare<'b>(
        &mut self,
        action: Action,
        cursor: &mut Cursor<'b>,
        frame: &Frame<'b>,
        arena: &'b Bump,
    ) -> Fallible<()> {
        match action {
            Action::Object(inner) => self.inner_object(inner as usize, cursor, frame, arena),
            Action::Pass(inner) if cursor.peek()? == b'{' && !self.tree.nodes[inner as usize].changing => {
                self.object(inner as usize, cursor, frame, arena)
            }
            Action::Pass(_) => cursor.skip(),
            Action::Several(list) => self.several(list as usize, cursor, frame, arena),
            Action::Take(taker) => self.take_slowly(taker as usize, cursor, frame, arena),
            Action::Skip => cursor.skip(),
            Action::End => Ok(()),
        }
    }

    fn inner_object<'b>(
        &mut self,
        node: usize,
        cursor: &mut Cursor<'b>,
        frame: &Frame<'b>,
        arena: &'b Bump,
    ) -> Fallible<()> {
        if self.mark(self.tree.nodes[node].bit) {
            return Err(Fault::new(FaultCode::Field, format!("`{}` is there twice", self.tree.nodes[node].path)));
        }
        match cursor.peek()? {
            b'{' => self.object(node, cursor, frame, arena),
            // Its members are then all absent.
            b'n' => cursor.word("null"),
            _ => Err(self.not_object(node, cursor)),
        }
    }

    #[cold]
    fn not_object(&self, node: usize, cursor: &mut Cursor<'_>) -> Box<Fault> {
        match cursor.skip() {
            Ok(()) => Fault::new(FaultCode::Field, format!("`{}` must be an object", self.tree.nodes[node].path)),
            Err(fault) => fault,
        }
    }

    #[cold]
    fn several<'b>(
        &mut self,
        list: usize,
        cursor: &mut Cursor<'b>,
        frame: &Frame<'b>,
        arena: &'b Bump,
    ) -> Fallible<()> {
        let start = cursor.at();
        for index in 0..self.tree.several[list].len() {
            cursor.go(start);
            let action = self.tree.several[list][index];
            match action {
                Action::Take(taker) if self.mark(taker) => return Err(self.twice(taker as usize)),
                Action::Take(taker) => self.take_slowly(taker as usize, cursor, frame, arena)?,
                Action::Object(inner) => self.inner_object(inner as usize, cursor, frame, arena)?,
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    /// Finds what follows a value (or the opening brace) where it is not what followed the last time: what followed
    /// the time before, the end of the object, or another member, parsed up to its value.
    #[inline(never)]
    fn find<'b>(
        &mut self,
        node: usize,
        previous: u32,
        second: u32,
        cursor: &mut Cursor<'b>,
        arena: &'b Bump,
    ) -> Fallible<u32> {
        if cursor.take_block(&self.tree.known[second as usize].lead) {
            return Ok(second);
        }
        let start = cursor.at();
        let first = cursor.peek()?;
        let begins = previous == self.tree.nodes[node].start;
        if begins {
            cursor.take(b'{', "`{`")?;
        } else if first == b',' {
            cursor.take(b',', "`,`")?;
        }
        if first == b'}' || (begins && cursor.peek()? == b'}') {
            cursor.take(b'}', "`}`")?;
            if cursor.at() == start + 1 {
                self.tree.follows(previous, END);
            }
            return Ok(END);
        }
        if !begins && first != b',' {
            return Err(cursor.unexpected("`,` or `}`"));
        }
        let name = cursor.member_name()?;
        let first = cursor.peek()?;
        let lead = cursor.range(start, cursor.at()).as_bytes();
        let found = match self.tree.known_by(node, lead) {
            Some(found) => found,
            None => {
                let name = name.unescape(arena);
                let action = match self.tree.nodes[node].action(name) {
                    None if self.strict => return Err(self.unknown(node, name)),
                    None if first == b'{' && lead.len() <= Block::LONGEST => self.tree.pass(),
                    None => Action::Skip,
                    Some(action) => action,
                };
                self.other = action;
                self.tree.learn(node, lead, action)
            }
        };
        self.tree.follows(previous, found);
        Ok(found)
    }

    #[cold]
    fn unknown(&self, node: usize, name: &str) -> Box<Fault> {
        let outer = &self.tree.nodes[node].path;
        let dot = if outer.is_empty() { "" } else { "." };
        let what = format!("`{outer}{dot}{name}` is not a member that the source names, and the source is `strict`");
        Fault::new(FaultCode::Field, what)
    }

    /// Sets a bit and says whether it was set before.
    #[inline(always)]
    fn mark(&mut self, bit: u32) -> bool {
        let Some(word) = self.seen.get_mut(bit as usize / 64) else { return false };
        let mask = 1 << (bit % 64);
        let before = *word & mask != 0;
        *word |= mask;
        before
    }

    /// Reads a value of the usual form into its slot and says where it ends; none where it has another form.
    #[inline(always)]
    fn take_plain<'b>(&mut self, taker: usize, text: &'b str, at: usize, frame: &Frame<'b>) -> Fallible<Option<usize>> {
        if self.mark(taker as u32) {
            return Err(self.twice(taker));
        }
        let bytes = text.as_bytes();
        let Quick { fast, place } = self.quick[taker];
        Ok(match fast {
            Fast::Integer { least, most } => match block::plain_integer(bytes, at) {
                Some((value, end)) if value >= least && value <= most => {
                    frame.set_integer(place, value);
                    Some(end)
                }
                _ => None,
            },
            Fast::Float => block::plain_float(bytes, at).map(|(value, end)| {
                frame.set_float(place, value);
                end
            }),
            Fast::Text if bytes.get(at) == Some(&b'"') => block::plain_string_end(bytes, at + 1).map(|end| {
                frame.set_text(place, scan::between(text, at + 1, end));
                end + 1
            }),
            _ => None,
        })
    }

    #[inline(never)]
    fn take_slowly<'b>(
        &mut self,
        taker: usize,
        cursor: &mut Cursor<'b>,
        frame: &Frame<'b>,
        arena: &'b Bump,
    ) -> Fallible<()> {
        let Self { takers, lenient, strict, conversions, nulls, .. } = self;
        let index = taker;
        let taker = &takers[index];
        let mut count = 0;
        let mut reader = Reader { arena, lenient: *lenient, strict: *strict, conversions: &mut count };
        match reader.value(&taker.shape, cursor, 0) {
            Ok(Value::Null) => {
                nulls.push(u32::try_from(index).unwrap_or(u32::MAX));
                taker.put_default(frame, arena);
                Ok(())
            }
            Ok(value) => {
                frame.set(taker.place, value);
                if count > 0 {
                    conversions.push((taker.field, count));
                }
                Ok(())
            }
            Err(wrong) => Err(wrong.into_fault(&taker.path.join("."))),
        }
    }

    #[cold]
    fn twice(&self, taker: usize) -> Box<Fault> {
        Fault::new(FaultCode::Field, format!("`{}` is there twice", self.takers[taker].path.join(".")))
    }
}

#[cold]
fn not_an_object(cursor: &mut Cursor<'_>) -> Box<Fault> {
    match cursor.skip().and_then(|()| cursor.end()) {
        Ok(()) => Fault::new(FaultCode::Malformed, "the message is JSON, but not an object"),
        Err(fault) => fault,
    }
}

/// Passes over a value of the usual form and says where it ends; none where it has another form.
#[inline(always)]
fn skip_plain(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => block::plain_string_end(bytes, at + 1).map(|end| end + 1),
        b'n' if bytes.get(at..)?.first_chunk() == Some(b"null") => Some(at + 4),
        b'0'..=b'9' | b'-' => block::plain_integer(bytes, at).map(|(_, end)| end),
        _ => None,
    }
}

/// Reads one whole text as a value.
///
/// # Errors
/// It is not JSON, or does not fit.
pub fn read<'b>(shape: &Shape, text: &'b str, arena: &'b Bump) -> Fallible<Value<'b>> {
    let mut cursor = Cursor::new(text);
    let mut reader = Reader { arena, lenient: false, strict: true, conversions: &mut 0 };
    let value = reader.value(shape, &mut cursor, 0).map_err(|wrong: Wrong| wrong.into_fault(""))?;
    cursor.end()?;
    Ok(value)
}

/// A member that is due and absent.
#[cold]
#[must_use]
pub fn missing(path: &str, shape: &Shape) -> Box<Fault> {
    misfit(format!("is missing; it must be {}", shape::named(&shape.ty))).into_fault(path)
}
