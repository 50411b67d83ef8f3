//! Properties of documents: what is written reads back the same, and what was changed is refused or means the same.

mod support;

use nsf_plan::{Expr, Literal, Type, document};
use proptest::prelude::*;
use support::{expressions::expression, plans::plan, values};

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_reads_back_from_yaml_and_json(plan in plan()) {
        let yaml = document::to_yaml(&plan);
        let json = document::to_json(&plan);
        prop_assert_eq!(document::from_text(&yaml), Ok(plan.clone()));
        prop_assert_eq!(document::from_text(&json), Ok(plan.clone()));
        // The same bytes, also from what was read.
        prop_assert_eq!(&document::to_yaml(&plan.clone()), &yaml);
        prop_assert_eq!(&document::to_yaml(&document::from_text(&json).unwrap()), &yaml);
        let hash = document::hash(&plan);
        prop_assert!(yaml.contains(&hash) && json.contains(&hash));
    }

    #[test]
    fn a_changed_byte_is_refused_or_changes_nothing(plan in plan(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for text in [document::to_yaml(&plan), document::to_json(&plan)] {
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            refused_or_same(&bytes, &plan)?;
        }
    }

    #[test]
    fn a_cut_document_is_refused_or_the_same(plan in plan(), at in any::<prop::sample::Index>()) {
        for text in [document::to_yaml(&plan), document::to_json(&plan)] {
            refused_or_same(&text.as_bytes()[..at.index(text.len())], &plan)?;
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_in_words(bytes in prop::collection::vec(any::<u8>(), 0..200), header in any::<bool>()) {
        let mut file = if header { b"nsf_plan: { major: 1, minor: 0 }\n".to_vec() } else { Vec::new() };
        file.extend(bytes);
        let message = document::load(&file).map_or_else(|error| error.to_string(), |_| String::new());
        prop_assert!(message.contains("`nsfc"), "{}", message);
    }

    #[test]
    fn a_type_reads_back_from_its_text(ty in values::ty()) {
        prop_assert_eq!(ty.to_string().parse::<Type>(), Ok(ty));
    }

    #[test]
    fn any_text_is_a_type_or_refused(text in "[a-z0-9<>{}?,:\" ]{0,40}") {
        if let Ok(ty) = text.parse::<Type>() {
            prop_assert_eq!(ty.to_string().parse::<Type>(), Ok(ty));
        }
    }

    #[test]
    fn a_literal_reads_back_bit_by_bit(literal in values::literal()) {
        let json = serde_json::to_string(&literal).unwrap();
        let read: Literal = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(format!("{read:?}"), format!("{literal:?}"));
    }

    #[test]
    fn an_expression_reads_back_and_is_shown_whole(expression in expression()) {
        let json = serde_json::to_string(&expression).unwrap();
        let nodes: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        let mut shown = 0;
        expression.walk(&mut |_| shown += 1);
        prop_assert_eq!(nodes.len(), shown);
        prop_assert_eq!(expression.operands_first().len(), shown);
        prop_assert_eq!(serde_json::from_str::<Expr>(&json).unwrap(), expression.clone());
        let mut changed = 0;
        prop_assert_eq!(expression.clone().map(&mut |_| changed += 1), expression);
        prop_assert_eq!(changed, shown);
    }

    #[test]
    fn any_list_of_nodes_is_an_expression_or_refused(
        nodes in prop::collection::vec((0..4_u8, 0..6_u32, 0..6_u32), 0..6)
    ) {
        let nodes: Vec<_> = nodes.into_iter().map(|(form, left, right)| match form {
            0 => serde_json::json!({ "op": "now", "type": "timestamp" }),
            1 => serde_json::json!({ "op": "not", "of": left, "type": "bool" }),
            2 => serde_json::json!({ "op": "add", "left": left, "right": right, "type": "int64" }),
            _ => serde_json::json!({ "op": "list", "items": [left, right], "type": "list<int64>" }),
        }).collect();
        let text = serde_json::Value::Array(nodes).to_string();
        if let Ok(expression) = serde_json::from_str::<Expr>(&text) {
            // What is accepted is a tree: it is written as the same set of nodes.
            let again: Vec<serde_json::Value> = serde_json::from_str(&serde_json::to_string(&expression).unwrap()).unwrap();
            let before: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(again.len(), before.len());
        }
    }
}

fn refused_or_same(bytes: &[u8], plan: &nsf_plan::Plan) -> Result<(), TestCaseError> {
    match std::str::from_utf8(bytes) {
        Err(_) => prop_assert!(document::load(bytes).is_err()),
        Ok(text) => match document::from_text(text) {
            Ok(read) => prop_assert_eq!(&read, plan),
            Err(error) => {
                let message = error.to_string();
                prop_assert!(message.contains("nsfc compile") || message.contains("nsflow"), "{}", message);
            }
        },
    }
    Ok(())
}
