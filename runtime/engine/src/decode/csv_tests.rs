//! What the CSV decoder takes and refuses.

use nsf_plan::{Format, IntegerWidth, Literal, Type};

use super::{
    Payload,
    csv::RowEnds,
    tests::{Fixture, encoding, field},
};

fn fixture(header: &str) -> Result<Fixture, String> {
    let mut fields = vec![
        field("id_student", Type::INT64),
        field("name", Type::Text),
        field("score", Type::Float64.nullable()),
        field("late", Type::Bool),
    ];
    fields[3].default = Some(Literal::Bool(false));
    let mut encoding = encoding(fields);
    encoding.format = Format::Csv;
    let mut fixture = Fixture::new(&encoding);
    assert!(fixture.decoder.wants_header());
    fixture.decoder.header(Payload::Text(header)).map_err(|fault| fault.message.into_string())?;
    assert!(!fixture.decoder.wants_header());
    Ok(fixture)
}

#[test]
fn cells_are_read_by_the_type_of_their_field() {
    let mut fixture = fixture("\u{feff}score,other,\"id_student\",name\r").unwrap();
    for (row, wanted) in [
        ("1.5,x,7,Ann", r#"7 "Ann" 1.5 false"#),
        (",x,7,\r", r#"7 "" null false"#),
        (r#"1,"a,b","7","say ""hi"", 班""#, r#"7 "say \"hi\", 班" 1.0 false"#),
        ("1,\"two\nlines\",7,\"\"", r#"7 "" 1.0 false"#),
        (" 2 ,, +7 , n ", r#"7 " n " 2.0 false"#),
    ] {
        assert_eq!(fixture.read(row), Ok(wanted.to_owned()), "{row}");
    }
}

#[test]
fn rows_that_are_not_csv_are_refused() {
    let mut fixture = fixture("id_student,name,score").unwrap();
    for (row, wanted) in [
        ("7,Ann", "R0101: the row has 2 cells, but the header row has 3"),
        ("7,Ann,1,2", "R0101: the row has 4 cells, but the header row has 3"),
        ("7,\"Ann,1", "R0101: not valid CSV at byte 4: a quote is opened and not closed"),
        (
            "7,\"Ann\"x,1",
            "R0101: not valid CSV at byte 8: text follows the quote that ends a cell; a quote inside a cell is doubled",
        ),
        ("x,Ann,1", "R0102: `id_student` must be an int64, but is the text `x`"),
        (",Ann,1", "R0102: `id_student` must be an int64, but its cell is empty"),
        (
            "1e400,Ann,1",
            "R0102: `id_student` must be an int64, but `1e400` is outside -9223372036854775808 to 9223372036854775807",
        ),
        ("7,Ann,?", "R0102: `score` must be a float64, but is the text `?`"),
    ] {
        assert_eq!(fixture.read(row), Err(wanted.to_owned()), "{row}");
    }
}

#[test]
fn a_header_without_a_column_that_is_read_is_refused() {
    let missing = fixture("id_student,score").map(|_| ());
    assert_eq!(missing, Err("the header row has no column `name`; it has `id_student`, `score`".into()));
    let twice = fixture("id_student,name,name").map(|_| ());
    assert_eq!(twice, Err("the header row names the column `name` twice".into()));
}

#[test]
fn the_end_of_a_row_is_found_whatever_the_pieces() {
    let text = b"a,\"b\n\"\"\n\",c\n5\" pipe,d\n\"x\"\n\n";
    let rows = [11, 21, 25, 26];
    for piece in 1..=text.len() {
        let mut ends = RowEnds::default();
        let mut found = Vec::new();
        for (index, bytes) in text.chunks(piece).enumerate() {
            let mut from = 0;
            while let Some(end) = ends.next_end(bytes, from) {
                found.push(index * piece + end);
                from = end + 1;
            }
        }
        assert_eq!(found, rows, "pieces of {piece}");
    }
    let mut ends = RowEnds::default();
    assert_eq!(ends.next_end(b"1,\"open\n", 0), None);
    assert!(ends.in_quotes());
}

#[test]
fn a_narrow_integer_column_keeps_its_range() {
    let mut encoding = encoding(vec![field("n", Type::Integer(IntegerWidth::UInt8))]);
    encoding.format = Format::Csv;
    let mut fixture = Fixture::new(&encoding);
    fixture.decoder.header(Payload::Text("n")).unwrap();
    assert_eq!(fixture.read("255"), Ok("255".into()));
    assert!(fixture.read("256").is_err());
}
