//! When a subscription is told, and the bytes it is sent.

use nsf_plan::{Input, PipelineId, SubscriptionEvent};

use super::*;
use crate::{
    dimension::{
        Stage,
        fixture::{CLASS_STU_PLAN, MemoryStore, ingested, message, plan, text},
    },
    run::stage::{DimensionStage, RecordOrigin, WriteKind, WriteOrder, Writer},
};

use SubscriptionEvent::{Binlog, Create, Datain, Reset};

const TIME: i64 = 1_684_540_800_000;

/// A message of the ingest about one homework.
fn homework(time: i64, command: &str, members: &str) -> String {
    message(&format!(r#""time":{time},"cmd":"{command}","fields":{{"class_id":1,"stu_id":7,"plan_id":3{members}}}"#))
}

fn status(time: i64, status: u32) -> String {
    homework(time, "insert", &format!(r#","status":{status}"#))
}

/// Applies messages one by one and gives the output of each.
fn told_of(plan: &Plan, writes: Vec<Vec<DimensionWrite>>) -> Vec<StageOutput> {
    let dimensions = Arc::new(Dimensions::new(plan).unwrap());
    let mut stage = Stage::new(plan, dimensions).unwrap();
    let store = MemoryStore::default();
    let apply = |writes: Vec<DimensionWrite>| {
        let mut output = StageOutput::default();
        stage.apply(&writes, &store, &mut output).unwrap();
        output
    };
    writes.into_iter().map(apply).collect()
}

/// The outputs of messages, where a flow reads the subscription too.
fn told(plan: &Plan, messages: &[String]) -> Vec<StageOutput> {
    let mut plan = plan.clone();
    let from = InputSource::Subscription(SubscriptionId(0));
    let mut reader = pipeline("reader");
    reader.inputs.push(Input { from, fields: Vec::new(), record: None });
    plan.pipelines.push(reader);
    told_alone(&plan, messages)
}

fn told_alone(plan: &Plan, messages: &[String]) -> Vec<StageOutput> {
    let output = ingested(plan, messages);
    assert!(output.rejected.is_empty(), "{:?}", output.rejected);
    let of = |offset: u64| output.writes.iter().filter(|write| write.origin.offset == offset).cloned().collect();
    told_of(plan, (1..=messages.len() as u64).map(of).collect())
}

/// The `action` of each output's message; empty where there is none.
fn actions(outputs: &[StageOutput]) -> Vec<String> {
    let action = |output: &StageOutput| {
        assert!(output.messages.len() <= 1);
        let Some(message) = output.messages.first() else { return String::new() };
        let json: serde_json::Value = serde_json::from_slice(&message.bytes).unwrap();
        json["action"].as_str().unwrap().to_string()
    };
    outputs.iter().map(action).collect()
}

/// The plan with other `on` and no `when`.
fn on(events: &[SubscriptionEvent]) -> Plan {
    let mut plan = plan();
    plan.subscriptions[0].on = events.to_vec();
    plan.subscriptions[0].when = None;
    plan
}

fn flow_write(kind: WriteKind, fields: Vec<(u32, Cell)>) -> DimensionWrite {
    DimensionWrite {
        dimension: CLASS_STU_PLAN,
        keys: [1, 7, 3].map(Cell::Integer).into(),
        fields,
        kind,
        order: WriteOrder::Flow,
        writer: Writer::Pipeline(PipelineId(0)),
        origin: RecordOrigin {
            by: stable::number("plan_duration"),
            ..RecordOrigin::of_record(stable::number("live_class_stu"), 0, 9, TIME)
        },
    }
}

fn pipeline(id: &str) -> nsf_plan::Pipeline {
    nsf_plan::Pipeline {
        id: id.into(),
        name: id.into(),
        inputs: Vec::new(),
        slots: Vec::new(),
        handles: Vec::new(),
        body: nsf_plan::Block::default(),
        key: Vec::new(),
        stateful: false,
        origin: nsf_plan::Origin::default(),
    }
}

#[test]
fn the_message_is_the_one_of_the_protocol_byte_for_byte() {
    let outputs = told(&plan(), &[status(TIME, 1)]);
    let message = &outputs[0].messages[0];
    let wanted = concat!(
        r#"{"version":"v2.0","nsf_id":"classroom/homework_submitted/live_class_stu/0/1/0","#,
        r#""topic":"arrpub_xuefu_note","app_id":"0102","dim":"3001","arris_id":"ARRIS-f0102-0000000000gca","#,
        r#""action":"create|binlog","time":1684540800000,"fields":{"#,
        r#""status_name":{"val":["已提交"],"detail":[],"link":[]},"plan_id":{"val":[3],"detail":[],"link":[]},"#,
        r#""stu_id":{"val":[7],"detail":[],"link":[]},"class_id":{"val":[1],"detail":[],"link":[]},"#,
        r#""updated":{"val":[1684540800000],"detail":[],"link":[]}},"extra_args":""}"#
    );
    assert_eq!(String::from_utf8(message.bytes.clone()).unwrap(), wanted);
    assert_eq!(message.key, b"[1,7,3]");
    assert_eq!(message.topic, TopicId(1));
    let record = &outputs[0].records[0];
    let keys = [1, 7, 3].map(Cell::Integer);
    let fields = [text("已提交"), Cell::Null, Cell::Null, Cell::Integer(TIME)];
    assert_eq!(record.values, [&keys[..], &fields[..]].concat());
    assert_eq!(told(&plan(), &[status(TIME, 1)])[0].messages[0].bytes, message.bytes);
}

#[test]
fn records_are_made_only_where_a_flow_reads_them() {
    let alone = told_alone(&plan(), &[status(TIME, 1)]);
    assert_eq!((alone[0].messages.len(), alone[0].records.len()), (1, 0));
    assert_eq!(told(&plan(), &[status(TIME, 1)])[0].records.len(), 1);
}

#[test]
fn when_is_asked_of_the_row_after_the_write() {
    let messages =
        [status(TIME, 0), status(TIME + 1, 1), status(TIME + 2, 1), status(TIME + 3, 2), status(TIME + 4, 1)];
    assert_eq!(actions(&told(&plan(), &messages)), ["", "binlog", "", "", "binlog"]);
}

#[test]
fn create_is_the_first_sight_of_a_key_and_of_one_that_was_deleted() {
    let delete = homework(TIME + 2, "delete", "");
    let messages = [status(TIME, 0), status(TIME + 1, 1), delete, status(TIME + 3, 1)];
    assert_eq!(actions(&told(&on(&[Create]), &messages)), ["create", "", "", "create"]);
}

#[test]
fn binlog_is_another_value_and_not_another_message() {
    let delete = homework(TIME + 3, "delete", "");
    let messages = [status(TIME, 0), status(TIME + 1, 0), status(TIME + 2, 2), status(TIME + 1, 1), delete];
    assert_eq!(actions(&told(&on(&[Binlog]), &messages)), ["binlog", "", "binlog", "", ""]);
}

#[test]
fn datain_is_every_message_that_brings_a_listened_field() {
    let other = homework(TIME + 5, "insert", "");
    let messages = [status(TIME, 0), status(TIME + 1, 0), status(TIME - 1, 2), other];
    assert_eq!(actions(&told(&on(&[Datain]), &messages)), ["datain", "datain", "datain", ""]);
}

#[test]
fn reset_is_a_cleared_field_or_row_or_its_repetition() {
    let reset = |time: i64| {
        message(&format!(
            r#""time":{time},"cmd":"reset","fields":{{"class_id":1,"stu_id":7,"plan_id":3}},"change_fields":["status"]"#
        ))
    };
    let delete = |time: i64| homework(time, "delete", "");
    let messages = [status(TIME, 0), reset(TIME + 2), reset(TIME + 3), reset(TIME + 1), delete(TIME + 4)];
    assert_eq!(actions(&told(&on(&[Reset]), &messages)), ["", "reset", "reset", "", "reset"]);
    let of_nothing = [reset(TIME), delete(TIME + 1), reset(TIME + 2), delete(TIME + 3)];
    assert_eq!(actions(&told(&on(&[Reset]), &of_nothing)), [""; 4]);
}

#[test]
fn a_deleted_row_is_judged_by_what_it_was_and_published_as_it_is() {
    let mut plan = plan();
    plan.subscriptions[0].on = vec![Reset];
    let outputs = told(&plan, &[status(TIME, 1), homework(TIME + 1, "delete", "")]);
    assert_eq!(actions(&outputs), ["", "reset"]);
    assert_eq!(outputs[1].records[0].values[2..4], [Cell::Integer(3), Cell::Null]);
    let others = told(&plan, &[status(TIME, 0), homework(TIME + 1, "delete", "")]);
    assert_eq!(actions(&others), ["", ""]);
}

#[test]
fn only_the_writers_and_fields_that_are_listened_to_count() {
    let all = on(&[Create, Binlog, Reset, Datain]);
    let status_by_flow = flow_write(WriteKind::Assign, vec![(0, text("已批改"))]);
    let stay = flow_write(WriteKind::Assign, vec![(1, Cell::Integer(1))]);
    assert_eq!(actions(&told_of(&all, vec![vec![stay.clone()], vec![status_by_flow.clone()]])), ["", ""]);
    let mut any_writer = all.clone();
    any_writer.subscriptions[0].listen = vec![(None, 0)];
    let outputs = told_of(&any_writer, vec![vec![stay], vec![status_by_flow]]);
    assert_eq!(actions(&outputs), ["create", "binlog|datain"]);
    let json: serde_json::Value = serde_json::from_slice(&outputs[1].messages[0].bytes).unwrap();
    assert_eq!(json["arris_id"], "");
}

#[test]
fn a_message_is_read_back_as_what_it_publishes() {
    let plan = plan();
    let bytes = told(&plan, &[status(TIME, 1)]).remove(0).messages.remove(0).bytes;
    let message: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let wanted = r#"{"status_name":"已提交","plan_id":3,"stu_id":7,"class_id":1,"updated":"2023-05-20T00:00:00Z"}"#;
    assert_eq!(plain(&plan, TopicId(1), &message).unwrap().to_string(), wanted);
    assert_eq!(plain(&plan, TopicId(0), &message), None);
    assert_eq!(plain(&plan, TopicId(1), &serde_json::json!({ "fields": {} })), None);
}

#[test]
fn no_two_messages_have_one_id() {
    let mut plan = on(&[Datain]);
    plan.subscriptions[0].listen = vec![(None, 0)];
    let write = |key: i64, pipeline: u32, name: &str| DimensionWrite {
        keys: [key, 7, 3].map(Cell::Integer).into(),
        writer: Writer::Pipeline(PipelineId(pipeline)),
        ..flow_write(WriteKind::Assign, vec![(0, text(name))])
    };
    let by = |mut write: DimensionWrite, flow: &str| {
        write.origin.by = stable::number(flow);
        write
    };
    let writes = vec![write(1, 0, "a"), write(2, 0, "b"), by(write(2, 1, "b"), "other"), write(1, 0, "c")];
    let ids = |outputs: Vec<StageOutput>| -> Vec<String> {
        let id = |message: &StageMessage| {
            let json: serde_json::Value = serde_json::from_slice(&message.bytes).unwrap();
            json["nsf_id"].as_str().unwrap().to_string()
        };
        outputs.iter().flat_map(|output| output.messages.iter().map(id)).collect()
    };
    plan.pipelines = ["plan_duration", "other"].map(pipeline).into();
    let first = ids(told_of(&plan, vec![writes.clone()]));
    let start = "classroom/homework_submitted";
    let wanted = ["plan_duration/live_class_stu/0/9/0", "plan_duration/live_class_stu/0/9/0/1"];
    assert_eq!(first[..2], wanted.map(|end| format!("{start}/{end}")));
    assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    assert_eq!(ids(told_of(&plan, vec![writes])), first);
}

#[test]
fn a_field_without_a_value_shows_its_empty_value() {
    let mut plan = on(&[Create]);
    plan.dimensions[2].fields[0].empty = Some(nsf_plan::Literal::text("未知"));
    let outputs = told(&plan, &[homework(TIME, "insert", "")]);
    assert_eq!(outputs[0].records[0].values[3], text("未知"));
    let json: serde_json::Value = serde_json::from_slice(&outputs[0].messages[0].bytes).unwrap();
    assert_eq!(json["fields"]["status_name"]["val"][0], "未知");
}

#[test]
fn extra_is_sent_as_it_is_written() {
    let mut plan = plan();
    plan.subscriptions[0].extra = Some("a \"b\"\n".into());
    let outputs = told(&plan, &[status(TIME, 1)]);
    let json: serde_json::Value = serde_json::from_slice(&outputs[0].messages[0].bytes).unwrap();
    assert_eq!(json["extra_args"], "a \"b\"\n");
}

#[test]
fn a_condition_that_fails_is_kept_as_a_rejected_record() {
    use nsf_plan::{BinaryOperator, Expr, IntegerWidth, Literal, Origin, Type};
    let mut plan = plan();
    let number = |value: i64| Expr::literal(Literal::Integer(value), Type::Integer(IntegerWidth::Int64));
    let key = Expr::slot(SlotId(0), Type::INT64);
    let one_too_few = Expr::binary(BinaryOperator::Subtract, key, number(1), Type::INT64);
    let quotient = Expr::binary(BinaryOperator::Remainder, number(1), one_too_few, Type::INT64);
    let quotient = quotient.at(Origin { file: 1, line: 21 });
    plan.subscriptions[0].when = Some(Expr::equal(quotient, number(0)));
    let outputs = told(&plan, &[status(TIME, 1)]);
    let rejection = &outputs[0].rejected[0];
    assert_eq!(rejection.code, crate::fault::FaultCode::DivisionByZero);
    assert_eq!((rejection.by.as_str(), rejection.offset), ("homework_submitted", 1));
    let raw = r#"{"class_id":1,"stu_id":7,"plan_id":3,"status_name":"已提交","stay":null,"finished":null}"#;
    assert_eq!(String::from_utf8_lossy(&rejection.raw), raw);
    assert_eq!(outputs[0].stored, [(CLASS_STU_PLAN, 1)]);
}

mod forms {
    //! The table of standard output forms.

    use jiff::tz::TimeZone;
    use nsf_plan::{IntegerWidth, Type};

    use super::*;

    fn form(ty: &Type, cell: &Cell) -> String {
        let mut out = Vec::new();
        form::write_form(ty, cell, &TimeZone::get("Asia/Shanghai").unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn values(of: &str) -> String {
        format!(r#"{{"val":[{of}],"detail":[],"link":[]}}"#)
    }

    #[test]
    fn one_value_is_a_list_of_one() {
        let int32 = Type::Integer(IntegerWidth::Int32);
        assert_eq!(form(&Type::Text, &text("文\"本")), values(r#""文\"本""#));
        assert_eq!(form(&int32, &Cell::Integer(123)), values("123"));
        assert_eq!(form(&Type::Select(Box::new(int32)), &Cell::Integer(1)), values("1"));
        assert_eq!(form(&Type::Timestamp, &Cell::Integer(12_388_731_276)), values("12388731276"));
        assert_eq!(form(&Type::Duration, &Cell::Integer(50)), values("50"));
        assert_eq!(form(&Type::Bool, &Cell::Bool(true)), values("true"));
        assert_eq!(form(&Type::Text.nullable(), &Cell::Null), values(""));
    }

    #[test]
    fn a_date_is_midnight_in_the_zone_of_the_tenant() {
        assert_eq!(form(&Type::Date, &Cell::Integer(18_628)), values("1609430400000"));
    }

    #[test]
    fn several_values_stand_side_by_side() {
        let multi = Type::Multi(Box::new(Type::Text));
        let cells = Cell::Map([(text("a"), Cell::Null), (text("b"), Cell::Null)].into());
        assert_eq!(form(&multi, &cells), values(r#""a","b""#));
        let list = Type::List(Box::new(Type::INT64));
        assert_eq!(form(&list, &Cell::List(vec![Cell::Integer(2), Cell::Integer(1)])), values("2,1"));
    }

    #[test]
    fn links_and_attachments_have_names_and_urls() {
        let link = |name: &str, url: &str| Cell::Record([text(name), text(url)].into());
        let one = form(&Type::Link, &link("百度搜索", "url1"));
        assert_eq!(one, r#"{"val":["百度搜索"],"detail":[],"link":["url1"]}"#);
        let list = Type::List(Box::new(Type::Attachment));
        let two = form(&list, &Cell::List(vec![link("文件名1", "url1"), link("文件名2", "url2")]));
        assert_eq!(two, r#"{"val":["文件名1","文件名2"],"detail":[],"link":["url1","url2"]}"#);
    }

    #[test]
    fn a_form_is_read_back_as_the_plain_value() {
        let link = Cell::Record([text("a"), text("u")].into());
        let list = Type::List(Box::new(Type::Link));
        for (ty, cell, wanted) in [
            (Type::Date, Cell::Integer(18_628), r#""2021-01-01""#),
            (
                list.nullable(),
                Cell::List(vec![link.clone(), link.clone()]),
                r#"[{"name":"a","url":"u"},{"name":"a","url":"u"}]"#,
            ),
            (Type::Attachment, link, r#"{"name":"a","url":"u"}"#),
            (Type::Text.nullable(), Cell::Null, "null"),
            (Type::Duration, Cell::Integer(50), "50"),
        ] {
            let mut plan = on(&[Create]);
            plan.subscriptions[0].slots[0].ty = ty.clone();
            plan.subscriptions[0].publish = vec![("x".into(), SlotId(0))];
            let message = format!(r#"{{"version":"v2.0","fields":{{"x":{}}}}}"#, form(&ty, &cell));
            let read = plain(&plan, TopicId(1), &serde_json::from_str(&message).unwrap()).unwrap();
            assert_eq!(read["x"].to_string(), wanted);
        }
    }
}
