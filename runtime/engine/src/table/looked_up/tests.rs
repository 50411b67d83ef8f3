//! Rows that are looked up: asked for together, kept, and forgotten.

use std::sync::atomic::AtomicUsize;

use nsf_plan::{Coerce, Encoding, Literal, Origin, RecordField, Topic, TopicId, connector::Connector};

use super::*;
use crate::{encode::key::write_cell_part, value::Value};

/// A table of numbers up to 1,000 and their squares, which counts how often it is asked and for how many keys.
#[derive(Default)]
struct Squares {
    calls: AtomicUsize,
    keys: AtomicUsize,
    away: Mutex<bool>,
}

impl Lookup for Squares {
    fn find(&self, keys: &[Vec<Cell>], found: &mut dyn FnMut(&[u8])) -> ConnectorResult<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.keys.fetch_add(keys.len(), Ordering::SeqCst);
        if *locked(&self.away) {
            return Err(ConnectorError::new(ConnectorErrorKind::Unavailable, "it is away"));
        }
        for key in keys {
            match key[0] {
                Cell::Integer(13) => found(b"{\"n\":13,\"square\":\"a lot\"}"),
                Cell::Integer(n) if n <= 1000 => found(format!("{{\"n\":{n},\"square\":{}}}", n * n).as_bytes()),
                _ => {}
            }
        }
        // One that nobody asked for.
        found(b"{\"n\":0,\"square\":0}");
        Ok(())
    }
}

fn table(cache: Option<i64>, squares: &Arc<Squares>) -> LookedUp {
    let mut plan = Plan::new("squares");
    plan.topics.push(Topic {
        connector: Connector::new("mysql", "squares"),
        read: true,
        written: false,
        internal: false,
    });
    let field = |name: &str| RecordField {
        name: name.into(),
        path: vec![name.into()],
        ty: Type::INT64,
        default: (name == "extra").then_some(Literal::Integer(7)),
        used: true,
        renames: Vec::new(),
    };
    let fields = vec![field("square"), field("n"), field("extra")];
    let table = Table {
        name: "squares".into(),
        from: TopicId(0),
        encoding: Encoding { format: Format::Csv, coerce: Coerce::Strict, strict: true, fields },
        key: vec![1],
        cache,
        origin: Origin::default(),
    };
    let shape = LookupShape::new(&plan, &table).unwrap();
    let names = |members: &[LookupMember]| members.iter().map(|member| member.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(&shape.key), names(&shape.members)),
        (vec!["n".into()], vec!["square".into(), "n".into(), "extra".into()])
    );
    assert!(shape.members[2].has_default && !shape.members[0].has_default);
    LookedUp::new(shape, Arc::clone(squares) as Arc<dyn Lookup>)
}

fn key(n: i64) -> Vec<u8> {
    let mut key = Vec::new();
    write_cell_part(&Type::INT64, &Cell::Integer(n), &mut key);
    key
}

fn find(table: &LookedUp, numbers: &[i64]) -> ConnectorResult<Vec<Option<i64>>> {
    let keys: Vec<Vec<u8>> = numbers.iter().map(|n| key(*n)).collect();
    let rows = table.find(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    let square = |row: MaybeRow| match row.as_deref() {
        Some([Cell::Integer(square), _, Cell::Integer(7)]) => Some(*square),
        None => None,
        other => panic!("{other:?}"),
    };
    Ok(rows.into_iter().map(square).collect())
}

fn asked(squares: &Squares) -> (usize, usize) {
    (squares.calls.load(Ordering::SeqCst), squares.keys.load(Ordering::SeqCst))
}

#[test]
fn rows_are_asked_for_together_and_once() {
    let squares = Arc::default();
    let table = table(None, &squares);
    assert_eq!(find(&table, &[3, 2000, 4, 3]).unwrap(), [Some(9), None, Some(16), Some(9)]);
    assert_eq!(asked(&squares), (1, 3));
    // That there is no row is known as well.
    assert_eq!(find(&table, &[2000, 4, 5]).unwrap(), [None, Some(16), Some(25)]);
    assert_eq!(asked(&squares), (2, 4));
    assert_eq!(table.len(), 3);
    assert_eq!(find(&table, &[]).unwrap(), []);
    assert_eq!(asked(&squares), (2, 4));
}

#[test]
fn a_null_is_the_key_of_no_row() {
    let squares = Arc::default();
    let table = table(None, &squares);
    let mut null = Vec::new();
    crate::encode::key::write_part(Value::Null, &mut null);
    assert!(table.find(&[&null]).unwrap()[0].is_none());
    assert_eq!(asked(&squares), (0, 0));
}

/// Nobody was asked: it says nothing of whether the server answers.
#[test]
fn nulls_alone_are_no_answer_of_the_server() {
    let squares = Arc::default();
    let table = table(Some(0), &squares);
    let mut null = Vec::new();
    crate::encode::key::write_part(Value::Null, &mut null);
    *locked(&squares.away) = true;
    table.find_patiently(&[&key(3), &null]).unwrap_err();
    assert!(table.find_patiently(&[&null]).unwrap()[0].is_none());
    assert!(table.is_away());
    *locked(&squares.away) = false;
    while !table.answers() {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(asked(&squares).1, 6, "five tries in vain, and the same key once more");
}

#[test]
fn rows_are_kept_for_the_time_that_the_table_says() {
    let squares = Arc::default();
    let kept = table(Some(40), &squares);
    find(&kept, &[3, 2000]).unwrap();
    std::thread::sleep(Duration::from_millis(60));
    find(&kept, &[3, 2000]).unwrap();
    assert_eq!(asked(&squares), (2, 4));
    let squares = Arc::default();
    let never = table(Some(0), &squares);
    find(&never, &[3]).unwrap();
    find(&never, &[3]).unwrap();
    assert_eq!((asked(&squares), never.len()), ((2, 2), 0));
}

#[test]
fn no_more_rows_are_kept_than_may_be() {
    let squares = Arc::default();
    let mut table = table(None, &squares);
    table.capacity = 100;
    for start in 0..10 {
        find(&table, &(start * 60..(start + 1) * 60).map(|n| if n == 13 { 1 } else { n }).collect::<Vec<_>>()).unwrap();
        assert!(locked(&table.cached).len() <= 100);
    }
    assert!(locked(&table.cached).len() >= 50, "more went than must");
    let newest: Vec<u64> = locked(&table.cached).values().map(|kept| kept.number).collect();
    assert!(newest.iter().all(|number| *number >= 500), "older ones stayed");
}

#[test]
fn a_table_that_is_away_or_wrong_is_told_of_and_not_kept() {
    let squares = Arc::<Squares>::default();
    let table = table(None, &squares);
    *locked(&squares.away) = true;
    assert_eq!(find(&table, &[3]).unwrap_err().kind, ConnectorErrorKind::Unavailable);
    *locked(&squares.away) = false;
    assert_eq!(find(&table, &[3]).unwrap(), [Some(9)]);
    let error = find(&table, &[12, 13]).unwrap_err();
    assert!(error.message.starts_with("a row of table `squares` in `squares` cannot be read: "), "{error}");
    assert!(error.message.ends_with("the row is {\"n\":13,\"square\":\"a lot\"}"), "{error}");
    assert!(error.kind.may_heal());
}
