//! Connector calls, `kafka("t", key: k)`, against the descriptors of the plan.

use nsf_diagnostics::{Location, Span, closest};
use nsf_plan::connector::{Connector, DESCRIPTORS, Descriptor, Role, descriptor};
use nsf_plan::{Topic, TopicId};
use nsf_syntax::ast::{Argument, Expr, ExprKind, Literal};

use super::{Checker, setting_message as message};
use crate::model::Placed;

/// A connector call, checked against its descriptor.
pub struct ConnectorCall<'e> {
    /// What was named.
    pub connector: Connector,
    /// Its descriptor.
    pub descriptor: &'static Descriptor,
    /// `key: e`.
    pub key: Option<&'e Expr>,
    /// The interpolated name of a `redis("a:{b}")` template, as written.
    pub template: Option<&'e Expr>,
}

const fn role_words(role: Role) -> &'static str {
    match role {
        Role::Source => "what a source reads",
        Role::Sink | Role::Values => "what a flow sends to",
        Role::Table => "what a table reads",
        Role::State => "where a state is kept",
    }
}

/// Whether a connector may be used so: where values of keys are taken, what takes messages is too.
fn may_be(entry: &Descriptor, role: Role) -> bool {
    entry.roles.contains(&role) || role == Role::Values && entry.roles.contains(&Role::Sink)
}

impl Checker<'_> {
    /// Reads a connector call; `key` says whether `key:` may stand in it.
    pub(super) fn connector<'e>(
        &mut self,
        module: u32,
        expr: &'e Expr,
        role: Role,
        key_allowed: bool,
    ) -> Option<ConnectorCall<'e>> {
        let (name, name_span, arguments): (&str, Span, &'e [Argument]) = match &expr.kind {
            ExprKind::Name(name) => (name, expr.span, &[]),
            ExprKind::Call { function, arguments } => match &function.kind {
                ExprKind::Name(name) => (name, function.span, arguments),
                _ => return self.not_a_connector(module, expr, role),
            },
            ExprKind::Error => return None,
            _ => return self.not_a_connector(module, expr, role),
        };
        let location = self.at(module, name_span);
        let may = |entry: &Descriptor| may_be(entry, role);
        let usable: Vec<&str> = DESCRIPTORS.iter().filter(|entry| may(entry)).map(|entry| entry.name).collect();
        let Some(found) = descriptor(name) else {
            let all = DESCRIPTORS.iter().map(|entry| entry.name);
            let near = closest(name, all).map(str::to_owned);
            self.diagnostics.push(message::unknown_connector(location, name, near, &usable));
            return None;
        };
        if !may(found) {
            self.diagnostics.push(message::wrong_role(location, name, role_words(role), &usable));
            return None;
        }
        self.connector_arguments(module, found, expr.span, arguments, key_allowed && found.keyed)
    }

    fn not_a_connector<T>(&mut self, module: u32, expr: &Expr, role: Role) -> Option<T> {
        let location = self.at(module, expr.span);
        if let ExprKind::Literal(Literal::Text(_)) = &expr.kind {
            let text = self.sources.text(location);
            let kind = match role {
                Role::Table if text.contains('.') => "file",
                Role::Table => "mysql",
                Role::State => "redis",
                Role::Source | Role::Sink | Role::Values => "kafka",
            };
            let meant = format!("{kind}({text})");
            self.diagnostics.push(message::text_for_connector(location, meant));
            return None;
        }
        let text = self.sources.text(location).to_owned();
        let usable: Vec<&str> =
            DESCRIPTORS.iter().filter(|entry| may_be(entry, role)).map(|entry| entry.name).collect();
        self.diagnostics.push(message::unknown_connector(location, &text, None, &usable));
        None
    }

    fn connector_arguments<'e>(
        &mut self,
        module: u32,
        found: &'static Descriptor,
        span: Span,
        arguments: &'e [Argument],
        keyed: bool,
    ) -> Option<ConnectorCall<'e>> {
        let mut call = ConnectorCall {
            connector: Connector { kind: found.name.to_owned(), name: String::new(), cluster: None },
            descriptor: found,
            key: None,
            template: None,
        };
        let mut named = false;
        let mut complete = true;
        for argument in arguments {
            let at = self.at(module, argument.value.span);
            match argument.label.as_ref().map(|label| label.text.as_str()) {
                None if found.argument.is_some() && !named => {
                    named = true;
                    complete &= self.connector_name(argument, found, at, &mut call);
                }
                Some("key") if keyed => call.key = Some(&argument.value),
                Some("cluster") => match &argument.value.kind {
                    ExprKind::Literal(Literal::Text(text)) => call.connector.cluster = Some(text.to_string()),
                    _ => {
                        self.diagnostics.push(message::wrong_value(at, "cluster", "a text"));
                        complete = false;
                    }
                },
                // `kafka(topic: "orders")`
                Some(label) if found.argument.is_some() && !named && is_text(&argument.value) && label != "cluster" => {
                    named = true;
                    complete &= self.connector_name(argument, found, at, &mut call);
                    if let Some(label) = &argument.label {
                        let place = Span::new(label.span.start, argument.value.span.start);
                        self.report_named_name(module, found, place);
                    }
                }
                // `kafka("orders", customer)`
                None if keyed && named && call.key.is_none() => {
                    call.key = Some(&argument.value);
                    let text = format!("the key is named: `key: {}`", self.sources.text(at));
                    self.diagnostics.push(message::named_option(at, text, "write `key:`", "key: "));
                    complete = false;
                }
                None => {
                    let what = found.argument.unwrap_or("name");
                    let diagnostic = message::wrong_option(at, format!("`{}` takes one {what}", found.name));
                    self.diagnostics.push(match what {
                        "topic" => {
                            diagnostic.help("a flow reads several sources, one for each topic: `flow … from a, b`")
                        }
                        _ => diagnostic,
                    });
                    complete = false;
                }
                label => {
                    let written = label.unwrap_or_default();
                    let options: &[&str] = if keyed { &["key", "cluster"] } else { &["cluster"] };
                    let near = closest(written, options.iter().copied()).map(str::to_owned);
                    let location = argument.label.as_ref().map_or(at, |label| self.at(module, label.span));
                    self.diagnostics.push(message::unknown_option(location, written, found.name, near));
                    complete = false;
                }
            }
        }
        if let (Some(what), false) = (found.argument, named) {
            let location = self.at(module, span);
            self.diagnostics.push(message::wrong_value(
                location,
                found.name,
                &format!("written with the name of its {what}: `{}(\"…\")`", found.name),
            ));
            return None;
        }
        complete.then_some(call)
    }

    /// `topic: ` before the name of a topic, which stands without one.
    fn report_named_name(&mut self, module: u32, found: &Descriptor, place: Span) {
        let written = self.sources.text(self.at(module, place));
        let colon = written.find(':').map_or(place.end, |at| place.start + at as u32 + 1);
        let text = format!("the {} stands without a name: `{}(\"…\")`", found.argument.unwrap_or("name"), found.name);
        let (at, taken_out) = (self.at(module, Span::new(place.start, colon)), self.at(module, place));
        self.diagnostics.push(
            message::wrong_option(at, text).label("not needed").suggest(nsf_diagnostics::Suggestion::certain(
                "take it out",
                taken_out,
                "",
            )),
        );
    }

    fn connector_name<'e>(
        &mut self,
        argument: &'e Argument,
        found: &'static Descriptor,
        at: Location,
        call: &mut ConnectorCall<'e>,
    ) -> bool {
        match &argument.value.kind {
            ExprKind::Literal(Literal::Text(text) | Literal::RawText(text)) if !text.is_empty() => {
                call.connector.name = text.to_string();
                self.is_name_of(found, text, at)
            }
            ExprKind::Interpolation(_) if found.name == "redis" => {
                call.template = Some(&argument.value);
                let text = self.sources.text(at);
                call.connector.name = text.trim_matches('"').to_owned();
                true
            }
            ExprKind::Error => false,
            _ => {
                let what = found.argument.unwrap_or("name");
                let mut diagnostic =
                    message::wrong_value(at, found.name, &format!("given its {what} as a constant text"));
                if let ExprKind::Name(name) = &argument.value.kind {
                    let quoted = format!("\"{name}\"");
                    diagnostic = diagnostic.suggest(nsf_diagnostics::Suggestion::certain(
                        format!("write `{quoted}`"),
                        at,
                        quoted,
                    ));
                }
                self.diagnostics.push(diagnostic);
                false
            }
        }
    }

    /// Whether a text can be the name of what a connector names; reports where it is something else.
    fn is_name_of(&mut self, found: &Descriptor, text: &str, at: Location) -> bool {
        let diagnostic = match found.name {
            "mysql" if text.trim().contains(char::is_whitespace) => {
                message::not_a_name(at, "`mysql` names a table, and this is a query").help(
                    "rows are looked up by the table's `key`; what a query computes can be a view of the database",
                )
            }
            "webhook" if text.contains("://") => {
                message::not_a_name(at, "a webhook is named, and its address stands in `nsf.yaml`")
                    .help("write a name such as `webhook(\"crm\")`, and give its address in the profiles")
            }
            _ => return true,
        };
        self.diagnostics.push(diagnostic);
        false
    }

    /// The topic of a connector, made at its first use.
    pub(super) fn topic(&mut self, connector: Connector, location: Location, read: bool) -> TopicId {
        if let Some(id) = self.topics.get(&connector) {
            let topic = &mut self.program.topics[id.index()].value;
            topic.read |= read;
            topic.written |= !read;
            return *id;
        }
        let id = TopicId(self.program.topics.len() as u32);
        let topic = Topic { connector: connector.clone(), read, written: !read, internal: false };
        self.program.topics.push(Placed { value: topic, name: location, item: location });
        self.topics.insert(connector, id);
        id
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Literal(Literal::Text(_) | Literal::RawText(_)))
}
