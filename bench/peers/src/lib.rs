//! What the hand-written peer is made of.

pub mod cursor;
