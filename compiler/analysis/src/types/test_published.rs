//! `expect published`: what a test says of the messages of a topic.

use nsf_diagnostics::Span;
use nsf_plan as plan;
use nsf_plan::connector::Role;
use nsf_plan::{Late, Literal, TestExpectation, TopicId, Type};
use nsf_syntax::ast;

use super::{Checker, step_message as message};
use crate::json::{self, Json};

/// What is written of a rejected record, in a topic as in the store.
const REJECTED: [(&str, Type); 10] = [
    ("source", Type::Text),
    ("topic", Type::Text),
    ("partition", Type::INT64),
    ("offset", Type::INT64),
    ("by", Type::Text),
    ("step", Type::Text),
    ("place", Type::Text),
    ("code", Type::Text),
    ("reason", Type::Text),
    ("raw", Type::Text),
];

/// A member of a message as a test names it.
struct Member {
    name: String,
    ty: Type,
    /// Where it stands in the message.
    path: Vec<String>,
    renames: Vec<(Vec<String>, String)>,
}

impl Member {
    fn plain(name: &str, ty: Type) -> Self {
        Self { name: name.to_owned(), ty, path: vec![name.to_owned()], renames: Vec::new() }
    }
}

impl Checker<'_> {
    /// The messages of a topic, exactly.
    pub(super) fn expect_published(
        &mut self,
        module: u32,
        connector: &ast::Expr,
        messages: &[ast::Expr],
        span: Span,
    ) -> Option<TestExpectation> {
        let call = self.connector(module, connector, Role::Sink, true)?;
        let Some(topic) = self.topics.get(&call.connector).copied() else {
            let location = self.at(module, connector.span);
            let text = format!("nothing publishes to `{}`", self.sources.text(location));
            self.diagnostics.push(message::test(location, text));
            return None;
        };
        let members = self.published_members(topic);
        let types: Vec<(String, Type)> =
            members.iter().map(|member| (member.name.clone(), member.ty.clone())).collect();
        let mut texts = Vec::with_capacity(messages.len());
        for expected in messages {
            let given = self.members(module, expected, &types)?;
            texts.push(text(&members, given));
        }
        Some(TestExpectation::Published { topic, messages: texts, origin: self.origin(module, span) })
    }

    /// The members of the messages that come to a topic.
    fn published_members(&self, topic: TopicId) -> Vec<Member> {
        let mut members: Vec<Member> = Vec::new();
        let mut add = |member: Member| {
            if !members.iter().any(|other| other.name == member.name) {
                members.push(member);
            }
        };
        for pipeline in &self.program.pipelines {
            crate::visit::steps(&pipeline.value.body, &mut |step| {
                if let plan::StepKind::ExpandTopic(expand) = &step.kind
                    && expand.topic == topic
                    && let Type::Record(fields) = &expand.message.ty
                {
                    fields.iter().for_each(|(name, ty)| add(Member::plain(name, ty.clone())));
                }
            });
        }
        for subscription in self.program.subscriptions.iter().filter(|found| found.value.to == Some(topic)) {
            let slots = &subscription.value.slots;
            for (name, slot) in &subscription.value.publish {
                add(Member::plain(name, slots[slot.index()].ty.clone()));
            }
        }
        for source in &self.program.sources {
            // A late record goes on as it came, a rejected one with what became of it.
            if matches!(source.value.late_else, Late::Topic(late) if late == topic) {
                for field in &source.value.encoding.fields {
                    let (name, ty, path) = (field.name.clone(), field.ty.clone(), field.path.clone());
                    add(Member { name, ty, path, renames: field.renames.clone() });
                }
            }
            if source.value.reject == Some(topic) {
                REJECTED.iter().for_each(|(name, ty)| add(Member::plain(name, ty.clone())));
            }
        }
        if self.program.ingests.iter().any(|ingest| ingest.value.reject == Some(topic)) {
            REJECTED.iter().for_each(|(name, ty)| add(Member::plain(name, ty.clone())));
        }
        members
    }
}

/// The JSON text of an expected message.
fn text(members: &[Member], given: Vec<(String, Literal)>) -> String {
    let mut object = Json::Object(Vec::new());
    for (name, value) in given {
        let Some(member) = members.iter().find(|member| member.name == name) else { continue };
        object.put(&member.path, json::of_literal(&value, &member.ty, &member.renames));
    }
    object.to_string()
}
