//! `expect published`: what a test says of the messages of a topic.

use std::collections::HashMap;

use nsf_diagnostics::{Span, Suggestion, closest};
use nsf_plan as plan;
use nsf_plan::connector::Role;
use nsf_plan::{Late, Literal, TestExpectation, TopicId, Type};
use nsf_syntax::ast;

use super::{Checker, Global, step_message as message};
use crate::json::{self, Json};

/// What is written of a rejected record, in a topic as in the store.
const REJECTED: [(&str, Type); 11] = [
    ("source", Type::Text),
    ("topic", Type::Text),
    ("partition", Type::INT64),
    ("offset", Type::INT64),
    ("by", Type::Text),
    ("step", Type::Text),
    ("place", Type::Text),
    ("code", Type::Text),
    ("reason", Type::Text),
    ("key", Type::Text),
    ("raw", Type::Text),
];

/// A member of a message as a test names it.
#[derive(Clone, Debug)]
pub(super) struct Member {
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
        if self.is_flow_for_topic(module, connector) {
            return None;
        }
        let call = self.connector(module, connector, Role::Values, true)?;
        let Some(topic) = self.topics.get(&call.connector).copied() else {
            if self.names_topic(&call.connector.name) {
                return None;
            }
            let location = self.at(module, connector.span);
            let text = format!("nothing publishes to `{}`", self.sources.text(location));
            let mut diagnostic = message::test(location, text);
            let same = |other: &&nsf_plan::connector::Connector| other.kind == call.connector.kind;
            let written = self.topics.iter().filter(|(_, id)| self.published.contains_key(id)).map(|(own, _)| own);
            let names: Vec<&str> = written.filter(same).map(|own| own.name.as_str()).collect();
            if let Some(near) = closest(&call.connector.name, names) {
                let written = self.sources.text(location).replace(&call.connector.name, near);
                let message = format!("write `{written}`");
                diagnostic = diagnostic.label(format!("did you mean `{near}`?"));
                diagnostic = diagnostic.suggest(if nsf_diagnostics::is_sure(&call.connector.name, near) {
                    Suggestion::certain(message, location, written)
                } else {
                    Suggestion::likely(message, location, written)
                });
            }
            self.diagnostics.push(diagnostic);
            return None;
        };
        let members = self.published.get(&topic).cloned().unwrap_or_default();
        // What sends there was found, but could not be understood.
        if members.is_empty() && self.names_topic(&call.connector.name) {
            return None;
        }
        let types: Vec<(String, Type)> =
            members.iter().map(|member| (member.name.clone(), member.ty.clone())).collect();
        let told = self.program.subscriptions.iter().find(|found| found.value.to == Some(topic));
        let owner = told.map(|subscription| Global::Dimension(subscription.value.dimension));
        let mut texts = Vec::with_capacity(messages.len());
        for expected in messages {
            let given = self.members(module, expected, &types, owner)?;
            texts.push(text(&members, given));
        }
        Some(TestExpectation::Published { topic, messages: texts, origin: self.origin(module, span) })
    }

    /// The members of the messages that come to each topic.
    pub(super) fn published_members(&self) -> HashMap<TopicId, Vec<Member>> {
        let mut published: HashMap<TopicId, Vec<Member>> = HashMap::new();
        let mut add = |topic: TopicId, member: Member| {
            let members = published.entry(topic).or_default();
            if !members.iter().any(|other| other.name == member.name) {
                members.push(member);
            }
        };
        for pipeline in &self.program.pipelines {
            crate::visit::steps(&pipeline.value.body, &mut |step| {
                if let plan::StepKind::ExpandTopic(expand) = &step.kind
                    && let Type::Record(fields) = &expand.message.ty
                {
                    fields.iter().for_each(|(name, ty)| add(expand.topic, Member::plain(name, ty.clone())));
                }
            });
        }
        for subscription in &self.program.subscriptions {
            let Some(topic) = subscription.value.to else { continue };
            let slots = &subscription.value.slots;
            for (name, slot) in &subscription.value.publish {
                add(topic, Member::plain(name, slots[slot.index()].ty.clone()));
            }
        }
        for source in &self.program.sources {
            // A late record goes on as it came, a rejected one with what became of it.
            if let Late::Topic(topic) = source.value.late_else {
                for field in &source.value.encoding.fields {
                    let (name, ty, path) = (field.name.clone(), field.ty.clone(), field.path.clone());
                    add(topic, Member { name, ty, path, renames: field.renames.clone() });
                }
            }
        }
        let sources = self.program.sources.iter().map(|source| source.value.reject);
        let ingests = self.program.ingests.iter().map(|ingest| ingest.value.reject);
        for topic in sources.chain(ingests).flatten() {
            REJECTED.iter().for_each(|(name, ty)| add(topic, Member::plain(name, ty.clone())));
        }
        published
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
