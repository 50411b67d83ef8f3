//! `std.hash`.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    encode::base64,
    fault::Fallible,
    functions::{
        Builtin, Call,
        support::{argument, not_a, pure},
    },
    value::{Value, quoted},
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("sha256(text)", |call| Ok(hexadecimal(call, &Sha256::digest(call.bytes(0)?)))),
    pure("sha256(bytes)", |call| Ok(hexadecimal(call, &Sha256::digest(call.bytes(0)?)))),
    pure("md5(text)", |call| Ok(hexadecimal(call, &Md5::digest(call.bytes(0)?)))),
    pure("md5(bytes)", |call| Ok(hexadecimal(call, &Md5::digest(call.bytes(0)?)))),
    pure("hmac_sha256(text, text)", |call| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(call.bytes(1)?) else {
            return Err(argument("the key does not suit `hmac_sha256`"));
        };
        mac.update(call.bytes(0)?);
        Ok(hexadecimal(call, &mac.finalize().into_bytes()))
    }),
    pure("xxh3(text)", |call| Ok(Value::Unsigned(xxh3_64(call.bytes(0)?)))),
    pure("xxh3(bytes)", |call| Ok(Value::Unsigned(xxh3_64(call.bytes(0)?)))),
    pure("crc32(text)", |call| Ok(Value::Integer(crc32fast::hash(call.bytes(0)?).into()))),
    pure("crc32(bytes)", |call| Ok(Value::Integer(crc32fast::hash(call.bytes(0)?).into()))),
    pure("bucket(text, int64)", |call| bucket(call, call.bytes(0)?)),
    pure("bucket(int64, int64)", |call| bucket(call, call.integer(0)?.to_string().as_bytes())),
    pure("uuid_v5(text, text)", |call| {
        let namespace = match call.text(1)? {
            "dns" => Uuid::NAMESPACE_DNS,
            "url" => Uuid::NAMESPACE_URL,
            "oid" => Uuid::NAMESPACE_OID,
            "x500" => Uuid::NAMESPACE_X500,
            other => uuid(other).ok_or_else(|| {
                argument(format!("{} is no namespace: it must be a UUID, `dns`, `url`, `oid` or `x500`", quoted(other)))
            })?,
        };
        Ok(call.new_text(&Uuid::new_v5(&namespace, call.bytes(0)?).to_string()))
    }),
    pure("is_uuid(text)", |call| Ok(Value::Bool(uuid(call.text(0)?).is_some()))),
    pure("base64_encode(bytes)", |call| {
        let bytes = call.bytes(0)?;
        Ok(call.new_written(|out| base64::encode(bytes, out)))
    }),
    pure("base64_decode(text)", base64_decode),
    pure("hex_encode(bytes)", |call| Ok(hexadecimal(call, call.bytes(0)?))),
    pure("hex_decode(text)", hex_decode),
];

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn hexadecimal<'b>(call: &Call<'_, 'b>, bytes: &[u8]) -> Value<'b> {
    call.new_written(|out| {
        out.extend(bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
    })
}

fn hex_decode<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let text = call.text(0)?;
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
    match bytes {
        Some(bytes) if rest.is_empty() => Ok(Value::Bytes(call.arena.alloc_slice_copy(&bytes))),
        _ => Err(not_a(text, "bytes in hexadecimal digits, two for each")),
    }
}

fn base64_decode<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let text = call.text(0)?;
    let mut usual: String = text
        .trim_end_matches('=')
        .chars()
        .map(|character| match character {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    let padding = (4 - usual.len() % 4) % 4;
    let written = text.len() - text.trim_end_matches('=').len();
    usual.extend(std::iter::repeat_n('=', padding));
    let bytes = if written == 0 || written == padding { base64::decode(&usual, call.arena) } else { None };
    bytes.map(Value::Bytes).ok_or_else(|| not_a(text, "base64"))
}

fn bucket<'b>(call: &Call<'_, 'b>, key: &[u8]) -> Fallible<Value<'b>> {
    let buckets = call.integer(1)?;
    let Some(number) = u128::try_from(buckets).ok().filter(|number| *number > 0) else {
        return Err(argument(format!("keys are spread over 1 bucket or more, not over {buckets}")));
    };
    // The hash as a fraction of 2^64, times the number.
    let bucket = (u128::from(xxh3_64(key)) * number) >> 64;
    Ok(Value::Integer(i64::try_from(bucket).unwrap_or(0)))
}

/// A UUID in one of its two common forms.
fn uuid(text: &str) -> Option<Uuid> {
    if matches!(text.len(), 32 | 36) { Uuid::try_parse(text).ok() } else { None }
}
