//! Fuzzes `nsf_fuzz::targets::record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nsf_fuzz::targets::record(bytes));
