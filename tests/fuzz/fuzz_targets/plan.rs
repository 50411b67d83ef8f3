//! Fuzzes `nsf_fuzz::targets::plan`, and what lies behind the hash.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    nsf_fuzz::targets::plan(bytes);
    nsf_fuzz::targets::plan_behind_the_hash(bytes);
});
