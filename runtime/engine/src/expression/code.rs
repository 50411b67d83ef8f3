//! The shapes of compiled code: one closure type for each kind of result.

use crate::{fault::Fallible, frame::Context, value::Value};

/// A kind of result: which Rust type a value of it has while a batch is worked on.
pub trait Kinded: 'static {
    /// The Rust type.
    type Out<'b>: Copy;
}

/// `bool`.
pub struct Bool;
/// Integers (`uint64` as its bits), `timestamp`, `date`, `duration`.
pub struct Integer;
/// `float32` and `float64`.
pub struct Float;
/// `text`.
pub struct Text;
/// Any type, null included.
pub struct Dynamic;
/// A scalar that may be null.
pub struct Nullable<K>(std::marker::PhantomData<K>);

impl Kinded for Bool {
    type Out<'b> = bool;
}

impl Kinded for Integer {
    type Out<'b> = i64;
}

impl Kinded for Float {
    type Out<'b> = f64;
}

impl Kinded for Text {
    type Out<'b> = &'b str;
}

impl Kinded for Dynamic {
    type Out<'b> = Value<'b>;
}

impl<K: Kinded> Kinded for Nullable<K> {
    type Out<'b> = Option<K::Out<'b>>;
}

/// A compiled expression of a kind.
pub type Code<K> = Box<dyn for<'c, 'b> Fn(&Context<'c, 'b>) -> Fallible<<K as Kinded>::Out<'b>> + Send + Sync>;

/// Boxes a closure as code; it only helps inference see the two lifetimes.
pub fn code<K: Kinded>(
    body: impl for<'c, 'b> Fn(&Context<'c, 'b>) -> Fallible<K::Out<'b>> + Send + Sync + 'static,
) -> Code<K> {
    Box::new(body)
}
