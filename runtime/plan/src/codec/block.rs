//! Blocks to and from lists of blocks: the first is the outermost, and a step names a block inside it by its index.
//! A block stands before the blocks in it, and every block but the first is used exactly once.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    Block, DimensionExpand, Expr, HandleId, Missing, Origin, SaveOperation, SlotId, StateId, Step, StepKind,
    TopicExpand,
};

/// A step whose blocks are indices.
#[derive(Serialize, Deserialize)]
struct FlatStep {
    id: String,
    #[serde(flatten)]
    kind: FlatKind,
    origin: Origin,
}

/// [`StepKind`] with indices for blocks; the members of the same names mean the same.
#[derive(Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum FlatKind {
    Require {
        condition: Expr,
        reason: String,
    },
    Drop {
        condition: Expr,
        reason: String,
    },
    Reject {
        condition: Expr,
        reason: String,
    },
    Unique {
        values: Vec<Expr>,
        within: i64,
        reason: String,
        marks: StateId,
    },
    Assign {
        slot: SlotId,
        value: Expr,
    },
    Load {
        handle: HandleId,
        missing: Missing,
    },
    Save {
        handle: HandleId,
        operations: Vec<SaveOperation>,
    },
    ExpandDimension(DimensionExpand),
    ExpandTopic(TopicExpand),
    When {
        arms: Vec<FlatArm>,
        #[serde(rename = "else", default, skip_serializing_if = "Option::is_none")]
        otherwise: Option<u32>,
    },
    Each {
        slot: SlotId,
        list: Expr,
        body: u32,
    },
    Stop {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        condition: Option<Expr>,
    },
    Jump {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        condition: Option<Expr>,
        target: u32,
    },
    Flow {
        name: String,
        body: u32,
    },
}

/// An arm of a `when`.
#[derive(Serialize, Deserialize)]
struct FlatArm {
    #[serde(rename = "if")]
    condition: Expr,
    then: u32,
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(encode(self))
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decode(Vec::<Vec<FlatStep>>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The list of a block. The blocks in a block come after all that are known when it is reached.
fn encode(outermost: &Block) -> Vec<Vec<FlatStep>> {
    let mut blocks = vec![outermost];
    let mut flat = Vec::new();
    while let Some(block) = blocks.get(flat.len()).copied() {
        flat.push(block.steps.iter().map(|step| flat_step(step, &mut blocks)).collect());
    }
    flat
}

fn flat_step<'block>(step: &'block Step, blocks: &mut Vec<&'block Block>) -> FlatStep {
    let mut add = |block| {
        blocks.push(block);
        // A list of 2³² blocks does not fit a plan; were it there, its wrong index would be refused when read.
        u32::try_from(blocks.len() - 1).unwrap_or(u32::MAX)
    };
    let kind = match &step.kind {
        StepKind::Require { condition, reason } => {
            FlatKind::Require { condition: condition.clone(), reason: reason.clone() }
        }
        StepKind::Drop { condition, reason } => FlatKind::Drop { condition: condition.clone(), reason: reason.clone() },
        StepKind::Reject { condition, reason } => {
            FlatKind::Reject { condition: condition.clone(), reason: reason.clone() }
        }
        StepKind::Unique { values, within, reason, marks } => {
            FlatKind::Unique { values: values.clone(), within: *within, reason: reason.clone(), marks: *marks }
        }
        StepKind::Assign { slot, value } => FlatKind::Assign { slot: *slot, value: value.clone() },
        StepKind::Load { handle, missing } => FlatKind::Load { handle: *handle, missing: missing.clone() },
        StepKind::Save { handle, operations } => FlatKind::Save { handle: *handle, operations: operations.clone() },
        StepKind::ExpandDimension(expand) => FlatKind::ExpandDimension(expand.clone()),
        StepKind::ExpandTopic(expand) => FlatKind::ExpandTopic(expand.clone()),
        StepKind::When { arms, otherwise } => FlatKind::When {
            arms: arms
                .iter()
                .map(|(condition, block)| FlatArm { condition: condition.clone(), then: add(block) })
                .collect(),
            otherwise: (!otherwise.steps.is_empty()).then(|| add(otherwise)),
        },
        StepKind::Each { slot, list, body } => FlatKind::Each { slot: *slot, list: list.clone(), body: add(body) },
        StepKind::Stop { condition } => FlatKind::Stop { condition: condition.clone() },
        StepKind::Jump { condition, target } => FlatKind::Jump { condition: condition.clone(), target: *target },
        StepKind::Flow { name, body } => FlatKind::Flow { name: name.clone(), body: add(body) },
    };
    FlatStep { id: step.id.clone(), kind, origin: step.origin }
}

/// The block that a list says, or what is wrong with the list.
fn decode(flat: Vec<Vec<FlatStep>>) -> Result<Block, String> {
    // From the last to the first, so that the blocks in a block are there when it is reached.
    let mut decoder = Decoder { done: flat.iter().map(|_| None).collect(), here: flat.len(), deepest: 0 };
    for steps in flat.into_iter().rev() {
        decoder.here -= 1;
        decoder.deepest = 0;
        let steps = steps.into_iter().map(|step| decoder.step(step)).collect::<Result<_, _>>()?;
        if decoder.deepest >= Block::MAX_DEPTH {
            return Err(format!("steps are nested more than {} deep", Block::MAX_DEPTH));
        }
        let (here, depth) = (decoder.here, decoder.deepest + 1);
        decoder.done[here] = Some((Block { steps }, depth));
    }
    let mut blocks = decoder.done.into_iter();
    let outermost = blocks.next().flatten().ok_or("a list of blocks is empty")?;
    match blocks.position(|block| block.is_some()) {
        None => Ok(outermost.0),
        Some(unused) => Err(format!("no step uses block {}", unused + 1)),
    }
}

struct Decoder {
    /// Blocks that are complete and not yet used, with their depths.
    done: Vec<Option<(Block, usize)>>,
    /// The index of the block at hand.
    here: usize,
    /// The depth of the deepest block in it so far.
    deepest: usize,
}

impl Decoder {
    fn step(&mut self, step: FlatStep) -> Result<Step, String> {
        let kind = match step.kind {
            FlatKind::Require { condition, reason } => StepKind::Require { condition, reason },
            FlatKind::Drop { condition, reason } => StepKind::Drop { condition, reason },
            FlatKind::Reject { condition, reason } => StepKind::Reject { condition, reason },
            FlatKind::Unique { values, within, reason, marks } => StepKind::Unique { values, within, reason, marks },
            FlatKind::Assign { slot, value } => StepKind::Assign { slot, value },
            FlatKind::Load { handle, missing } => StepKind::Load { handle, missing },
            FlatKind::Save { handle, operations } => StepKind::Save { handle, operations },
            FlatKind::ExpandDimension(expand) => StepKind::ExpandDimension(expand),
            FlatKind::ExpandTopic(expand) => StepKind::ExpandTopic(expand),
            FlatKind::When { arms, otherwise } => {
                let arms = arms.into_iter().map(|arm| Ok((arm.condition, self.block(&step.id, arm.then)?)));
                let arms = arms.collect::<Result<_, String>>()?;
                let otherwise = otherwise.map(|block| self.block(&step.id, block)).transpose()?;
                StepKind::When { arms, otherwise: otherwise.unwrap_or_default() }
            }
            FlatKind::Each { slot, list, body } => StepKind::Each { slot, list, body: self.block(&step.id, body)? },
            FlatKind::Stop { condition } => StepKind::Stop { condition },
            FlatKind::Jump { condition, target } => StepKind::Jump { condition, target },
            FlatKind::Flow { name, body } => StepKind::Flow { name, body: self.block(&step.id, body)? },
        };
        Ok(Step { id: step.id, kind, origin: step.origin })
    }

    fn block(&mut self, step: &str, index: u32) -> Result<Block, String> {
        let position = index as usize;
        if position <= self.here || position >= self.done.len() {
            return Err(format!("step `{step}` uses block {index}, which does not stand after its own"));
        }
        let (block, depth) = self.done[position]
            .take()
            .ok_or_else(|| format!("step `{step}` uses block {index}, which another has used"))?;
        self.deepest = self.deepest.max(depth);
        Ok(block)
    }
}
