//! From values to bytes: the JSON forms, the compact form of cells in a store, and keys.
//!
//! # JSON forms
//!
//! | type | form |
//! |---|---|
//! | `bool` | `true`, `false` |
//! | integers | a number: `-7`; an `int64` above 2^53 too |
//! | `float32`, `float64` | the shortest number that reads back the same: `0.1`, `12.0`, `1e+300` |
//! | `decimal` | a number with all its digits: `12.50` |
//! | `text` | a text |
//! | `bytes` | base64 with padding |
//! | `timestamp` | RFC 3339 in UTC: `"2023-05-21T00:00:00Z"`, with `.250` where milliseconds are not zero |
//! | `date` | `"2023-05-21"` |
//! | `duration` | a number of milliseconds |
//! | `json` | as it came |
//! | `list<T>`, `set<T>`, `multi<T>` | an array |
//! | `map<K, V>` | an object; a key that is not a text by its JSON form in quotes; where K is a record or list an array of `[key, value]` |
//! | a record | an object, members in the order of the type |
//! | `link`, `attachment` | `{"name": …, "url": …}` |
//! | null | `null` |

pub mod base64;
pub mod cell;
pub(crate) mod escape;
pub mod json;
pub mod key;

#[cfg(test)]
pub(crate) mod tests;
