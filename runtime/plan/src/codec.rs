//! The serial form of what is nested in memory. Written down it is flat, so that no reader needs deep recursion and
//! no limit of a YAML or JSON reader meets a program: expressions are lists of nodes, blocks are lists of blocks.

mod block;
mod expression;
mod literal;
mod node;

pub(crate) use literal::present;
