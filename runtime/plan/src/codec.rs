//! The serial form of expressions: a flat list of nodes, operands before their users.

use serde::{Deserialize, Serialize};

use crate::Expr;

/// An expression as a list of nodes; the last is the root.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct FlatExpr {
    nodes: Vec<String>,
}

impl From<&Expr> for FlatExpr {
    fn from(_: &Expr) -> Self {
        Self { nodes: Vec::new() }
    }
}

impl FlatExpr {
    pub(crate) fn into_expr(self) -> Result<Expr, String> {
        Err(format!("the expression has no root among {} nodes", self.nodes.len()))
    }
}
