//! Expressions to and from lists of nodes: operands before the node that uses them, the root last, every other node
//! used exactly once. Neither way recurses.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::node::{Node, NodeArm, OPERATORS, operator_name};
use crate::{Expr, ExprKind, MatchArm};

impl Serialize for Expr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(encode(self))
    }
}

impl<'de> Deserialize<'de> for Expr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decode(Vec::<Node>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The nodes of an expression.
fn encode(expression: &Expr) -> Vec<Node> {
    let order = expression.operands_first();
    let mut nodes = Vec::with_capacity(order.len());
    // Indices of nodes that no node uses yet: a node's operands are the last of them.
    let mut unused: Vec<u32> = Vec::new();
    for expression in order {
        let operands = unused.split_off(unused.len() - expression.children().len());
        unused.push(index(nodes.len()));
        nodes.push(node(expression, operands));
    }
    nodes
}

fn index(position: usize) -> u32 {
    // A list of 2³² nodes does not fit a plan; were it there, its wrong index would be refused when read.
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// One node; `operands` are the indices of the expression's children, in their order.
fn node(expression: &Expr, operands: Vec<u32>) -> Node {
    let mut rest = operands.iter().copied();
    let mut next = || rest.next();
    let of = |op: &str| Node { op: op.to_owned(), ..Node::default() };
    let mut node = match &expression.kind {
        ExprKind::Literal(value) => Node { value: Some(value.clone()), ..of("literal") },
        ExprKind::Slot(slot) => Node { slot: Some(*slot), ..of("slot") },
        ExprKind::Loaded(row, field) => Node { row: Some(*row), field: Some(*field), ..of("loaded") },
        ExprKind::Exists(row) => Node { row: Some(*row), ..of("exists") },
        ExprKind::Now => of("now"),
        ExprKind::Not(_) => Node { of: next(), ..of("not") },
        ExprKind::Negate(_) => Node { of: next(), ..of("negate") },
        ExprKind::Binary(operator, ..) => Node { left: next(), right: next(), ..of(operator_name(*operator)) },
        ExprKind::IsNull(_) => Node { of: next(), ..of("is_null") },
        ExprKind::Coalesce(..) => Node { left: next(), right: next(), ..of("coalesce") },
        ExprKind::Catch(..) => Node { left: next(), right: next(), ..of("catch") },
        ExprKind::Reject(reason) => Node { reason: Some(reason.clone()), ..of("reject") },
        ExprKind::If(..) => Node { condition: next(), then: next(), otherwise: next(), ..of("if") },
        ExprKind::Match(slot, arms) => {
            let arms = arms.iter().map(|arm| node_arm(arm, &mut next)).collect();
            Node { slot: Some(*slot), arms: Some(arms), ..of("match") }
        }
        ExprKind::Let(slot, ..) => Node { slot: Some(*slot), is: next(), body: next(), ..of("let") },
        ExprKind::Lambda(slots, _) => Node { slots: Some(slots.clone()), body: next(), ..of("lambda") },
        ExprKind::Field(_, field) => Node { of: next(), field: Some(*field), ..of("field") },
        ExprKind::Index(..) => Node { left: next(), right: next(), ..of("index") },
        ExprKind::Mapping(mapping, _) => Node { mapping: Some(*mapping), of: next(), ..of("mapping") },
        ExprKind::Widen(_) => Node { of: next(), ..of("widen") },
        ExprKind::NonNull(_) => Node { of: next(), ..of("non_null") },
        ExprKind::List(_) => Node { items: Some(operands), ..of("list") },
        ExprKind::Record(_) => Node { items: Some(operands), ..of("record") },
        ExprKind::Join(_) => Node { items: Some(operands), ..of("join") },
        ExprKind::Call(function, _) => Node { function: Some(function.clone()), items: Some(operands), ..of("call") },
    };
    node.ty = Some(expression.ty.clone());
    node.at = expression.origin;
    node
}

fn node_arm(arm: &MatchArm, next: &mut impl FnMut() -> Option<u32>) -> NodeArm {
    let guard = arm.guard.as_ref().and_then(|_| next());
    NodeArm { of: arm.patterns.clone(), guard, then: next().unwrap_or(u32::MAX) }
}

/// The expression that a list of nodes says, or what is wrong with the list.
fn decode(nodes: Vec<Node>) -> Result<Expr, String> {
    let mut decoder = Decoder { done: Vec::with_capacity(nodes.len()), depths: Vec::new(), deepest: 0 };
    for node in nodes {
        let expression = decoder.expression(node)?;
        decoder.done.push(Some(expression));
    }
    let root = decoder.done.pop().flatten().ok_or("an expression has no nodes")?;
    match decoder.done.iter().position(Option::is_some) {
        None => Ok(root),
        Some(unused) => Err(format!("node {unused} of an expression is used by no other")),
    }
}

struct Decoder {
    /// The expressions of the nodes so far; none where a node has used it.
    done: Vec<Option<Expr>>,
    /// How deeply each is nested.
    depths: Vec<usize>,
    /// The depth of the deepest operand of the node at hand.
    deepest: usize,
}

impl Decoder {
    fn expression(&mut self, mut node: Node) -> Result<Expr, String> {
        let ty = node.ty.take().ok_or_else(|| self.lacks(&node.op, "type"))?;
        let origin = node.at.take();
        let op = std::mem::take(&mut node.op);
        self.deepest = 0;
        let kind = self.kind(&op, &mut node)?;
        if self.deepest >= Expr::MAX_DEPTH {
            return Err(format!("an expression is nested more than {} deep", Expr::MAX_DEPTH));
        }
        self.depths.push(self.deepest + 1);
        match node == Node::default() {
            true => Ok(Expr { kind, ty, origin }),
            false => Err(format!(
                "node {} (`{op}`) of an expression has a member that `{op}` does not have",
                self.done.len()
            )),
        }
    }

    fn kind(&mut self, op: &str, node: &mut Node) -> Result<ExprKind, String> {
        if let Some((_, operator)) = OPERATORS.iter().find(|(name, _)| *name == op) {
            let left = self.operand(op, "left", node.left.take())?;
            return Ok(ExprKind::Binary(*operator, left, self.operand(op, "right", node.right.take())?));
        }
        Ok(match op {
            "literal" => ExprKind::Literal(self.member(op, "value", node.value.take())?),
            "slot" => ExprKind::Slot(self.member(op, "slot", node.slot.take())?),
            "loaded" => {
                let row = self.member(op, "row", node.row.take())?;
                ExprKind::Loaded(row, self.member(op, "field", node.field.take())?)
            }
            "exists" => ExprKind::Exists(self.member(op, "row", node.row.take())?),
            "now" => ExprKind::Now,
            "reject" => ExprKind::Reject(self.member(op, "reason", node.reason.take())?),
            "not" => ExprKind::Not(self.only(op, node)?),
            "negate" => ExprKind::Negate(self.only(op, node)?),
            "is_null" => ExprKind::IsNull(self.only(op, node)?),
            "widen" => ExprKind::Widen(self.only(op, node)?),
            "non_null" => ExprKind::NonNull(self.only(op, node)?),
            "field" => ExprKind::Field(self.only(op, node)?, self.member(op, "field", node.field.take())?),
            "mapping" => {
                let mapping = self.member(op, "mapping", node.mapping.take())?;
                ExprKind::Mapping(mapping, self.only(op, node)?)
            }
            "coalesce" | "catch" | "index" => {
                let left = self.operand(op, "left", node.left.take())?;
                let right = self.operand(op, "right", node.right.take())?;
                match op {
                    "coalesce" => ExprKind::Coalesce(left, right),
                    "catch" => ExprKind::Catch(left, right),
                    _ => ExprKind::Index(left, right),
                }
            }
            _ => return self.long_kind(op, node),
        })
    }

    /// The forms with more than two operands or with operands that see other slots.
    fn long_kind(&mut self, op: &str, node: &mut Node) -> Result<ExprKind, String> {
        Ok(match op {
            "if" => {
                let condition = self.operand(op, "if", node.condition.take())?;
                let then = self.operand(op, "then", node.then.take())?;
                ExprKind::If(condition, then, self.operand(op, "else", node.otherwise.take())?)
            }
            "match" => {
                let slot = self.member(op, "slot", node.slot.take())?;
                let arms = self.member(op, "arms", node.arms.take())?;
                let arms = arms.into_iter().map(|arm| self.arm(op, arm));
                ExprKind::Match(slot, arms.collect::<Result<_, _>>()?)
            }
            "let" => {
                let slot = self.member(op, "slot", node.slot.take())?;
                let value = self.operand(op, "is", node.is.take())?;
                ExprKind::Let(slot, value, self.operand(op, "body", node.body.take())?)
            }
            "lambda" => {
                let slots = self.member(op, "slots", node.slots.take())?;
                ExprKind::Lambda(slots, self.operand(op, "body", node.body.take())?)
            }
            "list" => ExprKind::List(self.items(op, node)?),
            "record" => ExprKind::Record(self.items(op, node)?),
            "join" => ExprKind::Join(self.items(op, node)?),
            "call" => {
                let function = self.member(op, "function", node.function.take())?;
                ExprKind::Call(function, self.items(op, node)?)
            }
            other => {
                return Err(format!("node {} of an expression has the unknown `op` `{other}`", self.done.len()));
            }
        })
    }

    fn arm(&mut self, op: &str, arm: NodeArm) -> Result<MatchArm, String> {
        let guard = arm.guard.map(|guard| self.operand(op, "if", Some(guard))).transpose()?;
        let value = self.operand(op, "then", Some(arm.then))?;
        Ok(MatchArm { patterns: arm.of, guard: guard.map(|guard| *guard), value: *value })
    }

    fn items(&mut self, op: &str, node: &mut Node) -> Result<Vec<Expr>, String> {
        let items = self.member(op, "items", node.items.take())?;
        items.into_iter().map(|item| self.operand(op, "items", Some(item)).map(|item| *item)).collect()
    }

    fn only(&mut self, op: &str, node: &mut Node) -> Result<Box<Expr>, String> {
        self.operand(op, "of", node.of.take())
    }

    fn operand(&mut self, op: &str, member: &str, operand: Option<u32>) -> Result<Box<Expr>, String> {
        let operand = self.member(op, member, operand)?;
        let here = self.done.len();
        match self.done.get_mut(operand as usize) {
            None => Err(format!(
                "node {here} (`{op}`) of an expression uses node {operand}, which does not stand before it"
            )),
            Some(expression) => match expression.take() {
                Some(expression) => {
                    self.deepest = self.deepest.max(self.depths[operand as usize]);
                    Ok(Box::new(expression))
                }
                None => {
                    Err(format!("node {here} (`{op}`) of an expression uses node {operand}, which another has used"))
                }
            },
        }
    }

    fn member<T>(&self, op: &str, member: &str, value: Option<T>) -> Result<T, String> {
        value.ok_or_else(|| self.lacks(op, member))
    }

    fn lacks(&self, op: &str, member: &str) -> String {
        format!("node {} (`{op}`) of an expression has no `{member}`", self.done.len())
    }
}
