//! Ingests: the standard protocol that brings fields of dimensions.

use serde::{Deserialize, Serialize};

use crate::{Coerce, DimensionId, Expr, OnError, Origin, Slot, SlotId, TenantId, TopicId, Type};

/// The standard ingest protocol v1.0 on a topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ingest {
    /// Stable identity.
    pub id: String,
    /// Its name, module in front.
    pub name: String,
    /// The platform's id of this ingestion.
    pub arris_id: String,
    /// Who owns the data.
    pub tenant: TenantId,
    /// Where it is read from.
    pub from: TopicId,
    /// Conversions.
    pub coerce: Coerce,
    /// How far a message's time may be ahead, in milliseconds.
    pub max_skew: i64,
    /// Topic for retries.
    pub retry: Option<TopicId>,
    /// Policy for outside faults.
    pub on_error: OnError,
    /// Topic for rejected records.
    pub reject: Option<TopicId>,
    /// Members of `fields` that keys and assignments read, each in a slot of its own.
    pub members: Vec<IngestMember>,
    /// Slots that expressions use beyond the members'; they have the ids that members leave free, in order
    /// ([`Ingest::all_slots`]).
    pub slots: Vec<Slot>,
    /// Keys by primary name: the expression that gives it.
    pub keys: Vec<(String, Expr)>,
    /// What is stored.
    pub assignments: Vec<IngestAssignment>,
    /// Accepted dimensions.
    pub accept: Vec<DimensionId>,
    /// Where it stands.
    pub origin: Origin,
}

impl Ingest {
    /// Every slot by its id: the members' where they say, the others in the places left free. There are as many as
    /// members and slots together; a member outside them has none, which `Plan::problems` reports.
    #[must_use]
    pub fn all_slots(&self) -> Vec<Slot> {
        let mut places: Vec<Option<Slot>> = vec![None; self.members.len() + self.slots.len()];
        for member in &self.members {
            if let Some(place) = places.get_mut(member.slot.index()) {
                *place = Some(Slot { name: member.name.clone(), ty: member.ty.clone() });
            }
        }
        let mut others = self.slots.iter().cloned();
        // Only where two members share a slot is a place left over.
        let unused = || Slot { name: String::new(), ty: Type::Bool };
        places.into_iter().map(|place| place.or_else(|| others.next()).unwrap_or_else(unused)).collect()
    }
}

/// A raw member that an ingest reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IngestMember {
    /// The member's name in `fields`.
    pub name: String,
    /// The type it is converted to; nullable where a null is allowed.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Its slot.
    pub slot: SlotId,
}

/// `field = expr`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IngestAssignment {
    /// The dimension.
    pub dimension: DimensionId,
    /// The field, by its index.
    pub field: u32,
    /// The value.
    pub value: Expr,
    /// Raw members that the value reads, as indices into `members`; where one is absent nothing is assigned.
    pub reads: Vec<u32>,
    /// Where it stands.
    pub origin: Origin,
}
