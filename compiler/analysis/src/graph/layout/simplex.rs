//! Whole numbers for nodes, so that constraints between them hold and a weighted sum of distances is least: the network
//! simplex of Gansner, Koutsofios, North and Vo, "A technique for drawing directed graphs" (1993).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// `position[to] - position[from]` is at least `least`, and costs `weight`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constraint {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) least: i64,
    pub(super) weight: i64,
}

/// How many tree edges are looked at for one to leave the tree.
const SEARCH: usize = 30;

/// The least cost. The constraints have no cycle and join all nodes.
pub(super) fn solve(nodes: usize, constraints: &[Constraint]) -> Vec<i64> {
    if nodes < 2 {
        return vec![0; nodes];
    }
    let mut network = Network::new(nodes, constraints);
    network.start();
    network.grow_tree();
    network.number(0, None, 1);
    network.cut_values();
    // Degenerate exchanges could go round for ever; what is reached by then is valid, and near the best.
    let mut next = 0;
    for _ in 0..nodes.saturating_mul(20) + 1000 {
        let Some(leaving) = network.leaving(&mut next) else { break };
        let Some(entering) = network.entering(leaving) else { break };
        network.exchange(leaving, entering);
    }
    let least = network.position.iter().copied().min().unwrap_or(0);
    network.position.iter().map(|position| position - least).collect()
}

struct Network<'a> {
    edges: &'a [Constraint],
    /// Edges at each node.
    at: Vec<Vec<usize>>,
    position: Vec<i64>,
    /// Whether an edge is in the spanning tree, whose edges are as short as they may be.
    in_tree: Vec<bool>,
    /// Edges of the tree.
    tree: Vec<usize>,
    /// Edges of the tree at each node.
    tree_at: Vec<Vec<usize>>,
    /// What the cost grows by when an edge of the tree is made longer.
    cut: Vec<i64>,
    /// The tree edge that leads towards the root.
    parent: Vec<Option<usize>>,
    /// Numbers of the nodes in postorder, and the least number below each.
    number: Vec<usize>,
    lowest: Vec<usize>,
}

impl<'a> Network<'a> {
    fn new(nodes: usize, edges: &'a [Constraint]) -> Self {
        let mut at = vec![Vec::new(); nodes];
        for (index, edge) in edges.iter().enumerate() {
            at[edge.from].push(index);
            at[edge.to].push(index);
        }
        Self {
            edges,
            at,
            position: vec![0; nodes],
            in_tree: vec![false; edges.len()],
            tree: Vec::with_capacity(nodes),
            tree_at: vec![Vec::new(); nodes],
            cut: vec![0; edges.len()],
            parent: vec![None; nodes],
            number: vec![0; nodes],
            lowest: vec![0; nodes],
        }
    }

    fn slack(&self, edge: usize) -> i64 {
        let edge = self.edges[edge];
        self.position[edge.to] - self.position[edge.from] - edge.least
    }

    const fn other(edge: Constraint, node: usize) -> usize {
        if edge.from == node { edge.to } else { edge.from }
    }

    /// The least positions that hold.
    fn start(&mut self) {
        let mut before = vec![0_usize; self.at.len()];
        for edge in self.edges {
            before[edge.to] += 1;
        }
        let mut open: Vec<usize> = (0..self.at.len()).filter(|node| before[*node] == 0).collect();
        while let Some(node) = open.pop() {
            for index in &self.at[node] {
                let edge = self.edges[*index];
                if edge.from == node {
                    self.position[edge.to] = self.position[edge.to].max(self.position[node] + edge.least);
                    before[edge.to] -= 1;
                    if before[edge.to] == 0 {
                        open.push(edge.to);
                    }
                }
            }
        }
    }

    /// A spanning tree of edges without slack; nodes move for it.
    ///
    /// All that is in the tree moves at once, by `moved`: the slack of an edge that leaves it is kept as it was less what the tree
    /// had moved by then, that of one that enters it with the other sign.
    fn grow_tree(&mut self) {
        let mut joined: Vec<Option<i64>> = vec![None; self.at.len()];
        let (mut leaving, mut entering) = (BinaryHeap::new(), BinaryHeap::new());
        let mut moved = 0;
        let mut next = Some(0);
        while let Some(node) = next {
            joined[node] = Some(moved);
            for index in &self.at[node] {
                let edge = self.edges[*index];
                if joined[Self::other(edge, node)].is_none() {
                    let slack = self.slack(*index);
                    if edge.from == node {
                        leaving.push(Reverse((slack + moved, *index)));
                    } else {
                        entering.push(Reverse((slack - moved, *index)));
                    }
                }
            }
            next = None;
            while next.is_none() {
                let out = leaving.peek().map(|Reverse((kept, index))| (kept - moved, *index));
                let back = entering.peek().map(|Reverse((kept, index))| (kept + moved, *index));
                let goes_out = match (out, back) {
                    (Some(out), Some(back)) => out <= back,
                    (Some(_), None) => true,
                    (None, Some(_)) => false,
                    (None, None) => break,
                };
                let taken = if goes_out { leaving.pop().and(out) } else { entering.pop().and(back) };
                let Some((slack, index)) = taken else { break };
                let edge = self.edges[index];
                let outer = if goes_out { edge.to } else { edge.from };
                if joined[outer].is_none() {
                    moved += if goes_out { slack } else { -slack };
                    self.add_to_tree(index);
                    next = Some(outer);
                }
            }
        }
        for (position, joined) in self.position.iter_mut().zip(joined) {
            *position += moved - joined.unwrap_or(moved);
        }
    }

    fn add_to_tree(&mut self, index: usize) {
        let edge = self.edges[index];
        self.in_tree[index] = true;
        self.tree.push(index);
        self.tree_at[edge.from].push(index);
        self.tree_at[edge.to].push(index);
    }

    /// Numbers the nodes below `root` in postorder, from `first` on.
    fn number(&mut self, root: usize, parent: Option<usize>, first: usize) {
        let mut next = first;
        self.parent[root] = parent;
        self.lowest[root] = next;
        let mut open = vec![(root, 0)];
        while let Some((node, child)) = open.last_mut() {
            let node = *node;
            if let Some(index) = self.tree_at[node].get(*child).copied() {
                *child += 1;
                if self.parent[node] != Some(index) {
                    let other = Self::other(self.edges[index], node);
                    self.parent[other] = Some(index);
                    self.lowest[other] = next;
                    open.push((other, 0));
                }
            } else {
                self.number[node] = next;
                next += 1;
                open.pop();
            }
        }
    }

    /// Whether a node is `root` or below it.
    fn is_below(&self, node: usize, root: usize) -> bool {
        self.lowest[root] <= self.number[node] && self.number[node] <= self.number[root]
    }

    fn cut_values(&mut self) {
        let mut nodes: Vec<usize> = (0..self.at.len()).collect();
        nodes.sort_by_key(|node| self.number[*node]);
        for node in nodes {
            let Some(tree) = self.parent[node] else { continue };
            // What goes out of all that is below the node, less what comes in: edges inside of it cancel out.
            let mut out = 0;
            for index in &self.at[node] {
                let edge = self.edges[*index];
                let outwards = edge.from == node;
                out += if outwards { edge.weight } else { -edge.weight };
                if *index != tree && self.in_tree[*index] {
                    out += if outwards { -self.cut[*index] } else { self.cut[*index] };
                }
            }
            self.cut[tree] = if self.edges[tree].from == node { out } else { -out };
        }
    }

    /// An edge of the tree that would better be longer.
    fn leaving(&self, next: &mut usize) -> Option<usize> {
        let mut best: Option<usize> = None;
        let mut found = 0;
        for step in 0..self.tree.len() {
            let position = (*next + step) % self.tree.len();
            let index = self.tree[position];
            if self.cut[index] < 0 {
                if best.is_none_or(|best| self.cut[index] < self.cut[best]) {
                    best = Some(index);
                }
                found += 1;
                if found >= SEARCH {
                    *next = position;
                    return best;
                }
            }
        }
        best
    }

    /// The edge with the least slack that leads back over the cut of a leaving edge.
    fn entering(&self, leaving: usize) -> Option<usize> {
        let edge = self.edges[leaving];
        let outwards = self.number[edge.from] >= self.number[edge.to];
        let root = if outwards { edge.to } else { edge.from };
        let mut best: Option<(i64, usize)> = None;
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            for index in &self.at[node] {
                let edge = self.edges[*index];
                if self.in_tree[*index] || (edge.from == node) != outwards {
                    continue;
                }
                if !self.is_below(Self::other(edge, node), root) {
                    let candidate = (self.slack(*index), *index);
                    best = Some(best.map_or(candidate, |best| best.min(candidate)));
                }
            }
            let below = self.tree_at[node].iter().filter(|index| self.parent[node] != Some(**index));
            open.extend(below.map(|index| Self::other(self.edges[*index], node)));
        }
        best.map(|(_, index)| index)
    }

    fn exchange(&mut self, leaving: usize, entering: usize) {
        let slack = self.slack(entering);
        let edge = self.edges[leaving];
        // The part of the tree below the leaving edge moves.
        let outwards = self.number[edge.from] >= self.number[edge.to];
        let (root, shift) = if outwards { (edge.to, slack) } else { (edge.from, -slack) };
        if slack != 0 {
            let mut open = vec![root];
            while let Some(node) = open.pop() {
                self.position[node] += shift;
                let below = self.tree_at[node].iter().filter(|index| self.parent[node] != Some(**index));
                open.extend(below.map(|index| Self::other(self.edges[*index], node)));
            }
        }
        let cut = self.cut[leaving];
        let entered = self.edges[entering];
        let top = self.add_along(entered.from, entered.to, cut, true);
        self.add_along(entered.to, entered.from, cut, false);
        self.cut[entering] = -cut;
        self.cut[leaving] = 0;
        self.in_tree[leaving] = false;
        self.in_tree[entering] = true;
        if let Some(position) = self.tree.iter().position(|index| *index == leaving) {
            self.tree[position] = entering;
        }
        for node in [edge.from, edge.to] {
            self.tree_at[node].retain(|index| *index != leaving);
        }
        self.tree_at[entered.from].push(entering);
        self.tree_at[entered.to].push(entering);
        let (parent, first) = (self.parent[top], self.lowest[top]);
        self.number(top, parent, first);
    }

    /// Changes the cuts from a node up to where the way to another one goes down again; gives that node.
    fn add_along(&mut self, from: usize, to: usize, cut: i64, forwards: bool) -> usize {
        let mut node = from;
        while !self.is_below(to, node) {
            let Some(index) = self.parent[node] else { break };
            let edge = self.edges[index];
            if (edge.from == node) == forwards {
                self.cut[index] += cut;
            } else {
                self.cut[index] -= cut;
            }
            node = Self::other(edge, node);
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(position: &[i64], constraints: &[Constraint]) -> i64 {
        constraints.iter().map(|own| own.weight * (position[own.to] - position[own.from])).sum()
    }

    /// The least cost over all positions up to a bound.
    fn least(nodes: usize, bound: i64, constraints: &[Constraint]) -> i64 {
        let mut best = i64::MAX;
        let mut position = vec![0_i64; nodes];
        loop {
            if constraints.iter().all(|own| position[own.to] - position[own.from] >= own.least) {
                best = best.min(cost(&position, constraints));
            }
            let Some(next) = position.iter().position(|own| *own < bound) else { return best };
            position[..next].fill(0);
            position[next] += 1;
        }
    }

    #[test]
    fn it_finds_the_least_cost() {
        // Small networks of every form, from a generator of its own.
        let mut seed = 7_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..400 {
            let nodes = 3 + random(3) as usize;
            let mut constraints = Vec::new();
            for to in 1..nodes {
                let from = random(to as u64) as usize;
                constraints.push(Constraint { from, to, least: random(2) as i64, weight: random(4) as i64 });
            }
            for _ in 0..random(5) {
                let to = 1 + random(nodes as u64 - 1) as usize;
                let from = random(to as u64) as usize;
                constraints.push(Constraint { from, to, least: random(2) as i64, weight: random(4) as i64 });
            }
            let position = solve(nodes, &constraints);
            assert!(constraints.iter().all(|own| position[own.to] - position[own.from] >= own.least));
            assert_eq!(cost(&position, &constraints), least(nodes, 5, &constraints), "{constraints:?}");
        }
    }
}
