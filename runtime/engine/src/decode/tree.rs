//! The tree of the paths that are read, and what is remembered of the members that were met.

use ahash::AHashMap;

use crate::decode::block::Block;

/// What is done with a member's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Checked and passed over.
    Skip,
    /// Given to a taker.
    Take(u32),
    /// Read as an object of the tree.
    Object(u32),
    /// Read by several: a value that is taken whole and whose members are taken too.
    Several(u32),
    /// An object that nobody reads, remembered like one of the tree so that passing over it is quick.
    Pass(u32),
    /// The end of the object.
    End,
}

/// A member that was met.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// From the end of the value before to the beginning of its own.
    pub lead: Block,
    /// What is done with its value.
    pub action: Action,
    /// The members that followed it, the last one first.
    pub next: [u32; 2],
}

/// The beginning of an object, which the first member follows.
pub const START: u32 = 0;
/// The end of an object.
pub const END: u32 = 1;
/// A member that is not remembered.
const OTHER: u32 = 2;

/// How many members of an object are remembered.
const REMEMBERED: usize = 256;

/// How many members of an object that nobody reads are remembered; one with more has changing names and is skipped plainly.
const REMEMBERED_UNREAD: usize = 24;

/// How many objects the tree may have when one that nobody reads is added.
const OBJECTS: usize = 64;

/// An object of the tree.
#[derive(Clone, Debug)]
pub struct Node {
    members: AHashMap<Box<str>, Action>,
    /// The members that were met, behind the pseudo-members [`START`] and [`END`].
    pub known: Vec<Known>,
    leads: AHashMap<Box<[u8]>, u32>,
    /// Its bit among those that were seen.
    pub bit: u32,
    /// Its path from the outermost, with dots.
    pub path: String,
    /// Whether nobody reads any member.
    unread: bool,
    /// Whether its members change so much that remembering them is of no use.
    pub changing: bool,
}

impl Node {
    fn new(bit: u32, path: String) -> Self {
        let known = |lead: Block, action| Known { lead, action, next: [OTHER; 2] };
        let end = Block::new(b"}").unwrap_or(Block::never());
        let known =
            vec![known(Block::never(), Action::Skip), known(end, Action::End), known(Block::never(), Action::Skip)];
        Self { members: AHashMap::new(), known, leads: AHashMap::new(), bit, path, unread: false, changing: false }
    }

    /// What is done with a member; none where the tree does not have it.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<Action> {
        self.members.get(name).copied()
    }

    /// Remembers that one member followed another.
    pub fn follows(&mut self, previous: u32, next: u32) {
        if let Some(known) = self.known.get_mut(previous as usize).filter(|_| previous != OTHER) {
            known.next = [next, known.next[0]];
        }
    }

    /// The member that begins with these bytes, if it is remembered.
    #[must_use]
    pub fn known_by(&self, lead: &[u8]) -> Option<u32> {
        self.leads.get(lead).copied()
    }

    /// Remembers the member that begins with these bytes, if there is room.
    pub fn learn(&mut self, lead: &[u8], action: Action) -> u32 {
        let room = if self.unread { REMEMBERED_UNREAD } else { REMEMBERED };
        self.changing |= self.unread && self.known.len() >= room;
        match Block::new(lead) {
            Some(block) if self.known.len() < room => {
                let index = u32::try_from(self.known.len()).unwrap_or(OTHER);
                self.known.push(Known { lead: block, action, next: [OTHER; 2] });
                self.leads.insert(lead.into(), index);
                index
            }
            _ => OTHER,
        }
    }
}

/// The objects whose members are read.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The objects; the first is the outermost.
    pub nodes: Vec<Node>,
    /// Lists of what is done with one member.
    pub several: Vec<Vec<Action>>,
}

impl Tree {
    /// A tree of what is done at some paths.
    #[must_use]
    pub fn new<'p>(paths: impl Iterator<Item = (&'p [String], Action)>) -> Self {
        let mut tree = Self { nodes: vec![Node::new(0, String::new())], several: Vec::new() };
        for (path, action) in paths {
            tree.add(path, action);
        }
        tree
    }

    /// What is done from now on with a member that nobody reads and whose value is an object.
    pub fn pass(&mut self) -> Action {
        if self.nodes.len() >= OBJECTS {
            return Action::Skip;
        }
        let mut node = Node::new(u32::MAX, String::new());
        node.unread = true;
        self.nodes.push(node);
        Action::Pass(u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds what is done with the member at a path.
    fn add(&mut self, path: &[String], action: Action) {
        let Some((last, outer)) = path.split_last() else { return };
        let mut node = 0;
        for name in outer {
            node = self.object_at(node, name);
        }
        let merged = match self.nodes[node].members.get(last.as_str()) {
            None => action,
            Some(there) => self.both(*there, action),
        };
        self.nodes[node].members.insert(last.as_str().into(), merged);
    }

    /// The node of an object in another, made where it is not there yet.
    fn object_at(&mut self, node: usize, name: &str) -> usize {
        let there = self.nodes[node].members.get(name).copied();
        if let Some(Action::Object(inner)) = there {
            return inner as usize;
        }
        if let Some(Action::Several(list)) = there {
            let inner = self.several[list as usize].iter().find_map(|action| match action {
                Action::Object(inner) => Some(*inner as usize),
                _ => None,
            });
            if let Some(inner) = inner {
                return inner;
            }
        }
        let outer = &self.nodes[node].path;
        let path = if outer.is_empty() { name.to_owned() } else { format!("{outer}.{name}") };
        let inner = self.nodes.len();
        self.nodes.push(Node::new(0, path));
        let action = Action::Object(u32::try_from(inner).unwrap_or(u32::MAX));
        let merged = there.map_or(action, |there| self.both(there, action));
        self.nodes[node].members.insert(name.into(), merged);
        inner
    }

    /// Two things to be done with one member.
    fn both(&mut self, there: Action, action: Action) -> Action {
        match (there, action) {
            (Action::Skip, action) | (action, Action::Skip) => action,
            (Action::Several(list), action) => {
                self.several[list as usize].push(action);
                there
            }
            _ => {
                self.several.push(vec![there, action]);
                Action::Several(u32::try_from(self.several.len() - 1).unwrap_or(u32::MAX))
            }
        }
    }
}
