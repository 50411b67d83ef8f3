//! `std.url`.

use url::Url;

use crate::{
    fault::Fallible,
    functions::{
        Builtin, Call,
        support::{conversion, not_a, pure},
    },
    value::{Value, quoted},
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("is_url(text)", |call| Ok(Value::Bool(Url::parse(call.text(0)?).is_ok()))),
    pure("url_scheme(text)", |call| Ok(call.new_text(url(call)?.scheme()))),
    pure("url_host(text)", |call| Ok(optional(call, url(call)?.host_str()))),
    pure("url_port(text)", |call| {
        Ok(url(call)?.port_or_known_default().map_or(Value::Null, |port| Value::Integer(port.into())))
    }),
    pure("url_path(text)", |call| Ok(call.new_text(url(call)?.path()))),
    pure("url_query(text)", |call| Ok(optional(call, url(call)?.query()))),
    pure("url_fragment(text)", |call| Ok(optional(call, url(call)?.fragment()))),
    pure("query_parameter(text, text)", |call| {
        let (url, name) = (url(call)?, call.text(1)?);
        let found = url.query_pairs().find(|(found, _)| found == name);
        Ok(optional(call, found.as_ref().map(|(_, value)| value.as_ref())))
    }),
    pure("query_parameters(text)", |call| {
        let url = url(call)?;
        let pairs = url.query_pairs().map(|(name, value)| (call.new_text(&name), call.new_text(&value)));
        Ok(call.new_map(pairs.collect()))
    }),
    pure("url_join(text, text)", |call| {
        let relative = call.text(1)?;
        match url(call)?.join(relative) {
            Ok(joined) => Ok(call.new_text(joined.as_str())),
            Err(_) => Err(conversion(format!("{} is no URL that can stand on a page", quoted(relative)))),
        }
    }),
    pure("percent_encode(text)", |call| {
        let bytes = call.bytes(0)?;
        Ok(call.new_written(|out| percent_encode(bytes, out)))
    }),
    pure("percent_decode(text)", |call| {
        let text = call.text(0)?;
        match String::from_utf8(percent_decode(text.as_bytes())) {
            Ok(decoded) => Ok(call.new_text(&decoded)),
            Err(_) => Err(conversion(format!("the bytes that {} stands for are not UTF-8", quoted(text)))),
        }
    }),
];

/// The first argument as a URL.
fn url(call: &Call<'_, '_>) -> Fallible<Url> {
    let text = call.text(0)?;
    Url::parse(text).map_err(|_| not_a(text, "an absolute URL"))
}

fn optional<'b>(call: &Call<'_, 'b>, text: Option<&str>) -> Value<'b> {
    text.map_or(Value::Null, |text| call.new_text(text))
}

fn percent_encode(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

fn percent_decode(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        if let [high, low, next @ ..] = after
            && *first == b'%'
            && let (Some(high), Some(low)) = (digit(high), digit(low))
        {
            out.push(high << 4 | low);
            rest = next;
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_encoded_and_decoded() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut out = Vec::new();
        percent_encode(&bytes, &mut out);
        assert!(out.is_ascii());
        assert_eq!(percent_decode(&out), bytes);
        assert_eq!(percent_decode(b"%%4%zz%"), b"%%4%zz%");
    }
}
