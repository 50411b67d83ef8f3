//! nsfc.
fn main() {}
