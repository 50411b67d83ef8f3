//! The envelope of the ingest protocol, taken from a message's bytes in one pass.
//!
//! Every byte is checked as JSON; of the members only those that the protocol or the plan names are kept, as ranges of
//! the message. Nothing is converted here.

use ahash::AHashMap;
use bumpalo::{Bump, collections::Vec as ArenaVec};

use crate::{
    decode::scan::Cursor,
    fault::{Fallible, Fault, FaultCode},
};

/// What the protocol names in a message.
pub(super) struct Envelope<'b> {
    pub version: Option<&'b str>,
    pub arris_id: Option<&'b str>,
    pub app_id: Option<&'b str>,
    pub app_key: Option<&'b str>,
    /// `arris_message.time` as JSON.
    pub time: Option<&'b str>,
    pub command: Option<&'b str>,
    /// The members of `fields` that the plan reads, by the index that the caller gave them, as JSON.
    pub members: ArenaVec<'b, Option<&'b str>>,
    /// The names of all members of `fields`; none where there is no `fields`.
    pub names: Option<ArenaVec<'b, &'b str>>,
    /// `change_fields`.
    pub changed: Option<ArenaVec<'b, &'b str>>,
}

/// Reads an envelope. `members` gives the index of each member of `fields` that the plan reads.
///
/// # Errors
/// [`FaultCode::Malformed`] where it is not JSON or names a member twice, [`FaultCode::Protocol`] where a member of the
/// protocol has another form.
pub(super) fn read<'b>(text: &'b str, members: &AHashMap<String, u32>, arena: &'b Bump) -> Fallible<Envelope<'b>> {
    let mut values = ArenaVec::new_in(arena);
    values.resize(members.len(), None);
    let mut envelope = Envelope {
        version: None,
        arris_id: None,
        app_id: None,
        app_key: None,
        time: None,
        command: None,
        members: values,
        names: None,
        changed: None,
    };
    let mut cursor = Cursor::new(text);
    if cursor.peek()? != b'{' {
        return Err(Fault::new(FaultCode::Malformed, "the message is not a JSON object"));
    }
    let mut seen_message = false;
    each_member(&mut cursor, arena, |cursor, name| match name {
        "version" => once(&mut envelope.version, text_member(cursor, name, arena)?, name),
        "arris_id" => once(&mut envelope.arris_id, text_member(cursor, name, arena)?, name),
        "app_id" => once(&mut envelope.app_id, text_member(cursor, name, arena)?, name),
        "app_key" => once(&mut envelope.app_key, text_member(cursor, name, arena)?, name),
        "arris_message" => {
            if std::mem::replace(&mut seen_message, true) {
                return Err(twice(name));
            }
            due(cursor, b'{', name, "an object")?;
            read_message(cursor, members, arena, &mut envelope)
        }
        _ => cursor.skip(),
    })?;
    cursor.end()?;
    if seen_message { Ok(envelope) } else { Err(protocol("the message has no `arris_message`")) }
}

fn read_message<'b>(
    cursor: &mut Cursor<'b>,
    members: &AHashMap<String, u32>,
    arena: &'b Bump,
    envelope: &mut Envelope<'b>,
) -> Fallible<()> {
    each_member(cursor, arena, |cursor, name| match name {
        "time" => once(&mut envelope.time, Some(raw(cursor)?), name),
        "cmd" => once(&mut envelope.command, text_member(cursor, name, arena)?, name),
        "fields" => {
            due(cursor, b'{', "arris_message.fields", "an object")?;
            let names = read_fields(cursor, members, arena, &mut envelope.members)?;
            once(&mut envelope.names, Some(names), name)
        }
        "change_fields" => once(&mut envelope.changed, read_changed(cursor, arena)?, name),
        _ => cursor.skip(),
    })
}

fn read_fields<'b>(
    cursor: &mut Cursor<'b>,
    members: &AHashMap<String, u32>,
    arena: &'b Bump,
    values: &mut [Option<&'b str>],
) -> Fallible<ArenaVec<'b, &'b str>> {
    let mut names = ArenaVec::new_in(arena);
    each_member(cursor, arena, |cursor, name| {
        names.push(name);
        let value = members.get(name).and_then(|index| values.get_mut(*index as usize));
        match value {
            Some(value) => once(value, Some(raw(cursor)?), name),
            None => cursor.skip(),
        }
    })?;
    Ok(names)
}

/// A list of texts; none for null.
fn read_changed<'b>(cursor: &mut Cursor<'b>, arena: &'b Bump) -> Fallible<Option<ArenaVec<'b, &'b str>>> {
    if cursor.peek()? == b'n' {
        cursor.word("null")?;
        return Ok(None);
    }
    due(cursor, b'[', "arris_message.change_fields", "a list of names")?;
    let mut names = ArenaVec::new_in(arena);
    each_element(cursor, |cursor| {
        due(cursor, b'"', "arris_message.change_fields", "a list of names")?;
        names.push(cursor.string()?.unescape(arena));
        Ok(())
    })?;
    Ok(Some(names))
}

/// Goes through the members of the object that begins here. `value` gets each name and must take its value.
pub(super) fn each_member<'b>(
    cursor: &mut Cursor<'b>,
    arena: &'b Bump,
    mut value: impl FnMut(&mut Cursor<'b>, &'b str) -> Fallible<()>,
) -> Fallible<()> {
    cursor.take(b'{', "`{`")?;
    if cursor.peek()? == b'}' {
        return cursor.take(b'}', "`}`");
    }
    loop {
        let name = cursor.string()?.unescape(arena);
        cursor.take(b':', "`:`")?;
        cursor.peek()?;
        value(cursor, name)?;
        if cursor.peek()? == b',' {
            cursor.take(b',', "`,`")?;
        } else {
            return cursor.take(b'}', "`,` or `}`");
        }
    }
}

/// Goes through the elements of the list that begins here. `value` must take each.
pub(super) fn each_element<'b>(
    cursor: &mut Cursor<'b>,
    mut value: impl FnMut(&mut Cursor<'b>) -> Fallible<()>,
) -> Fallible<()> {
    cursor.take(b'[', "`[`")?;
    if cursor.peek()? == b']' {
        return cursor.take(b']', "`]`");
    }
    loop {
        cursor.peek()?;
        value(cursor)?;
        if cursor.peek()? == b',' {
            cursor.take(b',', "`,`")?;
        } else {
            return cursor.take(b']', "`,` or `]`");
        }
    }
}

/// Takes a value of any kind as its JSON text.
pub(super) fn raw<'b>(cursor: &mut Cursor<'b>) -> Fallible<&'b str> {
    cursor.peek()?;
    let start = cursor.at();
    cursor.skip()?;
    Ok(cursor.range(start, cursor.at()))
}

/// Takes a text; none for null.
fn text_member<'b>(cursor: &mut Cursor<'b>, name: &str, arena: &'b Bump) -> Fallible<Option<&'b str>> {
    if cursor.peek()? == b'n' {
        return cursor.word("null").map(|()| None);
    }
    due(cursor, b'"', name, "a text")?;
    Ok(Some(cursor.string()?.unescape(arena)))
}

/// Checks that a value begins with a byte. What is no JSON at all stays the cursor's fault to tell.
fn due(cursor: &mut Cursor<'_>, first: u8, name: &str, form: &str) -> Fallible<()> {
    if cursor.peek()? == first {
        return Ok(());
    }
    cursor.skip()?;
    Err(protocol(format!("`{name}` must be {form}")))
}

fn once<T>(place: &mut Option<T>, value: Option<T>, name: &str) -> Fallible<()> {
    if place.is_some() {
        return Err(twice(name));
    }
    *place = value;
    Ok(())
}

fn twice(name: &str) -> Box<Fault> {
    Fault::new(FaultCode::Malformed, format!("the member `{name}` stands twice"))
}

/// A fault of the protocol.
pub(super) fn protocol(message: impl Into<Box<str>>) -> Box<Fault> {
    Fault::new(FaultCode::Protocol, message)
}
