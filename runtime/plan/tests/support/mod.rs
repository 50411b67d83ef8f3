//! Arbitrary plans: of every form, and with indices that may point nowhere, since documents must carry them all.

#![allow(dead_code)]

pub mod expressions;
pub mod flows;
pub mod plans;
pub mod sample;
pub mod values;
