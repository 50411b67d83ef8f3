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
        block::Block,
        scan::Cursor,
        shape::{self, Form, Reader, Shape, Wrong, misfit},
        tree::{Action, END, START, Tree},
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
    fast: Vec<Fast>,
    tree: Tree,
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
            fast: takers.iter().map(Fast::of).collect(),
            seen: vec![0; (takers.len() + tree.nodes.len()).div_ceil(64)],
            takers,
            tree,
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
    fn object<'b>(&mut self, node: usize, cursor: &mut Cursor<'b>, frame: &Frame<'b>, arena: &'b Bump) -> Fallible<()> {
        let mut previous = START;
        loop {
            let list = &self.tree.nodes[node].known;
            let [likely, other] = list[previous as usize].next;
            let action = if cursor.take_block(&list[likely as usize].lead) {
                previous = likely;
                list[likely as usize].action
            } else if cursor.take_block(&list[other as usize].lead) {
                previous = other;
                list[other as usize].action
            } else {
                let (found, action) = self.find(node, previous, cursor, arena)?;
                previous = found;
                action
            };
            match action {
                Action::Skip => cursor.skip()?,
                Action::Take(taker) => self.take(taker as usize, cursor, frame, arena)?,
                Action::End => return Ok(()),
                action => self.rare(action, cursor, frame, arena)?,
            }
        }
    }

    #[inline]
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
            _ => Ok(()),
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
            match self.tree.several[list][index] {
                Action::Take(taker) => self.take(taker as usize, cursor, frame, arena)?,
                Action::Object(inner) => self.inner_object(inner as usize, cursor, frame, arena)?,
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    /// Parses what follows a value (or the opening brace): the end of the object, or the next member up to its value.
    #[inline(never)]
    fn find<'b>(
        &mut self,
        node: usize,
        previous: u32,
        cursor: &mut Cursor<'b>,
        arena: &'b Bump,
    ) -> Fallible<(u32, Action)> {
        let start = cursor.at();
        let first = cursor.peek()?;
        if previous == START {
            cursor.take(b'{', "`{`")?;
        } else if first == b',' {
            cursor.take(b',', "`,`")?;
        }
        if first == b'}' || (previous == START && cursor.peek()? == b'}') {
            cursor.take(b'}', "`}`")?;
            if cursor.at() == start + 1 {
                self.tree.nodes[node].follows(previous, END);
            }
            return Ok((END, Action::End));
        }
        if previous != START && first != b',' {
            return Err(cursor.unexpected("`,` or `}`"));
        }
        let name = cursor.member_name()?;
        let first = cursor.peek()?;
        let lead = cursor.range(start, cursor.at()).as_bytes();
        let tree = &mut self.tree;
        let (found, action) = match tree.nodes[node].known_by(lead) {
            Some(found) => (found, tree.nodes[node].known[found as usize].action),
            None => {
                let name = name.unescape(arena);
                let action = match tree.nodes[node].action(name) {
                    None if self.strict => return Err(self.unknown(node, name)),
                    None if first == b'{' && lead.len() <= Block::LONGEST => tree.pass(),
                    None => Action::Skip,
                    Some(action) => action,
                };
                (tree.nodes[node].learn(lead, action), action)
            }
        };
        tree.nodes[node].follows(previous, found);
        Ok((found, action))
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

    /// Reads a value into its slot.
    #[inline(always)]
    fn take<'b>(&mut self, taker: usize, cursor: &mut Cursor<'b>, frame: &Frame<'b>, arena: &'b Bump) -> Fallible<()> {
        if self.mark(taker as u32) {
            return Err(self.twice(taker));
        }
        let place = self.takers[taker].place;
        match self.fast[taker] {
            Fast::Integer { least, most } => {
                if let Some(value) = cursor.plain_integer().filter(|value| *value >= least && *value <= most) {
                    frame.set_integer(place, value);
                    return Ok(());
                }
            }
            Fast::Float => {
                if let Some(value) = cursor.plain_float() {
                    frame.set_float(place, value);
                    return Ok(());
                }
            }
            Fast::Text => {
                if cursor.peek()? == b'"' {
                    frame.set_text(place, cursor.string()?.unescape(arena));
                    return Ok(());
                }
            }
            Fast::None => {}
        }
        self.take_slowly(taker, cursor, frame, arena)
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
