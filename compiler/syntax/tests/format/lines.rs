//! What stays on one line and what is broken.

use crate::{becomes, stays};

/// A name of `length` letters.
fn name(letter: char, length: usize) -> String {
    letter.to_string().repeat(length)
}

#[test]
fn blanks_are_one_where_they_part_words_and_none_where_they_do_not() {
    becomes(
        "const  A:int32=f( a ,b . c [ 0 ] ) +-x ?. y*( 1 )-  2 %3 ?? not b in[ 1,2 ]\n",
        "const A: int32 = f(a, b.c[0]) + -x?.y * (1) - 2 % 3 ?? not b in [1, 2]\n",
    );
    becomes(
        "type T=map< text,list<{a:int32?,b:fn( text )->bool}>>?\n",
        "type T = map<text, list<{ a: int32?, b: fn(text) -> bool }>>?\n",
    );
    becomes("state s by(a){value{m:map<text,int64>={}}}\n", "state s by (a) { value { m: map<text, int64> = {} } }\n");
}

#[test]
fn a_percentage_stays_next_to_its_sign_and_a_remainder_does_not() {
    stays("const A = 80% + 80 % x + f(80%)\n");
}

#[test]
fn ranges_of_short_operands_have_no_blanks() {
    becomes("const A = [1 .. 9, a . b .. -1, 1 .. n + 1]\n", "const A = [1..9, a.b..-1, 1 .. n + 1]\n");
}

#[test]
fn a_block_on_one_line_stays_if_it_fits() {
    stays("mapping m: int32 -> text { 0 => \"a\"  1 | 2 => \"b\"  else reject }\n");
    becomes(
        "flow f from a { when x {stop} else when y {drop_it:stop} else {stop} stop }\n",
        "flow f from a { when x { stop } else when y { drop_it: stop } else { stop }  stop }\n",
    );
    becomes("flow f from a { stop\n }\n", "flow f from a {\n  stop\n}\n");
    let (long, longer) = (name('x', 88), name('x', 89));
    stays(&format!("tenant t {{ a: 1  b: {long} }}\n"));
    becomes(&format!("tenant t {{ a: 1  b: {longer} }}\n"), &format!("tenant t {{\n  a: 1\n  b: {longer}\n}}\n"));
}

#[test]
fn a_list_or_record_that_the_writer_opened_stays_open() {
    stays("const A = [\n  1,\n  2,\n]\n");
    becomes("const A = [1,\n  2,\n]\n", "const A = [1, 2]\n");
    becomes("const A = { a: 1, b,\n }\n", "const A = { a: 1, b }\n");
    stays("flow f from a {\n  expand d {\n    a,\n    b: 1,\n  }\n  save   s {\n    a,\n    b: 1,\n  }\n}\n");
    becomes("const A = f(\n  1,\n  2,\n)\n", "const A = f(1, 2)\n");
}

#[test]
fn what_does_not_fit_is_broken_at_its_loosest_operators() {
    let (a, b, c) = (name('a', 40), name('b', 40), name('c', 40));
    becomes(&format!("const X = {a} + {b} * {c} - 1\n"), &format!("const X = {a}\n  + {b} * {c}\n  - 1\n"));
    becomes(
        &format!("const X = {a} and {b} and {c} or d\n"),
        &format!("const X = {a}\n    and {b}\n    and {c}\n  or d\n"),
    );
    becomes(&format!("const X = if {a} then {b} else {c}\n"), &format!("const X = if {a}\n  then {b}\n  else {c}\n"));
    becomes(&format!("const X = {a} ?? {b} ?? {c}\n"), &format!("const X = {a}\n  ?? {b}\n  ?? {c}\n"));
}

#[test]
fn brackets_that_do_not_fit_have_one_part_a_line_and_a_last_comma() {
    let (a, b, c) = (name('a', 40), name('b', 40), name('c', 40));
    let parts = format!("\n  {a},\n  {b},\n  {c},\n");
    becomes(&format!("const X = f({a}, {b}, {c})\n"), &format!("const X = f({parts})\n"));
    becomes(&format!("const X = [{a}, {b}, {c}]\n"), &format!("const X = [{parts}]\n"));
    becomes(&format!("const X = {{ {a}, {b}, {c} }}\n"), &format!("const X = {{{parts}}}\n"));
    becomes(&format!("use m.{{{a}, {b}, {c}}}\n"), &format!("use m.{{{parts}}}\n"));
    becomes(&format!("const X = f([{a}, {b}, {c}])\n"), &format!("const X = f([{parts}])\n"));
    // No comma may end the arguments of a type.
    becomes(&format!("type X = map<{a}, list<{b}, {c}>>\n"), &format!("type X = map<\n  {a},\n  list<{b}, {c}>\n>\n"));
}

#[test]
fn a_record_that_is_all_of_a_bracket_opens_with_it() {
    let (a, b, c) = (name('a', 40), name('b', 40), name('c', 40));
    becomes(
        &format!("type X = list<{{ {a}: text, {b}: text, {c}: text }}>\n"),
        &format!("type X = list<{{\n  {a}: text,\n  {b}: text,\n  {c}: text,\n}}>\n"),
    );
    becomes(
        &format!("const X = f({{ {a}, {b}, {c} }}, )\n"),
        &format!("const X = f({{\n  {a},\n  {b},\n  {c},\n}})\n"),
    );
}

#[test]
fn a_chain_of_calls_is_broken_at_every_call() {
    let (a, b) = (name('a', 50), name('b', 50));
    becomes(
        &format!("const X = list.sum({a}).max(x => {b}).min()\n"),
        &format!("const X = list\n  .sum({a})\n  .max(x => {b})\n  .min()\n"),
    );
}

#[test]
fn a_bare_list_goes_on_in_the_next_line() {
    let (a, b, c) = (name('a', 40), name('b', 40), name('c', 40));
    becomes(
        &format!("tenant t {{\n  publish: {a}, {b}, {c}\n}}\n"),
        &format!("tenant t {{\n  publish: {a}, {b},\n    {c}\n}}\n"),
    );
}

#[test]
fn a_head_that_does_not_fit_is_broken_before_its_block() {
    let (a, b) = (name('a', 50), name('b', 50));
    becomes(
        &format!("calculate c({a}: text, {b}: text) -> (x: text) {{ x = \"\" }}\n"),
        &format!("calculate c(\n  {a}: text,\n  {b}: text,\n) -> (x: text) {{\n  x = \"\"\n}}\n"),
    );
}

#[test]
fn match_arms_have_commas_and_stay_on_one_line_if_they_fit() {
    becomes(
        "const X = match x { 1|2=>a,3 .. 9=>b,n if n>9=>c,else=>d, }\n",
        "const X = match x { 1 | 2 => a, 3..9 => b, n if n > 9 => c, else => d }\n",
    );
    stays("const X = match x {\n  1 => a,\n  else => d,\n}\n");
}

#[test]
fn a_label_stands_on_a_line_of_its_own() {
    becomes("flow f from a {\n  done:  stop\n  load x\n}\n", "flow f from a {\n  done:\n  stop\n  load x\n}\n");
}

#[test]
fn a_percentage_stays_one_before_a_bracket() {
    becomes("const X = 80%  (x)\nconst Y = 80% [x].z\n", "const X = 80% (x)\nconst Y = 80% [x].z\n");
    becomes("const X = 80 %(x)\n", "const X = 80 % (x)\n");
}

#[test]
fn an_input_whose_type_stands_in_the_next_line_is_no_body() {
    becomes(
        "save a(b:\n    fn() -> text) into s { _, total, e -= 1 }\n",
        "save a(b: fn() -> text) into s { _, total  e -= 1 }\n",
    );
}

#[test]
fn behind_the_comma_of_a_save_another_change_may_begin() {
    becomes(
        "save a(b: text) into s { b, insert b into c\n  d, remove b from c\n  d, e += 1 }\n",
        "save a(b: text) into s {\n  b\n  insert b into c\n  d\n  remove b from c\n  d\n  e += 1\n}\n",
    );
    becomes(
        "save a(b: text) into s { b // note\n  : 1, e = 1 }\n",
        "save a(b: text) into s {\n  b // note\n    : 1\n  e = 1\n}\n",
    );
}
