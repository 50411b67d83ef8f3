//! Where the rows of dimensions are kept: the spaces of each, as places under a profile.

use nsf_engine::{
    dimension::Dimensions,
    run::stage::DimensionRows as _,
    store::{Form, kept_in_space},
};
use nsf_plan::{
    Dimension, DimensionId, Plan, Space,
    profile::{ResolvedProfile, StoreKind},
};
use std::sync::Arc;

/// A server that keeps rows of dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Redis,
    Mysql,
}

impl Server {
    /// As people know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Mysql => "MySQL",
        }
    }

    /// The server of a space; without one the profile says it. What is embedded elsewhere is beside the states here.
    fn of(space: Option<&Space>, profile: &ResolvedProfile) -> Self {
        let mysql = space.map_or(profile.store == StoreKind::Mysql, |space| space.store == "mysql");
        if mysql { Self::Mysql } else { Self::Redis }
    }
}

/// One of the places of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub server: Server,
    /// The space's name; none where the dimension names no space.
    pub space: Option<String>,
    /// Milliseconds after a write after which a row may be forgotten there; 0 for never.
    pub keep: u64,
}

impl Place {
    /// As it stands in messages.
    pub fn words(&self) -> String {
        let server = self.server.name();
        self.space.as_ref().map_or_else(|| server.to_owned(), |space| format!("`{space}` ({server})"))
    }
}

/// Where a dimension's rows are kept.
#[derive(Clone, Debug)]
pub struct Kept {
    pub id: DimensionId,
    pub name: String,
    /// What the keys of its rows begin with.
    pub prefix: Vec<u8>,
    /// The authoritative place.
    pub first: Place,
    /// The places behind it, each on another server.
    pub further: Vec<Place>,
}

/// The places of a dimension: the first, then those on other servers.
fn places(plan: &Plan, dimension: &Dimension, profile: &ResolvedProfile) -> (Place, Vec<Place>) {
    let mut spaces = dimension.spaces.iter().filter_map(|space| plan.spaces.get(space.index()));
    let place = |space: Option<&Space>, is_first| Place {
        server: Server::of(space, profile),
        space: space.map(|space| space.name.clone()),
        keep: kept_in_space(space.and_then(|space| space.keep), is_first),
    };
    let first = place(spaces.next(), true);
    let mut further: Vec<Place> = Vec::new();
    for space in spaces {
        let own = place(Some(space), false);
        // Spaces name no server: two of one kind are one place.
        if own.server != first.server && further.iter().all(|other| other.server != own.server) {
            further.push(own);
        }
    }
    (first, further)
}

/// Whether a dimension is kept on a server.
pub fn is_on(plan: &Plan, dimension: &Dimension, profile: &ResolvedProfile, server: Server) -> bool {
    let (first, further) = places(plan, dimension, profile);
    first.server == server || further.iter().any(|place| place.server == server)
}

/// Where the dimensions of a plan are kept, and how their rows are written there.
pub struct Spaces {
    pub list: Vec<Kept>,
    pub dimensions: Arc<Dimensions>,
}

impl Spaces {
    /// The places of all dimensions of a plan.
    ///
    /// # Errors
    /// Where the plan is damaged.
    pub fn new(plan: &Plan, profile: &ResolvedProfile) -> Result<Self, String> {
        let dimensions = Arc::new(Dimensions::in_form(plan, Form::Text).map_err(|error| error.message)?);
        let kept = |(index, own): (usize, &Dimension)| {
            let id = DimensionId(index as u32);
            let (first, further) = places(plan, own, profile);
            Kept { id, name: own.name.clone(), prefix: dimensions.prefix(id), first, further }
        };
        Ok(Self { list: plan.dimensions.iter().enumerate().map(kept).collect(), dimensions })
    }

    /// The dimension that a key is of.
    pub fn of_key(&self, key: &[u8]) -> Option<&Kept> {
        self.list.iter().find(|kept| key.starts_with(&kept.prefix))
    }

    /// Whether all rows are in one place and kept for ever, so that nothing is to be told apart.
    pub fn are_plain(&self) -> bool {
        self.list
            .iter()
            .all(|kept| kept.first.server == Server::Redis && kept.first.keep == 0 && kept.further.is_empty())
    }
}
