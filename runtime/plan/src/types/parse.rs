//! Reads the text form of types.

use super::{IntegerWidth, Type};

impl Type {
    /// How deeply a type may be nested: a scalar is 1 deep. Deeper types are refused when a plan is read.
    pub const MAX_DEPTH: usize = 256;

    /// How deeply it is nested; a scalar is 1 deep, and `?` adds nothing.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut deepest = 0;
        let mut open = vec![(self, 1)];
        while let Some((ty, depth)) = open.pop() {
            deepest = deepest.max(depth);
            match ty {
                Self::Nullable(inner) => open.push((inner, depth)),
                Self::List(item) | Self::Set(item) | Self::Select(item) | Self::Multi(item) => {
                    open.push((item, depth + 1));
                }
                Self::Map(key, value) => open.extend([(&**key, depth + 1), (&**value, depth + 1)]),
                Self::Record(fields) => open.extend(fields.iter().map(|(_, field)| (field, depth + 1))),
                _ => {}
            }
        }
        deepest
    }
}

impl std::str::FromStr for Type {
    type Err = TypeError;

    fn from_str(text: &str) -> Result<Self, TypeError> {
        let mut parser = Parser { text, position: 0 };
        let ty = parser.ty(1)?;
        parser.skip_space();
        if parser.position < text.len() {
            return Err(parser.expected("the end of the type"));
        }
        Ok(ty)
    }
}

impl TryFrom<String> for Type {
    type Error = TypeError;

    fn try_from(text: String) -> Result<Self, TypeError> {
        text.parse()
    }
}

/// Why a text is not a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeError {
    /// Something else stands where a part of the type was due.
    Expected {
        /// What was due, in words.
        expected: &'static str,
        /// What stands there; empty at the end of the text.
        found: String,
        /// The whole text, shortened.
        text: String,
    },
    /// No type has this name.
    Unknown {
        /// The name.
        name: String,
        /// The whole text, shortened.
        text: String,
    },
    /// `T??`.
    NullableTwice {
        /// The whole text, shortened.
        text: String,
    },
    /// Nested deeper than [`Type::MAX_DEPTH`].
    TooDeep,
}

impl std::fmt::Display for TypeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Expected { expected, found, text } if found.is_empty() => {
                write!(f, "the type `{text}` ends where {expected} is due")
            }
            Self::Expected { expected, found, text } => {
                write!(f, "the type `{text}` has `{found}` where {expected} is due")
            }
            Self::Unknown { name, text } if name == text => write!(f, "there is no type `{name}`"),
            Self::Unknown { name, text } => write!(f, "there is no type `{name}`, as in `{text}`"),
            Self::NullableTwice { text } => {
                write!(f, "the type `{text}` has `?` twice; one says already that the value may be null")
            }
            Self::TooDeep => write!(f, "the type is nested more than {} deep", Type::MAX_DEPTH),
        }
    }
}

impl std::error::Error for TypeError {}

/// A type's text, cut for a message.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

struct Parser<'text> {
    text: &'text str,
    position: usize,
}

impl Parser<'_> {
    fn ty(&mut self, depth: usize) -> Result<Type, TypeError> {
        if depth > Type::MAX_DEPTH {
            return Err(TypeError::TooDeep);
        }
        let ty = self.plain(depth)?;
        if !self.take('?') {
            return Ok(ty);
        }
        if self.take('?') {
            return Err(TypeError::NullableTwice { text: shortened(self.text) });
        }
        Ok(ty.nullable())
    }

    fn plain(&mut self, depth: usize) -> Result<Type, TypeError> {
        if self.take('{') {
            return self.record(depth);
        }
        let name = self.plain_name();
        let ty = match name.as_str() {
            "" => return Err(self.expected("a type")),
            "bool" => Type::Bool,
            "float32" => Type::Float32,
            "float64" => Type::Float64,
            "decimal" => Type::Decimal,
            "text" => Type::Text,
            "bytes" => Type::Bytes,
            "timestamp" => Type::Timestamp,
            "date" => Type::Date,
            "duration" => Type::Duration,
            "json" => Type::Json,
            "link" => Type::Link,
            "attachment" => Type::Attachment,
            "list" => Type::List(self.argument(depth)?),
            "set" => Type::Set(self.argument(depth)?),
            "select" => Type::Select(self.argument(depth)?),
            "multi" => Type::Multi(self.argument(depth)?),
            "map" => {
                self.due('<', "`<`")?;
                let key = self.ty(depth + 1)?;
                self.due(',', "`,`")?;
                let value = self.ty(depth + 1)?;
                self.due('>', "`>`")?;
                Type::Map(Box::new(key), Box::new(value))
            }
            _ => match IntegerWidth::ALL.into_iter().find(|width| width.name() == name) {
                Some(width) => Type::Integer(width),
                None => return Err(TypeError::Unknown { name: shortened(&name), text: shortened(self.text) }),
            },
        };
        Ok(ty)
    }

    fn argument(&mut self, depth: usize) -> Result<Box<Type>, TypeError> {
        self.due('<', "`<`")?;
        let ty = self.ty(depth + 1)?;
        self.due('>', "`>`")?;
        Ok(Box::new(ty))
    }

    fn record(&mut self, depth: usize) -> Result<Type, TypeError> {
        let mut fields = Vec::new();
        if self.take('}') {
            return Ok(Type::Record(fields));
        }
        loop {
            let name = self.member_name()?;
            self.due(':', "`:`")?;
            fields.push((name, self.ty(depth + 1)?));
            if self.take('}') {
                return Ok(Type::Record(fields));
            }
            self.due(',', "`,` or `}`")?;
        }
    }

    fn member_name(&mut self) -> Result<String, TypeError> {
        if self.take('"') {
            return self.quoted_name();
        }
        let name = self.plain_name();
        if name.is_empty() { Err(self.expected("a member's name")) } else { Ok(name) }
    }

    fn plain_name(&mut self) -> String {
        self.skip_space();
        let rest = &self.text[self.position..];
        let end = rest.find(|character| !super::is_plain(character)).unwrap_or(rest.len());
        self.position += end;
        rest[..end].to_owned()
    }

    /// The rest of a name in quotes, in which `\` stands before `"` and `\`.
    fn quoted_name(&mut self) -> Result<String, TypeError> {
        let mut name = String::new();
        let mut characters = self.text[self.position..].char_indices();
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.position += offset + 1;
                    return Ok(name);
                }
                '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
                other => name.push(other),
            }
        }
        self.position = self.text.len();
        Err(self.expected("`\"`"))
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.position..];
        self.position += rest.len() - rest.trim_start().len();
    }

    /// Takes a character if it comes next.
    fn take(&mut self, character: char) -> bool {
        self.skip_space();
        let here = self.text[self.position..].starts_with(character);
        if here {
            self.position += character.len_utf8();
        }
        here
    }

    fn due(&mut self, character: char, expected: &'static str) -> Result<(), TypeError> {
        if self.take(character) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn expected(&mut self, expected: &'static str) -> TypeError {
        self.skip_space();
        let rest = &self.text[self.position..];
        let end = rest.find(|character| !super::is_plain(character)).unwrap_or(rest.len());
        let found = if end > 0 { &rest[..end] } else { rest.get(..1).unwrap_or(rest) };
        TypeError::Expected { expected, found: shortened(found), text: shortened(self.text) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Type, TypeError};

    fn refusal(text: &str) -> String {
        text.parse::<Type>().map_or_else(|error| error.to_string(), |ty| format!("read as {ty}"))
    }

    #[test]
    fn every_form_reads_back_as_written() {
        for text in [
            "bool",
            "int8",
            "uint64",
            "float32",
            "float64",
            "decimal",
            "text?",
            "bytes",
            "timestamp",
            "date",
            "duration",
            "json",
            "link",
            "attachment",
            "list<int64?>?",
            "set<text>",
            "select<int32>",
            "multi<text>",
            "{}",
            "map<text, { start: timestamp, end: timestamp? }>",
            "{ 数量: int64, \"a b\": text, \"\": bool, \"q\\\"\\\\\": date }",
        ] {
            assert_eq!(text.parse::<Type>().map(|ty| ty.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn space_does_not_matter() {
        assert_eq!(
            " map <text,{start:timestamp}> ? ".parse::<Type>().unwrap().to_string(),
            "map<text, { start: timestamp }>?"
        );
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        assert_eq!(refusal("int65"), "there is no type `int65`");
        assert_eq!(refusal("list<integer>"), "there is no type `integer`, as in `list<integer>`");
        assert_eq!(refusal(""), "the type `` ends where a type is due");
        assert_eq!(refusal("map<text>"), "the type `map<text>` has `>` where `,` is due");
        assert_eq!(refusal("text text"), "the type `text text` has `text` where the end of the type is due");
        assert_eq!(refusal("{ a: text"), "the type `{ a: text` ends where `,` or `}` is due");
        assert_eq!(refusal("text??"), "the type `text??` has `?` twice; one says already that the value may be null");
        assert_eq!(refusal("{ \"a"), "the type `{ \"a` ends where `\"` is due");
    }

    #[test]
    fn depth_is_limited_and_measured_alike() {
        let nested = |levels: usize| format!("{}text{}", "list<".repeat(levels), ">".repeat(levels));
        let deepest: Type = nested(Type::MAX_DEPTH - 1).parse().unwrap();
        assert_eq!(deepest.depth(), Type::MAX_DEPTH);
        assert_eq!(nested(Type::MAX_DEPTH).parse::<Type>(), Err(TypeError::TooDeep));
        assert_eq!(refusal(&"list<".repeat(1_000_000)), "the type is nested more than 256 deep");
    }
}
