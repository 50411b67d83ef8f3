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

    /// The server of a space. What is embedded elsewhere is beside the states here, and beside states on MySQL is what names
    /// no space; else the profile says it.
    fn of(space: Option<&Space>, profile: &ResolvedProfile, states: Self) -> Self {
        let mysql = match space.map(|space| space.store.as_str()) {
            Some("mysql") => true,
            Some("redis") => false,
            Some(_) => states == Self::Mysql,
            None => states == Self::Mysql || profile.store == StoreKind::Mysql,
        };
        if mysql { Self::Mysql } else { Self::Redis }
    }
}

/// One of the places of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub server: Server,
    /// The space's name; none where the dimension names no space.
    pub space: Option<String>,
    /// How many tables it has on MySQL, at least 1.
    pub shards: u32,
    /// Milliseconds after a write after which a row may be forgotten there; 0 for never.
    pub keep: u64,
    /// What the space says of it, in milliseconds; the first place keeps rows for longer.
    pub says: Option<i64>,
}

impl Place {
    /// As it stands in messages.
    pub fn words(&self) -> String {
        let server = self.server.name();
        self.space.as_ref().map_or_else(|| server.to_owned(), |space| format!("`{space}` ({server})"))
    }

    /// For how long it keeps rows, in words; none for ever.
    pub fn keep_words(&self) -> Option<String> {
        let says = self.says.filter(|_| self.keep > 0)?;
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
        let unit = units.iter().find(|(_, length)| says > 0 && says % length == 0);
        let says_words = unit.map_or_else(|| format!("{says}ms"), |(unit, length)| format!("{}{unit}", says / length));
        let longer = if u64::try_from(says).is_ok_and(|says| self.keep > says.max(1)) { " and a week" } else { "" };
        Some(format!("kept for {says_words}{longer} after their last write"))
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

impl Kept {
    /// Its place on a server.
    pub fn on(&self, server: Server) -> Option<&Place> {
        std::iter::once(&self.first).chain(&self.further).find(|place| place.server == server)
    }
}

/// The places of a dimension. Spaces name no server: those on one server are one place, as the first of them says. This alone
/// decides it, for all who read or write there.
fn places(plan: &Plan, dimension: &Dimension, profile: &ResolvedProfile, states: Server) -> Places {
    let place = |space: Option<&Space>, is_first| Place {
        server: Server::of(space, profile, states),
        space: space.map(|space| space.name.clone()),
        shards: space.map_or(1, |space| space.shards.max(1)),
        keep: kept_in_space(space.and_then(|space| space.keep), is_first),
        says: space.and_then(|space| space.keep),
    };
    let mut spaces = dimension.spaces.iter().filter_map(|space| plan.spaces.get(space.index()));
    let mut places = Places { first: place(spaces.next(), true), further: Vec::new(), notes: Vec::new() };
    for space in spaces {
        let own = place(Some(space), false);
        let mut earlier = std::iter::once(&places.first).chain(&places.further);
        if let Some(earlier) = earlier.find(|earlier| earlier.server == own.server) {
            places.notes.push(format!(
                "`{}`: the space `{}` is where `{}` is, whose settings are used; its rows are there once",
                dimension.name,
                space.name,
                earlier.space.as_deref().unwrap_or_default()
            ));
        } else {
            places.further.push(own);
        }
    }
    places
}

/// What [`places`] finds.
struct Places {
    first: Place,
    further: Vec<Place>,
    /// Spaces that are no place of their own, in words.
    notes: Vec<String>,
}

/// Where the dimensions of a plan are kept, and how their rows are written there.
pub struct Spaces {
    pub list: Vec<Kept>,
    pub dimensions: Arc<Dimensions>,
    /// What has no effect of what the spaces say, in words.
    pub notes: Vec<String>,
}

impl Spaces {
    /// The places of all dimensions of a plan whose states are on a server.
    ///
    /// # Errors
    /// Where the plan is damaged.
    pub fn new(plan: &Plan, profile: &ResolvedProfile, states: Server) -> Result<Self, String> {
        let dimensions = Arc::new(Dimensions::in_form(plan, Form::Text).map_err(|error| error.message)?);
        let unspread = |space: &&Space| space.shards > 1 && Server::of(Some(space), profile, states) == Server::Redis;
        let unspread = plan.spaces.iter().filter(unspread).map(|space| {
            format!(
                "space `{}`: `shards: {}` is kept in the plan but not yet run; its rows are in one store",
                space.name, space.shards
            )
        });
        let (mut notes, mut list) = (unspread.collect::<Vec<_>>(), Vec::new());
        for (index, own) in plan.dimensions.iter().enumerate() {
            let id = DimensionId(index as u32);
            let Places { first, further, notes: own_notes } = places(plan, own, profile, states);
            list.push(Kept { id, name: own.name.clone(), prefix: dimensions.prefix(id), first, further });
            notes.extend(own_notes);
        }
        Ok(Self { list, dimensions, notes })
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

#[cfg(test)]
mod tests;
