//! The rules of the ingest protocol, one by one, with the example of the slides; and hostile envelopes.

use super::*;
use crate::{
    cell::Cell,
    dimension::fixture::{ARRIS_ID, CLASS, CLASS_STU, CLASS_STU_PLAN, ingested, message, plan, text},
    run::stage::{WriteKind, WriteOrder, Writer},
};
use nsf_plan::{Coerce, DimensionId};

/// What the messages of the slides' example write: dimension, keys, kind, fields.
type Seen = (DimensionId, Vec<i64>, WriteKind, Vec<Cell>);

fn seen(output: &IngestOutput) -> Vec<Seen> {
    let key = |cell: &Cell| if let Cell::Integer(key) = cell { *key } else { -1 };
    let write = |write: &crate::run::stage::DimensionWrite| {
        let fields = write.fields.iter().map(|(_, value)| value.clone()).collect();
        (write.dimension, write.keys.iter().map(key).collect(), write.kind, fields)
    };
    output.writes.iter().map(write).collect()
}

fn taken(rest: &str) -> IngestOutput {
    let output = ingested(&plan(), &[message(rest)]);
    assert!(output.rejected.is_empty(), "{:?}", output.rejected);
    assert_eq!(output.accepted, 1);
    output
}

fn refused_message(message: String) -> (FaultCode, String) {
    let output = ingested(&plan(), &[message]);
    assert!(output.writes.is_empty() && output.accepted == 0 && output.coerced.is_empty());
    assert_eq!(output.rejected.len(), 1);
    let rejection = &output.rejected[0];
    assert!(!rejection.reason.contains("k-2020"), "a secret in a message: {}", rejection.reason);
    (rejection.code, rejection.reason.to_string())
}

fn refused(rest: &str) -> (FaultCode, String) {
    refused_message(message(rest))
}

const EXAMPLE: &str = r#""time":1684540800000,"cmd":"insert","fields":{"class_id":8888,"stu_id":99999,"class_name":"小高语文","stu_refund_rate_so":36.87,"class_stu_name":30}"#;

#[test]
fn the_example_of_the_slides_is_split_by_dimension() {
    let output = taken(EXAMPLE);
    assert_eq!(
        seen(&output),
        [
            (CLASS, vec![8888], WriteKind::Assign, vec![text("小高语文")]),
            (CLASS_STU, vec![8888, 99999], WriteKind::Assign, vec![Cell::Float(36.87)]),
        ]
    );
    let write = &output.writes[1];
    assert_eq!(write.order, WriteOrder::Time(1_684_540_800_000));
    assert_eq!(write.writer, Writer::Ingest(IngestId(0)));
    assert_eq!((write.origin.offset, write.origin.ordinal, write.origin.time), (1, 1, 1_684_540_800_000));
    assert!(output.coerced.is_empty());
}

#[test]
fn an_update_writes_only_what_has_changed() {
    let rest = r#""time":1684540800000,"cmd":"update","fields":{"class_id":8888,"stu_id":99999,"class_name":"小高语文","stu_refund_rate_so":36.87},"change_fields":["stu_refund_rate_so"]"#;
    assert_eq!(seen(&taken(rest)), [(CLASS_STU, vec![8888, 99999], WriteKind::Assign, vec![Cell::Float(36.87)])]);
    let of_keys = rest.replace(r#"["stu_refund_rate_so"]"#, r#"["class_id"]"#);
    assert!(taken(&of_keys).writes.is_empty());
}

#[test]
fn an_update_must_name_what_has_changed_and_bring_it() {
    let rest = r#""time":1684540800000,"cmd":"update","fields":{"class_id":8888}"#;
    assert_eq!(refused(rest), (FaultCode::Protocol, "an update must name its `change_fields`".into()));
    let rest = format!(r#"{rest},"change_fields":["class_name"]"#);
    let wanted = "`change_fields` names `class_name`, which is not in `fields`";
    assert_eq!(refused(&rest), (FaultCode::Protocol, wanted.into()));
}

#[test]
fn values_go_through_the_mapping() {
    let rest = |status: &str| {
        format!(
            r#""time":1684540800000,"cmd":"insert","fields":{{"class_id":1,"stu_id":7,"plan_id":3,"status":{status}}}"#
        )
    };
    for (status, name) in [("1", "已提交"), ("0", "未提交"), ("9", "9")] {
        let output = taken(&rest(status));
        assert_eq!(seen(&output), [(CLASS_STU_PLAN, vec![1, 7, 3], WriteKind::Assign, vec![text(name)])]);
        assert!(output.coerced.is_empty());
    }
    let (code, reason) = refused(&rest("null"));
    assert_eq!((code, reason.as_str()), (FaultCode::Field, "`status` is null, but an `int32` is due"));
}

#[test]
fn conversions_are_made_and_counted_by_member() {
    let rest = r#""time":"1684540800","cmd":"insert","fields":{"class_id":"8888","stu_id":99999,"stu_refund_rate_so":" 36.87 "}"#;
    let output = taken(rest);
    assert_eq!(output.writes[0].keys, [Cell::Integer(8888), Cell::Integer(99999)]);
    assert_eq!(output.writes[0].fields, [(0, Cell::Float(36.87))]);
    assert_eq!(output.writes[0].order, WriteOrder::Time(1_684_540_800_000));
    assert_eq!(output.coerced, [("class_id".to_string(), 1), ("stu_refund_rate_so".to_string(), 1)]);
}

#[test]
fn a_strict_ingest_converts_nothing_and_says_what_would() {
    let mut plan = plan();
    plan.ingests[0].coerce = Coerce::Strict;
    let rest = r#""time":1684540800000,"cmd":"insert","fields":{"class_id":"8888","class_name":"a"}"#;
    let output = ingested(&plan, &[message(rest)]);
    let wanted = "`class_id` is `\"8888\"`, but an `int64` is due; `coerce: lenient` would take it";
    assert_eq!(&*output.rejected[0].reason, wanted);
    assert_eq!(output.rejected[0].code, FaultCode::Field);
}

#[test]
fn a_number_is_never_taken_for_a_text() {
    let rest = r#""time":1684540800000,"cmd":"insert","fields":{"class_id":1,"class_name":30}"#;
    assert_eq!(refused(rest), (FaultCode::Field, "`class_name` is `30`, but a `text` is due".into()));
}

#[test]
fn an_absent_member_assigns_nothing_and_null_clears_only_what_may_be_null() {
    let rest = |value: &str| {
        format!(r#""time":1684540800000,"cmd":"insert","fields":{{"class_id":1,"stu_id":7{value},"class_name":"a"}}"#)
    };
    assert_eq!(seen(&taken(&rest(""))).len(), 1);
    let output = taken(&rest(r#","stu_refund_rate_so":null"#));
    assert_eq!(seen(&output)[1].3, [Cell::Null]);
    let null_name = rest("").replace(r#""a""#, "null");
    assert_eq!(refused(&null_name), (FaultCode::Field, "`class_name` is null, but a `text` is due".into()));
}

#[test]
fn a_field_whose_dimension_is_not_identified_rejects_the_message() {
    let rest = r#""time":1684540800000,"cmd":"insert","fields":{"class_id":1,"class_name":"a","stu_refund_rate_so":1}"#;
    let wanted = "the message brings `refund_rate` of the dimension `fields.class_stu`, but not its key `stu_id`";
    assert_eq!(refused(rest), (FaultCode::Key, wanted.into()));
    let rest = r#""time":1684540800000,"cmd":"insert","fields":{"stu_id":1}"#;
    let wanted = "`fields` has all keys of none of the accepted dimensions: `fields.class`, `fields.class_stu`, `fields.class_stu_plan`";
    assert_eq!(refused(rest), (FaultCode::Protocol, wanted.into()));
    let rest = r#""time":1684540800000,"cmd":"insert","fields":{"class_id":null,"class_name":"a"}"#;
    assert_eq!(refused(rest), (FaultCode::Key, "the key `class_id` is null".into()));
}

#[test]
fn a_delete_means_the_most_specific_row() {
    let rest = |fields: &str| format!(r#""time":1684540800000,"cmd":"delete","fields":{{{fields}}}"#);
    let all = taken(&rest(r#""class_id":1,"stu_id":7,"plan_id":3,"class_name":"a""#));
    assert_eq!(seen(&all), [(CLASS_STU_PLAN, vec![1, 7, 3], WriteKind::Delete, vec![])]);
    assert_eq!(seen(&taken(&rest(r#""class_id":1"#))), [(CLASS, vec![1], WriteKind::Delete, vec![])]);
}

#[test]
fn a_reset_clears_what_is_named_or_all_that_the_ingest_fills() {
    let keys = r#""time":1684540800000,"cmd":"reset","fields":{"class_id":1,"stu_id":7"#;
    let named = taken(&format!(r#"{keys}}},"change_fields":["class_name","stu_refund_rate_so"]"#));
    assert_eq!(
        seen(&named),
        [
            (CLASS, vec![1], WriteKind::Reset, vec![Cell::Null]),
            (CLASS_STU, vec![1, 7], WriteKind::Reset, vec![Cell::Null]),
        ]
    );
    let there = taken(&format!(r#"{keys},"class_name":"whatever"}}"#));
    assert_eq!(seen(&there), [(CLASS, vec![1], WriteKind::Reset, vec![Cell::Null])]);
    let row = taken(&format!("{keys}}}"));
    assert_eq!(seen(&row), [(CLASS_STU, vec![1, 7], WriteKind::Reset, vec![Cell::Null])]);
}

#[test]
fn an_insert_of_keys_alone_makes_the_row() {
    let rest = r#""time":1684540800000,"cmd":"insert","fields":{"class_id":1,"stu_id":7}"#;
    assert_eq!(seen(&taken(rest)), [(CLASS_STU, vec![1, 7], WriteKind::Assign, vec![])]);
}

#[test]
fn the_envelope_must_be_of_this_ingest_and_tenant() {
    let change = |from: &str, to: &str| refused_message(message(EXAMPLE).replacen(from, to, 1));
    let (code, reason) = change(r#""v1.0""#, r#""v2.0""#);
    assert_eq!((code, reason.as_str()), (FaultCode::Protocol, "the version is `v2.0`; `v1.0` is due"));
    let (code, reason) = change(ARRIS_ID, "ARRIS-f935f167");
    let wanted = "the message is of the ingestion `ARRIS-f935f167`, not of `ARRIS-f0102-0000000000gca`";
    assert_eq!((code, reason.as_str()), (FaultCode::Protocol, wanted));
    let (code, reason) = change(r#""app_id":"0102""#, r#""app_id":"0103""#);
    let wanted = "the message is of the app `0103`, not of `0102`, the tenant `xuefu`";
    assert_eq!((code, reason.as_str()), (FaultCode::Protocol, wanted));
    let (code, reason) = change("k-2020", "k-2021");
    let wanted = "the `app_key` of the message is not the one of the tenant `xuefu`";
    assert_eq!((code, reason.as_str()), (FaultCode::Unauthorised, wanted));
    let (code, reason) = change(r#""app_key":"k-2020","#, "");
    let wanted = "the message has no `app_key`, which the tenant `xuefu` asks for";
    assert_eq!((code, reason.as_str()), (FaultCode::Unauthorised, wanted));
    let (code, reason) = change(r#""insert""#, r#""upsert""#);
    let wanted = "the cmd is `upsert`; `insert`, `update`, `delete` or `reset` is due";
    assert_eq!((code, reason.as_str()), (FaultCode::Protocol, wanted));
    assert_eq!(change(r#""version":"v1.0","#, "").1, "the message has no `version`");
    assert_eq!(change(r#""arris_message""#, r#""arris_massage""#).1, "the message has no `arris_message`");
    assert_eq!(change(r#""time":1684540800000,"#, "").1, "the message has no `arris_message.time`");
    assert_eq!(change(r#""cmd":"insert","#, "").1, "the message has no `arris_message.cmd`");
    assert_eq!(change(r#""fields""#, r#""field""#).1, "`arris_message` has no `fields`");
    assert_eq!(change(r#""app_id":"0102""#, r#""app_id":102"#).1, "`app_id` must be a text");
}

#[test]
fn the_time_is_milliseconds_within_reason() {
    for time in ["1684540800", "1684540800000", "1684540800000.0"] {
        let output = taken(&EXAMPLE.replace("1684540800000", time));
        assert_eq!(output.writes[0].order, WriteOrder::Time(1_684_540_800_000), "{time}");
    }
    for time in ["null", "0", "-1", "12388731276", "1.5", "true", "{}", "\"x\"", "\"2021-1-1\"", "99999999999999999999"]
    {
        let (code, _) = refused(&EXAMPLE.replace("1684540800000", time));
        assert!(matches!(code, FaultCode::Field | FaultCode::Protocol), "{time}");
    }
}

#[test]
fn a_time_too_far_ahead_of_the_message_is_rejected() {
    let plan = plan();
    let processor = Processor::new(&plan, IngestId(0), &|_| Secret::Unchecked).unwrap();
    let batch = RawBatch { bytes: message(EXAMPLE).into_bytes(), ..RawBatch::default() };
    let end = batch.bytes.len() as u32;
    let judge = |ahead: i64| {
        let timestamp = Some(1_684_540_800_000 - ahead);
        let message = Message { start: 0, end, offset: 1, timestamp, key: None, oversized: None, ..Message::default() };
        let mut output = IngestOutput::default();
        processor.process(0, &batch, &message, &Bump::new(), &mut output);
        output.rejected.first().map(|rejection| rejection.code)
    };
    assert_eq!(judge(300_000), None);
    assert_eq!(judge(300_001), Some(FaultCode::Future));
    assert_eq!(judge(-1_000_000), None);
}

#[test]
fn a_secret_that_is_not_set_is_told_when_the_ingest_is_built() {
    let error = Processor::new(&plan(), IngestId(0), &|_| Secret::Unset).err().unwrap();
    assert!(error.message.contains("set the environment variable `XUEFU_APP_KEY`"), "{}", error.message);
}

#[test]
fn a_member_that_stands_twice_rejects_the_message() {
    let rest = EXAMPLE.replace(r#""stu_id":99999"#, r#""stu_id":99999,"stu_id":1"#);
    assert_eq!(refused(&rest), (FaultCode::Malformed, "the member `stu_id` stands twice".into()));
    let escaped = EXAMPLE.replace(r#""stu_id":99999"#, r#""stu_id":99999,"stu\u005fid":1"#);
    assert_eq!(refused(&escaped).0, FaultCode::Malformed);
    let twice = message(EXAMPLE).replacen('{', r#"{"app_id":"0102","#, 1);
    assert_eq!(refused_message(twice).1, "the member `app_id` stands twice");
    let unread = EXAMPLE.replace(r#""stu_id":99999"#, r#""stu_id":99999,"x":1,"x":{"y":[]}"#);
    assert_eq!(taken(&unread).writes.len(), 2);
}

#[test]
fn an_oversized_message_is_rejected_with_its_length() {
    let plan = plan();
    let processor = Processor::new(&plan, IngestId(0), &|_| Secret::Unchecked).unwrap();
    let batch = RawBatch { bytes: b"{\"ver".to_vec(), ..RawBatch::default() };
    let message = Message {
        start: 0,
        end: 5,
        offset: 9,
        timestamp: None,
        key: None,
        oversized: Some(64 << 20),
        ..Message::default()
    };
    let mut output = IngestOutput::default();
    processor.process(0, &batch, &message, &Bump::new(), &mut output);
    let rejection = &output.rejected[0];
    assert_eq!(
        (rejection.code, rejection.oversized, &*rejection.raw),
        (FaultCode::Limit, Some(64 << 20), &b"{\"ver"[..])
    );
}

#[test]
fn every_cut_of_a_message_is_rejected_with_its_bytes() {
    let whole = message(EXAMPLE);
    let cuts: Vec<String> =
        (0..whole.len()).filter(|at| whole.is_char_boundary(*at)).map(|at| whole[..at].into()).collect();
    let output = ingested(&plan(), &cuts);
    assert_eq!(output.rejected.len(), cuts.len());
    for (rejection, cut) in output.rejected.iter().zip(&cuts) {
        assert_eq!(rejection.code, FaultCode::Malformed, "{cut}");
        assert_eq!(&*rejection.raw, cut.as_bytes());
    }
}

#[test]
fn nesting_that_is_hostile_is_rejected_and_costs_no_stack() {
    for open in ["[", "{\"a\":"] {
        let deep = open.repeat(1_000_000);
        assert_eq!(refused(&EXAMPLE.replace("36.87", &deep)).0, FaultCode::Malformed);
        assert_eq!(refused_message(deep).0, FaultCode::Malformed);
    }
    let forms = format!("{}1{}", "{\"val\":[".repeat(40), "]}".repeat(40));
    assert_eq!(taken(&EXAMPLE.replace("36.87", &forms)).coerced, [("stu_refund_rate_so".to_string(), 1)]);
}

#[test]
fn a_member_that_is_due_in_two_types_is_converted_to_each() {
    use nsf_plan::{DimensionField, Expr, IngestAssignment, IngestMember, Origin, SlotId, Type};
    let mut plan = plan();
    let (json, date) = (Type::Json.nullable(), Type::Date.nullable());
    for (index, ty) in [json.clone(), date.clone()].into_iter().enumerate() {
        let name = format!("extra{index}");
        let field = DimensionField { name, ty, id: index as u64, label: None, derived: false, empty: None };
        plan.dimensions[0].fields.push(field);
    }
    let ingest = &mut plan.ingests[0];
    for (field, name, ty) in [(1_u32, "class_name", json), (2, "day", date)] {
        let member = ingest.members.len() as u32;
        let slot = SlotId(member);
        ingest.members.push(IngestMember { name: name.into(), ty: ty.clone(), slot });
        let (value, origin) = (Expr::slot(slot, ty), Origin::default());
        ingest.assignments.push(IngestAssignment { dimension: CLASS, field, value, reads: vec![member], origin });
    }
    let rest = r#""time":1684540800000,"cmd":"insert","fields":{"class_id":1,"class_name":"a","day":"2021-1-1"}"#;
    let output = ingested(&plan, &[message(rest)]);
    let fields = vec![text("a"), Cell::Json("\"a\"".into()), Cell::Integer(18_628)];
    assert_eq!(seen(&output), [(CLASS, vec![1], WriteKind::Assign, fields)]);
    assert_eq!(output.coerced, [("day".to_string(), 1)]);
    let output = ingested(&plan, &[message(&rest.replace(r#""2021-1-1""#, "123456"))]);
    let wanted = "`day` is `123456`, but a `date` is due; a number of up to 11 digits counts as seconds, else as \
                  milliseconds, and must lie in 2000 to 2100";
    assert_eq!(&*output.rejected[0].reason, wanted);
}

mod hostile {
    //! One change in the bytes of a good message never panics and is never half taken.

    use proptest::prelude::*;

    use super::*;

    fn changed(at: usize, kind: u8, byte: u8) -> Vec<u8> {
        let mut bytes = message(EXAMPLE).into_bytes();
        let at = at % bytes.len();
        match kind {
            0 => bytes[at] = byte,
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, byte),
            3 => bytes.truncate(at),
            _ => {
                let piece: Vec<u8> = bytes[at..].iter().copied().take(usize::from(byte)).collect();
                bytes.splice(at..at, piece);
            }
        }
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn a_changed_message_is_taken_whole_or_rejected_whole(at in any::<usize>(), kind in 0..5_u8, byte in any::<u8>()) {
            thread_local! {
                static PROCESSOR: Processor =
                    Processor::new(&plan(), IngestId(0), &|_| Secret::Value("k-2020".into())).unwrap();
            }
            let batch = RawBatch { bytes: changed(at, kind, byte), ..RawBatch::default() };
            let end = batch.bytes.len() as u32;
            let message = Message { start: 0, end, offset: 1, timestamp: None, key: None, oversized: None, ..Message::default() };
            let mut output = IngestOutput::default();
            PROCESSOR.with(|processor| processor.process(0, &batch, &message, &Bump::new(), &mut output));
            prop_assert_eq!(output.accepted + output.rejected.len() as u64, 1);
            prop_assert_eq!(output.writes.is_empty(), output.accepted == 0);
            for rejection in &output.rejected {
                prop_assert_eq!(&*rejection.raw, &batch.bytes[..]);
                prop_assert!(!rejection.reason.is_empty());
            }
        }
    }
}
