//! What stands in columns, and what ends a column.

use crate::{becomes, stays};

#[test]
fn values_of_settings_stand_in_a_column() {
    becomes(
        "tenant t {\n a: 1\n bcd: 2\n\n ef: 3\n // c\n g: 4\n}\n",
        "tenant t {\n  a:   1\n  bcd: 2\n\n  ef: 3\n  // c\n  g: 4\n}\n",
    );
}

#[test]
fn a_block_over_several_lines_ends_a_column_and_one_on_a_line_does_not() {
    stays("table t {\n  from:  file(\"x\")\n  record { a: int32  b: text }\n  cache: 1\n}\n");
    becomes(
        "table t {\n  from: file(\"x\")\n  record {\n a: int32\n bc: text }\n  cache: 1\n  key: a\n}\n",
        "table t {\n  from: file(\"x\")\n  record {\n    a:  int32\n    bc: text\n  }\n  cache: 1\n  key:   a\n}\n",
    );
}

#[test]
fn wide_characters_count_as_two_columns() {
    becomes(
        "fields d {\n 名: text \"学习时长\" derived\n 名字: text? #1 \"a\" derived\n name: text\n}\n",
        "fields d {\n  名:   text     \"学习时长\" derived\n  名字: text? #1 \"a\"        derived\n  name: text\n}\n",
    );
}

#[test]
fn the_block_of_a_field_follows_what_stands_before_it() {
    becomes(
        "fields d {\n a: text #1 \"label\" derived {empty: 0}\n bcd: text { owner: \"x\" }\n e: int64 #22\n}\n",
        "fields d {\n  a:   text  #1 \"label\" derived { empty: 0 }\n  bcd: text { owner: \"x\" }\n  e:   int64 #22\n}\n",
    );
}

#[test]
fn a_cell_wider_than_forty_columns_stays_out() {
    let wide = "w".repeat(40);
    let name = &wide[1..];
    stays(&format!("tenant t {{\n  {wide}: 1\n  a: 2\n}}\n"));
    stays(&format!("tenant t {{\n  {name}: 1\n  a:{} 2\n}}\n", " ".repeat(38)));
}

#[test]
fn primaries_stand_in_columns_until_an_empty_line() {
    becomes(
        "primary a: int64 #1 \"x\"\nprimary bcd: text #22 \"y\"\n\nprimary e: int64 #3\nconst A = 1\n",
        "primary a:   int64 #1  \"x\"\nprimary bcd: text  #22 \"y\"\n\nprimary e: int64 #3\n\nconst A = 1\n",
    );
}

#[test]
fn dimensions_stand_in_columns_with_parts_missing() {
    becomes(
        "dimension a (x) #1001 \"A\"\ndimension bcd (x, y) #2001 in main, hot \"B\"\ndimension e (z)\n",
        "dimension a   (x)    #1001              \"A\"\ndimension bcd (x, y) #2001 in main, hot \"B\"\ndimension e   (z)\n",
    );
}

#[test]
fn spaces_stand_in_columns_and_one_over_several_lines_does_not() {
    becomes(
        "space a {store: embedded shards: 8}\nspace bcd { store: redis keep: 30d }\nspace e {\n store: mysql }\n",
        "space a   { store: embedded  shards: 8 }\nspace bcd { store: redis     keep: 30d }\nspace e {\n  store: mysql\n}\n",
    );
}

#[test]
fn operands_of_steps_stand_in_one_column_over_the_block() {
    becomes(
        "flow f from a {\n verify x\n\n // c\n load y\n when z {\n load q\n expand r { s }\n }\n stop when t\n stop\n}\n",
        "flow f from a {\n  verify x\n\n  // c\n  load   y\n  when z {\n    load   q\n    expand r { s }\n  }\n  stop   when t\n  stop\n}\n",
    );
}

#[test]
fn a_block_over_several_lines_follows_its_step_directly() {
    stays(
        "flow f from a {\n  load      x\n  verify {\n    require y\n  }\n  verify    { require y }\n  calculate {\n    z = 1\n  }\n  save      s {\n    z = 1\n  }\n}\n",
    );
}

#[test]
fn reasons_of_checks_stand_in_columns_of_a_group() {
    becomes(
        "verify v(a: int32) {\n drop when a < 1 \"x\"\n reject when a > 100 \"y\"\n\n require a != 7 else reject \"z\"\n unique a within 2d \"w\"\n}\n",
        "verify v(a: int32) {\n  drop    when a < 1   \"x\"\n  reject  when a > 100 \"y\"\n\n  require a != 7      else reject \"z\"\n  unique  a within 2d \"w\"\n}\n",
    );
}

#[test]
fn members_of_fields_stand_in_a_column_and_defaults_do_not() {
    stays(
        "source s {\n  record {\n    a:   int32     from \"A\" = 1\n    bcd: timestamp from \"B\"\n    \
         e:   map<text, text> = x\n    f:   text = \"\"\n  }\n}\n",
    );
}

#[test]
fn rows_of_a_test_are_not_aligned() {
    becomes(
        "test \"t\" {\n given s [\n {a: 1, bcd: 2},\n {a: 100, bcd: 3}\n ]\n with t [{a: 1}]\n expect same under restart }\n",
        "test \"t\" {\n  given s [\n    { a: 1, bcd: 2 },\n    { a: 100, bcd: 3 },\n  ]\n  with t [ { a: 1 } ]\n  expect same under restart\n}\n",
    );
}
