//! States and dimensions as a person names them.

use nsf_engine::inspect::{self, Kept};
use nsf_plan::Plan;

use crate::problem::Problem;

/// How many names are offered at most.
const OFFERED: usize = 8;

/// The state or dimension of a name: with its module, or without where no other has it.
///
/// # Errors
/// Where there is none or several of that name.
pub fn find<'p>(plan: &'p Plan, name: &str) -> Result<Kept<'p>, Problem> {
    let all: Vec<Kept<'p>> = inspect::all(plan).collect();
    if let Some(kept) = all.iter().find(|kept| kept.name == name) {
        return Ok(*kept);
    }
    let ending: Vec<&Kept<'p>> = all.iter().filter(|kept| last(kept.name) == name).collect();
    match ending.as_slice() {
        [one] => Ok(**one),
        [] => Err(unknown(&all, plan, name)),
        several => {
            let names: Vec<&str> = several.iter().map(|kept| kept.name).collect();
            let message = format!("the plan `{}` has {} states and dimensions named `{name}`", plan.name, names.len());
            Err(Problem::new(message).with_help(format!("name one with its module: {}", listed(&names))))
        }
    }
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn unknown(all: &[Kept<'_>], plan: &Plan, name: &str) -> Problem {
    let problem = Problem::new(format!("the plan `{}` has no state or dimension `{name}`", plan.name));
    let distance = |kept: &Kept<'_>| {
        let lower = name.to_lowercase();
        let to = |own: &str| strsim::damerau_levenshtein(&lower, &own.to_lowercase());
        to(kept.name).min(to(last(kept.name)))
    };
    let mut near: Vec<(usize, &str)> = all.iter().map(|kept| (distance(kept), kept.name)).collect();
    near.sort_unstable();
    let close: Vec<&str> =
        near.iter().filter(|(distance, _)| *distance <= name.chars().count() / 3 + 1).map(|(_, name)| *name).collect();
    if all.is_empty() {
        return problem.with_help("it has none at all");
    }
    if close.is_empty() {
        let names: Vec<&str> = all.iter().map(|kept| kept.name).collect();
        return problem.with_help(format!("it has {}", listed(&names)));
    }
    problem.with_help(format!("did you mean {}?", listed(&close)))
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(OFFERED).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(OFFERED);
    let and = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{and}", shown.join(", "))
}

/// Where rows come from: a name as `find` takes it and the parts of the key, for messages.
pub fn key_help(kept: &Kept<'_>) -> String {
    let parts: Vec<String> = kept.keys.iter().map(|(name, ty)| format!("{name} ({ty})")).collect();
    format!("the key of `{}` is: {}; `~` stands for null", kept.name, parts.join(", "))
}

#[cfg(test)]
mod tests {
    use nsf_plan::{Dimension, Origin};

    use super::*;

    fn plan(names: &[&str]) -> Plan {
        let mut plan = Plan::new("shop");
        for (code, name) in (0..).zip(names) {
            plan.dimensions.push(Dimension {
                name: (*name).to_owned(),
                code,
                keys: Vec::new(),
                spaces: Vec::new(),
                fields: Vec::new(),
                label: None,
                origin: Origin::default(),
            });
        }
        plan
    }

    #[test]
    fn names_are_found_with_and_without_their_module() {
        let plan = plan(&["a.totals", "b.totals", "b.holder"]);
        assert_eq!(find(&plan, "holder").unwrap().name, "b.holder");
        assert_eq!(find(&plan, "a.totals").unwrap().name, "a.totals");
        let problem = find(&plan, "totals").unwrap_err();
        assert_eq!(problem.help.unwrap(), "name one with its module: `a.totals`, `b.totals`");
    }

    #[test]
    fn near_names_are_offered() {
        let plan = plan(&["a.totals", "b.holder"]);
        let help = |name: &str| find(&plan, name).unwrap_err().help.unwrap();
        assert_eq!(help("totls"), "did you mean `a.totals`?");
        assert_eq!(help("B.Holdr"), "did you mean `b.holder`?");
        assert_eq!(help("something"), "it has `a.totals`, `b.holder`");
        let empty = Plan::new("shop");
        assert_eq!(find(&empty, "x").unwrap_err().help.unwrap(), "it has none at all");
    }
}
