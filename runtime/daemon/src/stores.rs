//! Which store the states of a plan are kept in under a profile. All of them are in one: a lane's rows and how far it has come
//! change in one transaction.

use nsf_plan::{
    Plan, State,
    profile::{ResolvedProfile, StoreKind},
};

use crate::problem::Problem;

/// Where states and progress are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatesOn {
    /// On Redis.
    Redis,
    /// On MySQL.
    Mysql,
}

impl StatesOn {
    /// Where the states of a plan are: what a state says by `store: redis(…)` or `store: mysql(…)` counts, else `store` of the
    /// profile. `embedded` means no server and leaves it to the profile.
    ///
    /// # Errors
    /// Where states are in different stores, or the profile names none.
    pub fn of(plan: &Plan, profile: &ResolvedProfile) -> Result<Self, Problem> {
        let default = Self::default_of(profile);
        let named = |state: &State| match state.store.as_ref().map(|store| store.kind.as_str()) {
            Some("redis") => Some(Self::Redis),
            Some("mysql") => Some(Self::Mysql),
            _ => default,
        };
        // What a `unique` remembers is written by nobody as a state: it goes with the others.
        let written = plan.states.iter().filter(|state| !state.marks);
        let mut all = written.filter_map(|state| Some((state, named(state)?)));
        let Some((first, on)) = all.next() else { return default.ok_or_else(|| none(profile)) };
        if let Some((other, elsewhere)) = all.find(|(_, other)| *other != on) {
            let message = format!(
                "the state `{}` is kept on {on} and the state `{}` on {elsewhere}: those of one plan must be in one store",
                first.name, other.name
            );
            return Err(Problem::new(message).with_help(
                "write `store:` alike in all of them, or take it out: then `store:` of the profile counts. A worker saves all \
                 that a record changed at once, together with its position",
            ));
        }
        let is_there = match on {
            Self::Redis => profile.redis.is_some(),
            Self::Mysql => profile.mysql.is_some(),
        };
        if is_there {
            return Ok(on);
        }
        let message =
            format!("the state `{}` is kept on {on}, and the profile `{}` names none", first.name, profile.name);
        let name = on.setting();
        Err(Problem::new(message).with_help(format!(
            "write `{name}:` in the profile, or take `store:` out of the state: then `store:` of the profile counts"
        )))
    }

    /// Where what names no store is.
    pub fn default_of(profile: &ResolvedProfile) -> Option<Self> {
        match profile.store {
            StoreKind::Redis => Some(Self::Redis),
            StoreKind::Mysql => Some(Self::Mysql),
            // That is a store of one process; several share those of servers.
            StoreKind::Embedded if profile.redis.is_some() => Some(Self::Redis),
            StoreKind::Embedded => profile.mysql.as_ref().map(|_| Self::Mysql),
        }
    }

    /// Its name in a profile.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Mysql => "mysql",
        }
    }
}

impl std::fmt::Display for StatesOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Redis => "Redis",
            Self::Mysql => "MySQL",
        })
    }
}

fn none(profile: &ResolvedProfile) -> Problem {
    Problem::new(format!(
        "the profile `{}` names no redis and no mysql, where states and positions are kept",
        profile.name
    ))
    .with_help("write `redis:` or `mysql:` in the profile; to run without servers, use `nsfc run`")
}

#[cfg(test)]
mod tests;
