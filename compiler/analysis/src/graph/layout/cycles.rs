//! Which links lead back: the heuristic of Eades, Lin and Smyth, with weights.

use std::collections::BTreeMap;

use super::Link;

/// Whether each link leads against the direction of the drawing, so that no cycle is left when those are turned round.
pub(super) fn turned(blocks: usize, links: &[Link]) -> Vec<bool> {
    // Of links to and fro between two blocks the lighter ones are turned first: they would hide which blocks nothing
    // else leads to.
    let mut between: BTreeMap<(usize, usize), i64> = BTreeMap::new();
    for link in links {
        *between.entry((link.from.block, link.to.block)).or_default() += link.weight;
    }
    let heavier = between.iter().filter_map(|((from, to), weight)| {
        let back = between.get(&(*to, *from)).copied().unwrap_or(0);
        ((*weight, to) > (back, from)).then_some((*from, *to, weight - back))
    });
    let heavier: Vec<(usize, usize, i64)> = heavier.collect();
    let mut position = vec![0; blocks];
    for (index, block) in sequence(blocks, &heavier).into_iter().enumerate() {
        position[block] = index;
    }
    links.iter().map(|link| position[link.from.block] > position[link.to.block]).collect()
}

/// An order of nodes in which links of little weight lead backwards.
pub(super) fn sequence(nodes: usize, links: &[(usize, usize, i64)]) -> Vec<usize> {
    let mut at: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let (mut out, mut into) = (vec![0_i64; nodes], vec![0_i64; nodes]);
    for (index, (from, to, weight)) in links.iter().enumerate().filter(|(_, (from, to, _))| from != to) {
        out[*from] += weight;
        into[*to] += weight;
        at[*from].push(index);
        at[*to].push(index);
    }
    let mut left: Vec<usize> = (0..nodes).collect();
    let (mut first, mut last) = (Vec::with_capacity(nodes), Vec::new());
    while !left.is_empty() {
        // A node without a way out may stand last, one without a way in first; else the one that gives more than it gets.
        let sink = left.iter().rposition(|node| out[*node] == 0);
        let source = || left.iter().position(|node| into[*node] == 0);
        let best = || {
            let surplus = |index: &usize| (out[left[*index]] - into[left[*index]], std::cmp::Reverse(*index));
            (0..left.len()).max_by_key(surplus).unwrap_or(0)
        };
        let index = sink.or_else(source).unwrap_or_else(best);
        let node = left.remove(index);
        if sink.is_some() {
            last.push(node)
        } else {
            first.push(node)
        }
        for link in &at[node] {
            let (from, to, weight) = links[*link];
            if from == node {
                into[to] -= weight;
            } else {
                out[from] -= weight;
            }
        }
        // What is taken has no links any more.
        (out[node], into[node]) = (i64::MAX / 2, i64::MAX / 2);
    }
    last.reverse();
    first.extend(last);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_cycle_the_lightest_link_leads_back() {
        assert_eq!(sequence(3, &[(0, 1, 5), (1, 2, 5), (2, 0, 1)]), [0, 1, 2]);
        assert_eq!(sequence(3, &[(0, 1, 5), (1, 2, 1), (2, 0, 5)]), [2, 0, 1]);
        assert_eq!(sequence(2, &[(0, 1, 3), (1, 0, 1)]), [0, 1]);
    }

    #[test]
    fn without_a_cycle_nothing_leads_back() {
        assert_eq!(sequence(4, &[(3, 1, 1), (1, 0, 9), (3, 2, 1), (2, 0, 1)]), [3, 1, 2, 0]);
    }
}
