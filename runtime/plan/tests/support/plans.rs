//! Arbitrary plans.

use nsf_plan::{
    Coerce, Dimension, DimensionField, DimensionId, Encoding, Format, Ingest, IngestAssignment, IngestMember, Late,
    Mapping, MappingElse, MonitorPlan, OnError, Order, Plan, PlanVersion, Primary, RecordField, SlotId, Source,
    SourceText, Space, SpaceId, State, StateField, Subscription, SubscriptionEvent, Table, Tenant, TenantId, Topic,
    TopicId, connector::Connector,
};
use proptest::{collection::vec, option, prelude::*};

use super::{
    expressions::expression,
    flows::{guarantee, pipeline, slots},
    values::{literal, origin, text, ty},
};

fn topic_id() -> impl Strategy<Value = TopicId> {
    (0..4_u32).prop_map(TopicId)
}

fn connector() -> impl Strategy<Value = Connector> {
    (text(), text(), option::of(text())).prop_map(|(kind, name, cluster)| Connector { kind, name, cluster })
}

fn topic() -> impl Strategy<Value = Topic> {
    (connector(), any::<[bool; 3]>()).prop_map(|(connector, [read, written, internal])| Topic {
        connector,
        read,
        written,
        internal,
    })
}

fn mapping() -> impl Strategy<Value = Mapping> {
    let otherwise =
        prop_oneof![Just(MappingElse::Keep), literal().prop_map(MappingElse::Value), Just(MappingElse::Reject)];
    (text(), ty(), ty(), vec((literal(), literal()), 0..3), otherwise)
        .prop_map(|(name, from, to, pairs, otherwise)| Mapping { name, from, to, pairs, otherwise })
}

fn field() -> impl Strategy<Value = RecordField> {
    let renames = vec((vec(text(), 0..2), text()), 0..2);
    (text(), vec(text(), 0..3), ty(), option::of(literal()), any::<bool>(), renames)
        .prop_map(|(name, path, ty, default, used, renames)| RecordField { name, path, ty, default, used, renames })
}

fn coerce() -> impl Strategy<Value = Coerce> {
    prop::sample::select(vec![Coerce::Strict, Coerce::Lenient])
}

fn encoding() -> impl Strategy<Value = Encoding> {
    let format = prop::sample::select(vec![Format::Json, Format::Csv, Format::Text, Format::Bytes]);
    (format, coerce(), any::<bool>(), vec(field(), 0..3)).prop_map(|(format, coerce, strict, fields)| Encoding {
        format,
        coerce,
        strict,
        fields,
    })
}

fn on_error() -> impl Strategy<Value = OnError> {
    prop::sample::select(vec![OnError::BlockLane, OnError::ParkKey, OnError::SkipOrder, OnError::DeadLetter])
}

fn source() -> impl Strategy<Value = Source> {
    let names = (text(), text(), topic_id(), encoding(), vec(0..5_u32, 0..3), option::of(0..5_u32));
    let late_else = prop_oneof![Just(Late::Drop), Just(Late::Reject), topic_id().prop_map(Late::Topic)];
    let rest = (
        option::of(any::<i64>()),
        late_else,
        (any::<i64>(), option::of(any::<i64>())),
        option::of(topic_id()),
        on_error(),
        option::of(topic_id()),
        origin(),
    );
    (names, rest).prop_map(
        |(
            (id, name, from, encoding, key, time),
            (late, late_else, (max_skew, idle), retry, on_error, reject, origin),
        )| {
            let source = (id, name, from, encoding, key, time);
            let (id, name, from, encoding, key, time) = source;
            Source {
                id,
                name,
                from,
                encoding,
                key,
                time,
                late,
                late_else,
                max_skew,
                idle,
                retry,
                on_error,
                reject,
                origin,
            }
        },
    )
}

fn ingest() -> impl Strategy<Value = Ingest> {
    let member = (text(), ty(), 0..4_u32).prop_map(|(name, ty, slot)| IngestMember { name, ty, slot: SlotId(slot) });
    let assignment = (0..3_u32, 0..3_u32, expression(), vec(0..3_u32, 0..3), origin()).prop_map(
        |(dimension, field, value, reads, origin)| IngestAssignment {
            dimension: DimensionId(dimension),
            field,
            value,
            reads,
            origin,
        },
    );
    let names = (text(), text(), text(), (0..3_u32).prop_map(TenantId), topic_id(), coerce(), any::<i64>());
    let faults = (option::of(topic_id()), on_error(), option::of(topic_id()));
    let rest = (
        vec(member, 0..3),
        slots(),
        vec((text(), expression()), 0..2),
        vec(assignment, 0..3),
        vec((0..4_u32).prop_map(DimensionId), 0..3),
        origin(),
    );
    (names, faults, rest).prop_map(
        |(
            (id, name, arris_id, tenant, from, coerce, max_skew),
            (retry, on_error, reject),
            (members, slots, keys, assignments, accept, origin),
        )| Ingest {
            id,
            name,
            arris_id,
            tenant,
            from,
            coerce,
            max_skew,
            retry,
            on_error,
            reject,
            members,
            slots,
            keys,
            assignments,
            accept,
            origin,
        },
    )
}

fn table() -> impl Strategy<Value = Table> {
    (text(), topic_id(), encoding(), vec(0..5_u32, 0..3), option::of(0..1_000_000_000_i64), origin())
        .prop_map(|(name, from, encoding, key, cache, origin)| Table { name, from, encoding, key, cache, origin })
}

fn state() -> impl Strategy<Value = State> {
    let field = (text(), ty(), literal(), option::of(text())).prop_map(|(name, ty, default, stored_as)| StateField {
        name,
        ty,
        default,
        stored_as,
    });
    let order = prop::sample::select(vec![Order::Flow, Order::Time]);
    let names = (text(), text(), vec((text(), ty()), 0..3), option::of(connector()), option::of(any::<i64>()));
    (names, option::of(expression()), order, vec(field, 0..3), any::<bool>(), origin()).prop_map(
        |((id, name, keys, store, keep), closes, order, fields, marks, origin)| State {
            id,
            name,
            keys,
            store,
            keep,
            closes,
            order,
            fields,
            marks,
            origin,
        },
    )
}

fn dimension() -> impl Strategy<Value = Dimension> {
    let field = (text(), ty(), any::<u64>(), option::of(text()), any::<bool>(), option::of(literal()))
        .prop_map(|(name, ty, id, label, derived, empty)| DimensionField { name, ty, id, label, derived, empty });
    let spaces = vec((0..3_u32).prop_map(SpaceId), 0..3);
    (text(), any::<u32>(), vec((text(), ty()), 0..3), spaces, vec(field, 0..3), option::of(text()), origin()).prop_map(
        |(name, code, keys, spaces, fields, label, origin)| Dimension {
            name,
            code,
            keys,
            spaces,
            fields,
            label,
            origin,
        },
    )
}

fn subscription() -> impl Strategy<Value = Subscription> {
    let on = prop::sample::subsequence(
        vec![SubscriptionEvent::Create, SubscriptionEvent::Binlog, SubscriptionEvent::Reset, SubscriptionEvent::Datain],
        0..4,
    );
    let names = (text(), text(), (0..3_u32).prop_map(DimensionId), (0..3_u32).prop_map(TenantId));
    let listen = (vec((option::of(text()), 0..5_u32), 0..3), option::of(expression()), on);
    let publish = vec((text(), (0..5_u32).prop_map(SlotId)), 0..3);
    (names, listen, publish, slots(), option::of(topic_id()), option::of(text()), guarantee(), origin()).prop_map(
        |((id, name, dimension, tenant), (listen, when, on), publish, slots, to, extra, guarantee, origin)| {
            Subscription { id, name, dimension, tenant, listen, when, on, publish, slots, to, extra, guarantee, origin }
        },
    )
}

pub fn plan() -> impl Strategy<Value = Plan> {
    let file = (text(), text()).prop_map(|(path, sha256)| SourceText { path, sha256 });
    let tenant = (text(), text(), option::of(text()), text()).prop_map(|(name, app_id, app_key, zone)| Tenant {
        name,
        app_id,
        app_key,
        zone,
    });
    let space = (text(), text(), any::<u32>(), option::of(any::<i64>()))
        .prop_map(|(name, store, shards, keep)| Space { name, store, shards, keep });
    let primary = (text(), ty(), any::<u32>(), option::of(text())).prop_map(|(name, ty, number, label)| Primary {
        name,
        ty,
        number,
        label,
    });
    let monitor = (text(), text(), vec((text(), text()), 0..2)).prop_map(|(name, on, settings)| MonitorPlan {
        name,
        on,
        settings,
    });
    let small = (text(), vec(file, 0..2), vec(tenant, 0..2), vec(space, 0..2), vec(primary, 0..2), vec(monitor, 0..2));
    let streams =
        (vec(topic(), 0..2), vec(source(), 0..2), vec(ingest(), 0..2), vec(table(), 0..2), vec(state(), 0..2));
    let rest = (vec(mapping(), 0..2), vec(dimension(), 0..2), vec(subscription(), 0..2), vec(pipeline(), 0..3));
    (small, streams, rest).prop_map(
        |(
            (name, files, tenants, spaces, primaries, monitors),
            (topics, sources, ingests, tables, states),
            (mappings, dimensions, subscriptions, pipelines),
        )| Plan {
            version: PlanVersion::CURRENT,
            name,
            files,
            tenants,
            mappings,
            topics,
            sources,
            ingests,
            tables,
            states,
            spaces,
            primaries,
            dimensions,
            subscriptions,
            pipelines,
            monitors,
        },
    )
}
