//! The 14-digit Arris field id: kind (2 digits), data type (2), dimension code (4), number (6).
//!
//! `01112004100028` is the system field 100028 of dimension 2004 with 32-bit integers. The id holds no tenant; it is
//! unique over all of them.

use std::fmt;

use crate::{IntegerWidth, Type};

/// Where a field's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldKind {
    /// Primaries, `created` and `updated`.
    System,
    /// Brought by ingests.
    Ingested,
    /// Made by a tenant on the platform.
    Custom,
    /// Computed by a flow.
    Derived,
}

impl FieldKind {
    /// The first two digits.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::System => 1,
            Self::Ingested => 2,
            Self::Custom => 3,
            Self::Derived => 4,
        }
    }

    /// The kind of a code; none for one that is not given out.
    #[must_use]
    pub const fn of_code(code: u64) -> Option<Self> {
        match code {
            1 => Some(Self::System),
            2 => Some(Self::Ingested),
            3 => Some(Self::Custom),
            4 => Some(Self::Derived),
            _ => None,
        }
    }
}

/// The parts of a field id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId {
    /// Where its values come from.
    pub kind: FieldKind,
    /// The data-type code, [`type_code`].
    pub data_type: u8,
    /// The code of its dimension; 0 for a primary without a dimension of its own.
    pub dimension: u32,
    /// Its number.
    pub number: u32,
}

/// Smallest number of a dimension's field.
pub const FIRST_FIELD_NUMBER: u32 = 100_000;

/// Largest number of a field.
pub const LAST_FIELD_NUMBER: u32 = 999_999;

/// Largest code of a dimension.
pub const LAST_DIMENSION_CODE: u32 = 9_999;

impl FieldId {
    /// The id of a field; none where dimension code or number have too many digits.
    #[must_use]
    pub fn new(kind: FieldKind, ty: &Type, dimension: u32, number: u32) -> Option<Self> {
        let fits = dimension <= LAST_DIMENSION_CODE && number <= LAST_FIELD_NUMBER;
        fits.then(|| Self { kind, data_type: type_code(ty), dimension, number })
    }

    /// The id as one number, below 2^47.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        ((self.kind.code() * 100 + self.data_type as u64) * 10_000 + self.dimension as u64) * 1_000_000
            + self.number as u64
    }

    /// The parts of an id; none for a number that is no field id.
    #[must_use]
    pub const fn of_u64(id: u64) -> Option<Self> {
        let data_type = (id / 10_000_000_000 % 100) as u8;
        let Some(kind) = FieldKind::of_code(id / 1_000_000_000_000) else { return None };
        if data_type < 10 || data_type > 39 {
            return None;
        }
        let dimension = (id / 1_000_000 % 10_000) as u32;
        Some(Self { kind, data_type, dimension, number: (id % 1_000_000) as u32 })
    }
}

impl fmt::Display for FieldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014}", self.to_u64())
    }
}

/// The data-type code: 1x whole numbers and times, 2x fractions, 3x texts and everything that is written as text.
/// A type without a code of its own has that of the smallest one that holds its values.
#[must_use]
pub fn type_code(ty: &Type) -> u8 {
    match ty {
        Type::Bool => 10,
        Type::Integer(IntegerWidth::Int8 | IntegerWidth::Int16 | IntegerWidth::Int32) => 11,
        Type::Integer(IntegerWidth::Int64) => 12,
        Type::Integer(IntegerWidth::UInt8 | IntegerWidth::UInt16 | IntegerWidth::UInt32) => 13,
        Type::Integer(IntegerWidth::UInt64) => 14,
        Type::Timestamp | Type::Date => 15,
        Type::Duration => 16,
        Type::Float32 => 21,
        Type::Float64 => 22,
        Type::Decimal => 23,
        Type::Text | Type::Bytes => 31,
        Type::Select(item) if matches!(**item, Type::Integer(_) | Type::Bool) => 17,
        Type::Select(_) => 32,
        Type::Multi(_) => 33,
        Type::Set(item) if **item == Type::Text => 33,
        Type::Link => 34,
        Type::Attachment => 35,
        Type::Json | Type::List(_) | Type::Set(_) | Type::Map(..) | Type::Record(_) => 36,
        Type::Nullable(inner) => type_code(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(kind: FieldKind, ty: &Type, dimension: u32, number: u32) -> String {
        FieldId::new(kind, ty, dimension, number).unwrap().to_string()
    }

    #[test]
    fn the_two_golden_ids_of_the_slides_are_written() {
        let int32 = Type::Integer(IntegerWidth::Int32);
        assert_eq!(id(FieldKind::System, &int32, 2004, 100_028), "01112004100028");
        assert_eq!(id(FieldKind::System, &int32, 2002, 100_028), "01112002100028");
    }

    #[test]
    fn an_id_is_read_back_into_its_parts() {
        let whole = FieldId::new(FieldKind::Derived, &Type::Duration, 3001, 100_003).unwrap();
        assert_eq!(whole.to_u64(), 4_163_001_100_003);
        assert_eq!(FieldId::of_u64(whole.to_u64()), Some(whole));
        assert!(whole.to_u64() < 1 << 47);
    }

    #[test]
    fn numbers_that_are_no_ids_are_refused() {
        for id in [0, 28, 5_112_004_100_028, 1_092_004_100_028, 1_402_004_100_028, u64::MAX] {
            assert_eq!(FieldId::of_u64(id), None, "{id}");
        }
        assert_eq!(FieldId::new(FieldKind::Custom, &Type::Text, 10_000, 100_000), None);
        assert_eq!(FieldId::new(FieldKind::Custom, &Type::Text, 1001, 1_000_000), None);
    }

    #[test]
    fn a_nullable_field_has_the_code_of_its_type() {
        assert_eq!(type_code(&Type::Text.nullable()), 31);
        assert_eq!(type_code(&Type::Select(Box::new(Type::INT64))), 17);
        assert_eq!(type_code(&Type::Select(Box::new(Type::Text))), 32);
        assert_eq!(type_code(&Type::Multi(Box::new(Type::Text))), 33);
    }
}
