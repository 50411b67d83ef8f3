//! A new plan beside the one that runs: what stays, comes and goes. What the store says of it (fields that changed their type,
//! another number of lanes) is asked of the store.

use std::collections::{BTreeMap, BTreeSet};

use nsf_engine::run::waits_in_words;
use nsf_plan::{Plan, Topic, TopicId, profile::ResolvedProfile};

use crate::{problem::Problem, settings, stores::StatesOn};

/// What a plan is made of, by stable names: the kind of each part and what a person calls it.
type Parts = BTreeMap<(&'static str, String), String>;

/// How two plans compare.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Parts that only the new one has.
    pub new: Vec<String>,
    /// Parts that only the old one has.
    pub lost: Vec<String>,
    /// Why the new one cannot take the old one's place while it runs.
    pub refused: Vec<Problem>,
}

impl Comparison {
    /// Compares plans.
    pub fn of_plans(old: &Plan, new: &Plan) -> Self {
        let (before, after) = (parts(old), parts(new));
        let only = |one: &Parts, other: &Parts| {
            one.iter().filter(|(key, _)| !other.contains_key(*key)).map(|(_, name)| name.clone()).collect()
        };
        let mut own = Self { new: only(&after, &before), lost: only(&before, &after), refused: Vec::new() };
        own.refused.extend(merges(old, new));
        own
    }

    /// Compares profiles: what may change, and what makes another application.
    pub fn with_profiles(mut self, old: &ResolvedProfile, new: &ResolvedProfile) -> Self {
        let group = |profile: &ResolvedProfile| profile.kafka.as_ref().map(|kafka| kafka.group.clone());
        let namespace = |profile: &ResolvedProfile| profile.redis.as_ref().map(|redis| redis.namespace.clone());
        let lanes = |profile: &ResolvedProfile| Some(profile.lanes.unwrap_or(settings::LANES).to_string());
        let fixed = [
            ("kafka.group", group(old), group(new)),
            ("redis.namespace", namespace(old), namespace(new)),
            ("lanes", lanes(old), lanes(new)),
        ];
        self.refuse_changed(fixed);
        self
    }

    /// Compares where states and positions are kept: workers of both plans must find them in one place.
    pub fn with_stores(
        mut self,
        (old_plan, old): (&Plan, &ResolvedProfile),
        (new_plan, new): (&Plan, &ResolvedProfile),
    ) -> Self {
        // Where it cannot be said, the new plan is refused when it is built, or the old one keeps nothing.
        let (Ok(before), Ok(after)) = (StatesOn::of(old_plan, old), StatesOn::of(new_plan, new)) else { return self };
        if before != after {
            let problem = Problem::new(format!("states and positions were kept on {before} and would be on {after}"));
            self.refused.push(problem.with_help(
                "nothing carries them over: put `store:` of the profile and of the states back, or begin anew under another group",
            ));
        } else if before == StatesOn::Mysql {
            let namespace =
                |profile: &ResolvedProfile| profile.mysql.as_ref().and_then(|mysql| mysql.namespace.clone());
            self.refuse_changed([("mysql.namespace", namespace(old), namespace(new))]);
        }
        self
    }

    fn refuse_changed<const N: usize>(&mut self, fixed: [(&str, Option<String>, Option<String>); N]) {
        for (setting, before, after) in fixed.into_iter().filter(|(_, before, after)| before != after) {
            let shown =
                |value: Option<String>| value.map_or_else(|| "not set".to_owned(), |value| format!("`{value}`"));
            let (before, after) = (shown(before), shown(after));
            let problem = Problem::new(format!("`{setting}` of the profile was {before} and is now {after}"));
            self.refused.push(problem.with_help(
                "it says which rows and positions are this application's: put it back, or stop all workers and start them anew",
            ));
        }
    }

    /// Whether parts of the old plan are lost, as what is wrong with it.
    pub fn losses(&self) -> Vec<Problem> {
        let problem = |lost: &String| {
            Problem::new(format!("{lost} is not in the new plan")).with_help(
                "put it back; or, if it is to go, say so: `nsflow reload --allow-loss`. Its rows and positions stay in the store",
            )
        };
        self.lost.iter().map(problem).collect()
    }
}

fn parts(plan: &Plan) -> Parts {
    let topic = |id: TopicId| plan.topics.get(id.index()).map(place).unwrap_or_default();
    let mut parts = Parts::new();
    let sources = plan.sources.iter().map(|own| ("source", &own.id, own.from));
    let ingests = plan.ingests.iter().map(|own| ("ingest", &own.id, own.from));
    for (kind, id, from) in sources.chain(ingests) {
        // A stream that reads another topic is another stream.
        let topic = topic(from);
        parts.insert((kind, format!("{id} {topic}")), format!("the {kind} `{id}` (from {topic})"));
    }
    for topic in plan.topics.iter().filter(|topic| topic.written) {
        let place = place(topic);
        parts.insert(("output", place.clone()), format!("the output {place}"));
    }
    let flows = plan.pipelines.iter().map(|own| ("flow", &own.id));
    let own_states = plan.states.iter().filter(|own| waits_in_words(&own.id).is_none());
    let states = own_states.map(|own| (if own.marks { "memory of `unique`" } else { "state" }, &own.id));
    let subscriptions = plan.subscriptions.iter().map(|own| ("subscription", &own.id));
    for (kind, id) in flows.chain(states).chain(subscriptions) {
        parts.insert((kind, id.clone()), format!("the {kind} `{id}`"));
    }
    for state in &plan.states {
        if let Some(words) = waits_in_words(&state.id) {
            parts.insert(("waiting", state.id.clone()), format!("the memory of {words}"));
        }
    }
    for dimension in &plan.dimensions {
        let name = format!("the dimension `{}` (#{})", dimension.name, dimension.code);
        parts.insert(("dimension", dimension.code.to_string()), name);
    }
    parts
}

fn place(topic: &Topic) -> String {
    let connector = &topic.connector;
    match &connector.cluster {
        Some(cluster) => format!("{}(\"{}\") on `{cluster}`", connector.kind, connector.name),
        None => format!("{}(\"{}\")", connector.kind, connector.name),
    }
}

/// Streams that a flow which keeps state merges come to one worker; while workers of both plans share the partitions, both
/// must have the same streams together.
fn merges(old: &Plan, new: &Plan) -> Option<Problem> {
    let (before, after) = (together(old), together(new));
    let kept: Vec<&String> = before.keys().filter(|id| after.contains_key(*id)).collect();
    let differs = |one: &str, other: &str| {
        let pair = |groups: &BTreeMap<String, usize>| groups.get(one) == groups.get(other);
        pair(&before) != pair(&after)
    };
    let pairs = kept.iter().flat_map(|one| kept.iter().map(move |other| (*one, *other)));
    let (one, other) = pairs.filter(|(one, other)| one < other).find(|(one, other)| differs(one, other))?;
    let message = format!("`{one}` and `{other}` are merged by a flow in one of the two plans and not in the other");
    Some(Problem::new(message).with_help(
        "workers of both would take partitions from one another: stop all workers and start them with the new plan",
    ))
}

/// By source: the number of those that belong together with it.
fn together(plan: &Plan) -> BTreeMap<String, usize> {
    let mut groups: Vec<usize> = (0..plan.sources.len()).collect();
    for pipeline in plan.pipelines.iter().filter(|pipeline| pipeline.stateful) {
        let sources = pipeline.inputs.iter().filter_map(|input| input.from.source());
        let own: BTreeSet<usize> = sources.filter_map(|source| groups.get(source.index()).copied()).collect();
        let Some(first) = own.first().copied() else { continue };
        groups.iter_mut().filter(|group| own.contains(group)).for_each(|group| *group = first);
    }
    plan.sources.iter().map(|source| source.id.clone()).zip(groups).collect()
}

#[cfg(test)]
mod tests;
