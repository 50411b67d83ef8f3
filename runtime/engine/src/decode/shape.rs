//! Values of any type from JSON, by a shape that is made once from the type.

use bumpalo::{Bump, collections::Vec as ArenaVec};
use nsf_plan::{IntegerWidth, Type};

use crate::{
    decode::{
        number::{self, Whole},
        scan::Cursor,
        text,
    },
    fault::{Fallible, Fault, FaultCode},
    value::{Value, quoted},
};

/// How a type is read.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The type, for messages.
    pub ty: Type,
    /// Whether null is taken.
    pub nullable: bool,
    /// Its form.
    pub form: Form,
}

/// The forms of types.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Form {
    Bool,
    Integer(IntegerWidth),
    Float {
        single: bool,
    },
    Decimal,
    Text,
    Bytes,
    Timestamp,
    Date,
    Duration,
    Json,
    List(Box<Shape>),
    /// Sorted, without repetition.
    Set(Box<Shape>),
    Map(Box<Shape>, Box<Shape>),
    Record(Vec<Member>),
}

/// A member of a record.
#[derive(Clone, Debug)]
pub struct Member {
    /// The name that it is read by.
    pub name: String,
    /// How it is read.
    pub shape: Shape,
}

impl Shape {
    /// The shape of a type. `renames` has the members that are read by other names: the path of field names inside
    /// the type, and the name.
    #[must_use]
    pub fn new(ty: &Type, renames: &[(Vec<String>, String)]) -> Self {
        Self::inside(ty, renames, &mut Vec::new())
    }

    fn inside(ty: &Type, renames: &[(Vec<String>, String)], path: &mut Vec<String>) -> Self {
        let form = match ty.non_null() {
            Type::Bool => Form::Bool,
            Type::Integer(width) => Form::Integer(*width),
            Type::Float32 => Form::Float { single: true },
            Type::Float64 => Form::Float { single: false },
            Type::Decimal => Form::Decimal,
            Type::Text => Form::Text,
            Type::Bytes => Form::Bytes,
            Type::Timestamp => Form::Timestamp,
            Type::Date => Form::Date,
            Type::Duration => Form::Duration,
            Type::Json => Form::Json,
            Type::List(item) => Form::List(Box::new(Self::inside(item, renames, path))),
            Type::Set(item) | Type::Multi(item) => Form::Set(Box::new(Self::inside(item, renames, path))),
            Type::Map(key, value) => {
                Form::Map(Box::new(Self::inside(key, &[], path)), Box::new(Self::inside(value, renames, path)))
            }
            Type::Record(members) => {
                let mut list = Vec::with_capacity(members.len());
                for (name, ty) in members {
                    path.push(name.clone());
                    let shape = Self::inside(ty, renames, path);
                    let renamed = renames.iter().find(|(from, _)| from == path).map(|(_, to)| to.clone());
                    list.push(Member { name: renamed.unwrap_or_else(|| name.clone()), shape });
                    path.pop();
                }
                Form::Record(list)
            }
            Type::Link | Type::Attachment => Form::Record(
                ["name", "url"].map(|name| Member { name: name.into(), shape: Self::new(&Type::Text, &[]) }).into(),
            ),
            Type::Select(inner) => return Self { nullable: ty.is_nullable(), ..Self::inside(inner, renames, path) },
            // `non_null` has taken it off.
            Type::Nullable(inner) => Self::inside(inner, renames, path).form,
        };
        Self { ty: ty.non_null().clone(), nullable: ty.is_nullable(), form }
    }
}

/// Why a value cannot be read.
#[derive(Debug)]
pub enum Wrong {
    /// The text is not JSON.
    Fault(Box<Fault>),
    /// A value does not fit its type.
    Misfit(Box<Misfit>),
}

/// A value that does not fit its type.
#[derive(Debug)]
pub struct Misfit {
    /// Where inside the field: `.start`, `[3]`.
    pub inside: String,
    /// "must be an int64, but is the text `abc`".
    pub what: String,
}

impl From<Box<Fault>> for Wrong {
    fn from(fault: Box<Fault>) -> Self {
        Self::Fault(fault)
    }
}

impl Wrong {
    /// The fault, with the member's name.
    #[cold]
    #[must_use]
    pub fn into_fault(self, path: &str) -> Box<Fault> {
        match self {
            Self::Fault(fault) => fault,
            Self::Misfit(misfit) => {
                let Misfit { inside, what } = *misfit;
                let inside = if path.is_empty() { inside.strip_prefix('.').unwrap_or(&inside) } else { &inside };
                let name =
                    if path.is_empty() && inside.is_empty() { "the value".into() } else { format!("`{path}{inside}`") };
                Fault::new(FaultCode::Field, format!("{name} {what}"))
            }
        }
    }

    #[cold]
    fn within(self, place: &str) -> Self {
        match self {
            Self::Misfit(mut misfit) => {
                misfit.inside.insert_str(0, place);
                Self::Misfit(misfit)
            }
            fault @ Self::Fault(_) => fault,
        }
    }
}

/// A misfit with its words.
#[cold]
pub fn misfit(what: impl Into<String>) -> Wrong {
    Wrong::Misfit(Box::new(Misfit { inside: String::new(), what: what.into() }))
}

/// The name of a type with its article: "an int64", "a text".
#[must_use]
pub fn named(ty: &Type) -> String {
    let name = ty.to_string();
    let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}

/// What reading a value needs and counts.
pub struct Reader<'r, 'b> {
    /// Where texts with escapes and lists are put.
    pub arena: &'b Bump,
    /// Whether values of near types are converted.
    pub lenient: bool,
    /// Whether unknown members of records are refused.
    pub strict: bool,
    /// How many values were converted.
    pub conversions: &'r mut u32,
}

/// The result of reading a value.
pub type Read<T> = Result<T, Wrong>;

impl<'b> Reader<'_, 'b> {
    /// Reads a value at the cursor.
    ///
    /// # Errors
    /// The text is not JSON, or the value does not fit.
    pub fn value(&mut self, shape: &Shape, cursor: &mut Cursor<'b>, depth: u32) -> Read<Value<'b>> {
        let first = cursor.peek()?;
        if first == b'n' {
            cursor.word("null")?;
            return if shape.nullable {
                Ok(Value::Null)
            } else if matches!(shape.form, Form::Json) {
                // One of the values that the type holds.
                Ok(Value::Json("null"))
            } else {
                Err(misfit(format!("must be {}, but is null", named(&shape.ty))))
            };
        }
        match (&shape.form, first) {
            (Form::Bool, b't') => Ok(cursor.word("true").map(|()| Value::Bool(true))?),
            (Form::Bool, b'f') => Ok(cursor.word("false").map(|()| Value::Bool(false))?),
            (Form::Text, b'"') => Ok(Value::Text(cursor.string()?.unescape(self.arena))),
            (Form::Json, _) => {
                let start = cursor.at();
                cursor.skip()?;
                Ok(Value::Json(cursor.range(start, cursor.at())))
            }
            (
                Form::Integer(_) | Form::Float { .. } | Form::Decimal | Form::Duration | Form::Timestamp,
                b'-' | b'0'..=b'9',
            ) => number(shape, cursor.number()?),
            (Form::Timestamp | Form::Duration, b'"') => {
                let content = cursor.string()?.unescape(self.arena);
                match number::is_number(content.trim()) {
                    false => text::value(shape, content, self.arena),
                    true if self.lenient => self.numeric(shape, content),
                    true => Err(misfit(format!("must be {}, but is the text {}", named(&shape.ty), quoted(content)))),
                }
            }
            (Form::Bytes | Form::Date, b'"') => {
                let content = cursor.string()?.unescape(self.arena);
                text::value(shape, content, self.arena)
            }
            (Form::Integer(_) | Form::Float { .. } | Form::Decimal, b'"') if self.lenient => {
                let content = cursor.string()?.unescape(self.arena);
                self.numeric(shape, content)
            }
            (Form::List(item), b'[') => Ok(Value::List(self.items(item, cursor, depth)?)),
            (Form::Set(item), b'[') => Ok(Value::List(sorted(self.items(item, cursor, depth)?, self.arena))),
            (Form::List(item) | Form::Set(item), _) if self.lenient => {
                let value = self.value(item, cursor, depth)?;
                *self.conversions += 1;
                Ok(Value::List(self.arena.alloc_slice_copy(&[value])))
            }
            (Form::Map(key, value), b'{') => self.map(key, value, cursor, depth),
            (Form::Map(key, value), b'[') if is_composite(key) => self.pairs(key, value, cursor, depth),
            (Form::Record(members), b'{') => self.record(members, cursor, depth),
            _ => Err(mismatch(shape, cursor)),
        }
    }

    /// A number in quotes, where that is tolerated.
    fn numeric(&mut self, shape: &Shape, content: &str) -> Read<Value<'b>> {
        let trimmed = content.trim();
        if !number::is_number(trimmed) {
            return Err(misfit(format!("must be {}, but is the text {}", named(&shape.ty), quoted(content))));
        }
        let value = number(shape, trimmed)?;
        *self.conversions += 1;
        Ok(value)
    }

    fn items(&mut self, item: &Shape, cursor: &mut Cursor<'b>, mut depth: u32) -> Read<&'b mut [Value<'b>]> {
        cursor.enter(&mut depth)?;
        cursor.take(b'[', "`[`")?;
        let mut items = ArenaVec::new_in(self.arena);
        if cursor.peek()? == b']' {
            cursor.take(b']', "`]`")?;
            return Ok(items.into_bump_slice_mut());
        }
        loop {
            items.push(self.value(item, cursor, depth).map_err(|wrong| wrong.within(&format!("[{}]", items.len())))?);
            if cursor.peek()? == b']' {
                cursor.take(b']', "`]`")?;
                return Ok(items.into_bump_slice_mut());
            }
            cursor.take(b',', "`,` or `]`")?;
        }
    }

    fn map(&mut self, key: &Shape, value: &Shape, cursor: &mut Cursor<'b>, mut depth: u32) -> Read<Value<'b>> {
        cursor.enter(&mut depth)?;
        let mut pairs = ArenaVec::new_in(self.arena);
        members(cursor, |cursor, name| {
            let place = || format!("[{}]", quoted(name.raw));
            let key =
                text::value(key, name.unescape(self.arena), self.arena).map_err(|wrong| wrong.within(&place()))?;
            let value = self.value(value, cursor, depth).map_err(|wrong| wrong.within(&place()))?;
            pairs.push((key, value));
            Ok(())
        })?;
        sorted_map(pairs.into_bump_slice_mut())
    }

    /// A map whose keys are records or lists: an array of `[key, value]`.
    fn pairs(&mut self, key: &Shape, value: &Shape, cursor: &mut Cursor<'b>, mut depth: u32) -> Read<Value<'b>> {
        cursor.enter(&mut depth)?;
        cursor.take(b'[', "`[`")?;
        let mut pairs = ArenaVec::new_in(self.arena);
        if cursor.peek()? == b']' {
            cursor.take(b']', "`]`")?;
            return Ok(Value::Map(&[]));
        }
        loop {
            if cursor.peek()? != b'[' {
                return Err(misfit("must be a list of pairs `[key, value]`").within(&format!("[{}]", pairs.len())));
            }
            cursor.take(b'[', "`[`")?;
            let key = self.value(key, cursor, depth)?;
            cursor.take(b',', "`,`")?;
            let value = self.value(value, cursor, depth)?;
            cursor.take(b']', "`]`")?;
            pairs.push((key, value));
            if cursor.peek()? == b']' {
                cursor.take(b']', "`]`")?;
                return sorted_map(pairs.into_bump_slice_mut());
            }
            cursor.take(b',', "`,` or `]`")?;
        }
    }

    fn record(&mut self, shapes: &[Member], cursor: &mut Cursor<'b>, mut depth: u32) -> Read<Value<'b>> {
        cursor.enter(&mut depth)?;
        let mut values = ArenaVec::with_capacity_in(shapes.len(), self.arena);
        values.resize(shapes.len(), None);
        members(cursor, |cursor, name| {
            let name = name.unescape(self.arena);
            let Some(index) = shapes.iter().position(|member| member.name == name) else {
                if self.strict {
                    return Err(misfit("is not a member that the source names").within(&format!(".{name}")));
                }
                return Ok(cursor.skip()?);
            };
            let value =
                self.value(&shapes[index].shape, cursor, depth).map_err(|wrong| wrong.within(&format!(".{name}")))?;
            if values[index].replace(value).is_some() {
                return Err(misfit("is there twice").within(&format!(".{name}")));
            }
            Ok(())
        })?;
        for (value, member) in values.iter_mut().zip(shapes) {
            if value.is_none() {
                if !member.shape.nullable {
                    return Err(misfit("is missing").within(&format!(".{}", member.name)));
                }
                *value = Some(Value::Null);
            }
        }
        let list = self.arena.alloc_slice_fill_iter(values.iter().map(|value| value.unwrap_or(Value::Null)));
        Ok(Value::Record(list))
    }
}

/// Reads an object: calls `member` after each name and colon, which must take the value.
fn members<'b>(
    cursor: &mut Cursor<'b>,
    mut member: impl FnMut(&mut Cursor<'b>, super::scan::Quoted<'b>) -> Read<()>,
) -> Read<()> {
    cursor.take(b'{', "`{`")?;
    if cursor.peek()? == b'}' {
        cursor.take(b'}', "`}`")?;
        return Ok(());
    }
    loop {
        let name = cursor.member_name()?;
        member(cursor, name)?;
        if cursor.peek()? == b'}' {
            cursor.take(b'}', "`}`")?;
            return Ok(());
        }
        cursor.take(b',', "`,` or `}`")?;
    }
}

/// Whether values of a shape have no text form of their own, so that they cannot be an object's member names.
#[must_use]
pub fn is_composite(shape: &Shape) -> bool {
    matches!(shape.form, Form::List(_) | Form::Set(_) | Form::Map(..) | Form::Record(_) | Form::Json) || shape.nullable
}

/// Sorts a set's elements and leaves out repetitions.
fn sorted<'b>(items: &'b mut [Value<'b>], arena: &'b Bump) -> &'b [Value<'b>] {
    items.sort_unstable();
    if items.windows(2).all(|pair| pair[0] != pair[1]) {
        return items;
    }
    let mut unique = ArenaVec::with_capacity_in(items.len(), arena);
    for item in items {
        if unique.last() != Some(item) {
            unique.push(*item);
        }
    }
    unique.into_bump_slice()
}

fn sorted_map<'b>(pairs: &'b mut [(Value<'b>, Value<'b>)]) -> Read<Value<'b>> {
    pairs.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(misfit("has the same key twice"));
    }
    Ok(Value::Map(pairs))
}

/// A number's text as a value.
///
/// # Errors
/// It does not fit the type.
pub fn number<'b>(shape: &Shape, raw: &str) -> Read<Value<'b>> {
    let width = match &shape.form {
        Form::Integer(width) => *width,
        Form::Timestamp | Form::Duration | Form::Date => IntegerWidth::Int64,
        Form::Decimal => {
            let value = number::decimal(raw).map(Value::Decimal);
            return value
                .ok_or_else(|| misfit(format!("must be a decimal, but {} has too many digits for one", quoted(raw))));
        }
        Form::Float { single } => return float(raw, *single),
        _ => return Err(misfit(format!("must be {}, but is the number {}", named(&shape.ty), quoted(raw)))),
    };
    let found = number::whole(raw);
    let value = if let Whole::Is(value) = found { number::within(value, width) } else { None };
    match (value, found) {
        (Some(value), _) if width == IntegerWidth::UInt64 => Ok(Value::Unsigned(value.cast_unsigned())),
        (Some(value), _) => Ok(Value::Integer(value)),
        (None, Whole::Fraction) => {
            Err(misfit(format!("must be {}, but {} is not a whole number", named(&shape.ty), quoted(raw))))
        }
        (None, Whole::NotNumber) => {
            Err(misfit(format!("must be {}, but {} is not a number", named(&shape.ty), quoted(raw))))
        }
        (None, _) => {
            let (least, most) = width.range();
            Err(misfit(format!("must be {}, but {} is outside {least} to {most}", named(&shape.ty), quoted(raw))))
        }
    }
}

fn float<'b>(raw: &str, single: bool) -> Read<Value<'b>> {
    let value = if single { raw.parse::<f32>().map(f64::from) } else { raw.parse::<f64>() };
    match value {
        Ok(value) if value.is_finite() => Ok(Value::Float(value)),
        _ => {
            let name = if single { "float32" } else { "float64" };
            Err(misfit(format!("must be a {name}, but {} is too large for one", quoted(raw))))
        }
    }
}

/// Says what stands where another type is due; the cursor passes it, so that what is not JSON is told as that.
#[cold]
pub fn mismatch(shape: &Shape, cursor: &mut Cursor<'_>) -> Wrong {
    let found = found(cursor);
    match found {
        Ok(found) => misfit(format!("must be {}, but is {found}", named(&shape.ty))),
        Err(fault) => Wrong::Fault(fault),
    }
}

fn found(cursor: &mut Cursor<'_>) -> Fallible<String> {
    let first = cursor.peek()?;
    let start = cursor.at();
    cursor.skip()?;
    let raw = cursor.range(start, cursor.at());
    Ok(match first {
        b'"' => format!("the text {}", quoted(raw.trim_matches('"'))),
        b'{' => "an object".into(),
        b'[' => "a list".into(),
        b't' | b'f' => quoted(raw),
        b'n' => "null".into(),
        _ => format!("the number {}", quoted(raw)),
    })
}
