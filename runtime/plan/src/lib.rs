//! The plan: the contract between the compiler and the runtime.
//!
//! It belongs to the runtime, which consumes it. Everything that both sides must agree on lives here and nowhere else:
//! types, literals, typed expressions, steps, states, dimensions, descriptors of connectors and the text form. The
//! crate knows no compiler and no engine. All cross references are indices into the lists of [`Plan`].
//!
//! The compiler makes a [`Plan`], asks [`Plan::problems`] and writes it with [`document::to_yaml`]; the runtime reads it
//! with [`document::load`]. `README.md` describes the document.
//!
//! ```
//! use nsf_plan::{Plan, document};
//!
//! let plan = Plan::new("classroom");
//! let text = document::to_yaml(&plan);
//! assert!(text.contains("name: classroom"));
//! assert_eq!(document::load(text.as_bytes()), Ok(plan));
//!
//! let edited = text.replace("classroom", "ballroom");
//! assert!(document::load(edited.as_bytes()).is_err());
//! ```

mod build;
mod codec;
pub mod connector;
pub mod diff;
pub mod document;
pub mod evolution;
mod expression;
pub mod field_id;
mod flow;
mod id;
mod ingest;
mod literal;
mod model;
mod origin;
pub mod profile;
mod test_case;
mod types;
mod validate;
mod walk;

pub use document::PlanError;
pub use expression::{BinaryOperator, Expr, ExprKind, MatchArm, Pattern};
pub use flow::{
    Block, DimensionExpand, Handle, HandleTarget, Input, InputSource, Missing, Pipeline, SaveKind, SaveOperation, Slot,
    Step, StepKind, TopicExpand,
};
pub use id::{
    DimensionId, HandleId, IngestId, MappingId, PipelineId, SlotId, SourceId, SpaceId, StateId, SubscriptionId,
    TableId, TenantId, TopicId,
};
pub use ingest::{Ingest, IngestAssignment, IngestMember};
pub use literal::Literal;
pub use model::{
    Coerce, Dimension, DimensionField, Encoding, Format, Guarantee, Late, Mapping, MappingElse, MonitorPlan, OnError,
    Order, Plan, PlanVersion, Primary, RecordField, Source, Space, State, StateField, Subscription, SubscriptionEvent,
    Table, Tenant, Topic,
};
pub use origin::{Origin, SourceText};
pub use test_case::{TestCase, TestExpectation, TestExpression, TestFeed, TestFeedTarget, TestLaw, TestRow, TestRows};
pub use types::{IntegerWidth, RecordType, Type, TypeError};
pub use validate::Problem;
