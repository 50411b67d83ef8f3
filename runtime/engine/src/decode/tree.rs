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

/// The end of any object.
pub const END: u32 = 0;
/// Any member that is not remembered.
pub const OTHER: u32 = 1;

/// A member that nothing leads to.
const PSEUDO: Known = Known { lead: Block::never(), action: Action::Skip, next: [OTHER; 2] };

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
    /// The pseudo-member that the first one follows.
    pub start: u32,
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
    fn new(start: u32, path: String) -> Self {
        let (members, leads) = (AHashMap::new(), AHashMap::new());
        Self { members, start, leads, bit: u32::MAX, path, unread: false, changing: false }
    }

    /// What is done with a member; none where the tree does not have it.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<Action> {
        self.members.get(name).copied()
    }
}

/// The objects whose members are read.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The objects; the first is the outermost.
    pub nodes: Vec<Node>,
    /// The members that were met, of all objects.
    pub known: Vec<Known>,
    /// Lists of what is done with one member.
    pub several: Vec<Vec<Action>>,
}

impl Tree {
    /// A tree of what is done at some paths.
    #[must_use]
    pub fn new<'p>(paths: impl Iterator<Item = (&'p [String], Action)>) -> Self {
        let end = Known { lead: Block::new(b"}").unwrap_or(Block::never()), action: Action::End, next: [OTHER; 2] };
        let mut tree = Self { nodes: Vec::new(), known: vec![end, PSEUDO], several: Vec::new() };
        tree.add_node(String::new());
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
        let index = self.add_node(String::new());
        self.nodes[index].unread = true;
        Action::Pass(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn add_node(&mut self, path: String) -> usize {
        let start = u32::try_from(self.known.len()).unwrap_or(OTHER);
        self.known.push(PSEUDO);
        self.nodes.push(Node::new(start, path));
        self.nodes.len() - 1
    }

    /// Remembers that one member followed another.
    pub fn follows(&mut self, previous: u32, next: u32) {
        if let Some(known) = self.known.get_mut(previous as usize).filter(|_| previous != OTHER) {
            known.next = [next, known.next[0]];
        }
    }

    /// The member of an object that begins with these bytes, if it is remembered.
    #[must_use]
    pub fn known_by(&self, node: usize, lead: &[u8]) -> Option<u32> {
        self.nodes[node].leads.get(lead).copied()
    }

    /// Remembers the member of an object that begins with these bytes, if there is room.
    pub fn learn(&mut self, node: usize, lead: &[u8], action: Action) -> u32 {
        let node = &mut self.nodes[node];
        let room = if node.unread { REMEMBERED_UNREAD } else { REMEMBERED };
        node.changing |= node.unread && node.leads.len() >= room;
        match Block::new(lead) {
            Some(block) if node.leads.len() < room => {
                let index = u32::try_from(self.known.len()).unwrap_or(OTHER);
                self.known.push(Known { lead: block, action, next: [OTHER; 2] });
                node.leads.insert(lead.into(), index);
                index
            }
            _ => OTHER,
        }
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
        let inner = self.add_node(path);
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
