//! Fuzzes `nsf_fuzz::targets::formatter`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nsf_fuzz::targets::formatter(bytes));
