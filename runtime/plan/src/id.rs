//! Indices into the lists of a plan, one type for each list so that they cannot be confused.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($name:ident $what:literal;)*) => {$(
        #[doc = concat!("Index of ", $what, ".")]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The index as `usize`.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    SourceId "a source in `Plan::sources`";
    IngestId "an ingest in `Plan::ingests`";
    TableId "a table in `Plan::tables`";
    StateId "a state in `Plan::states`";
    DimensionId "a dimension in `Plan::dimensions`";
    SpaceId "a space in `Plan::spaces`";
    SubscriptionId "a subscription in `Plan::subscriptions`";
    PipelineId "a pipeline in `Plan::pipelines`";
    MappingId "a mapping in `Plan::mappings`";
    TenantId "a tenant in `Plan::tenants`";
    TopicId "a topic in `Plan::topics`";
    SlotId "a slot of a pipeline's record";
    HandleId "a loaded row of a pipeline";
}
