//! What a space requires of sizes, and what an `if` asks of them, is known to proofs: no less, and no more.

use nasrec_compiler::diagnostics::Code;
use nasrec_compiler::{Program, Space};

use crate::memory::{Memory, check};

/// A space of these statements, over an input of each kind and two of some columns.
fn space(statements: &str) -> String {
    format!(
        "space s(dim = 8, heads = 2) {{\n  input numeric: dense\n  input fields: categorical\n  input user: categorical from user\n  \
         input item: categorical from item\n{statements}\n}}\n"
    )
}

fn found(statements: &str) -> Vec<Code> {
    check(&space(statements)).1.into_iter().map(|finding| finding.code).collect()
}

const TEN: &str = "linear(flatten(linear_fields(embed(fields, 8), 10) * embed(fields, 8)), 1)";
const PAIR: &str = "linear(flatten(embed(user, 8) * embed(item, 8)), 1)";

#[test]
fn what_is_required_of_columns_is_known_to_proofs() {
    let sound = [
        format!("require fields.count == 10\n  logit = {TEN}"),
        // It stands where it may, and what it speaks of is known before.
        format!("logit = {TEN}\n  require fields.count == 10"),
        format!("let e = embed(fields, 8)\n  logit = {TEN}\n  require e.fields == 10, e.dim == 8"),
        format!("require 2 * fields.count == 20 and numeric.width >= 1\n  logit = {TEN}"),
        format!("forbid fields.count != 10\n  logit = {TEN}"),
        format!("forbid fields.count < 10 or fields.count > 10\n  logit = {TEN}"),
        format!("require fields.count >= 10, fields.count < 11\n  logit = {TEN}"),
        format!("require user.count == item.count\n  logit = {PAIR}"),
        format!("require user.count + 3 == item.count + 3\n  logit = {PAIR}"),
        format!("require user.count == item.count, numeric.width == 40\n  logit = {PAIR}"),
        "require user.count == 7 * item.count\n  logit = linear(flatten(linear_fields(embed(user, 8), 7 * item.count) * embed(user, 8)), 1)"
            .to_owned(),
        // Sizes that are whole, and positive.
        "require fields.count / 2 == round(fields.count / 2)\n  logit = linear(linear(numeric, fields.count / 2), 1)".to_owned(),
        "require numeric.width / 6 == round(numeric.width / 6)\n  logit = linear(linear(numeric, numeric.width / 2), 1)".to_owned(),
        "require fields.count == 12\n  logit = linear(linear(numeric, fields.count / 4), 1)".to_owned(),
        "require fields.count == 49\n  logit = linear(linear(numeric, sqrt(fields.count)), 1)".to_owned(),
        "require fields.count >= 2\n  logit = linear(linear(numeric, fields.count - 1), 1)".to_owned(),
        "require fields.count > 40\n  logit = linear(linear(numeric, fields.count - 40), 1)".to_owned(),
        "require min(user.count, item.count) > 3\n  logit = linear(linear(numeric, user.count + item.count - 7), 1)".to_owned(),
        // Sizes that are given.
        "require dim / heads == round(dim / heads)\n  logit = linear(multi_head(embed(fields, dim), heads), 1)\n}\nop multi_head(s: sparse, \
         heads: size) -> dense = flatten(multi_head_attention(s, heads: heads))\nspace t {\n  input x: dense\n  logit = linear(x, 1)"
            .to_owned(),
        // In an operator that is called with them, in a block, and of a table without categories.
        "require user.count == item.count\n  logit = linear(flatten(product(embed(user, 8), embed(item, 8))), 1)\n}\nop product(a: sparse, \
         b: sparse) -> sparse = a * b\nspace t {\n  input x: dense\n  logit = linear(x, 1)"
            .to_owned(),
        "block b[1..2] after stem { x = numeric } {\n    let u = embed(user, 8)\n    let v = embed(item, 8)\n    out x = flatten(u * v)\n    \
         require u.fields == v.fields\n  }\n  logit = linear(b[2].x, 1)"
            .to_owned(),
    ];
    for statements in sound {
        let (_, found) = check(&space(&format!("  {statements}")));
        assert_eq!(found, [], "{statements}");
    }
}

#[test]
fn no_more_is_known_than_is_required() {
    let wrong = [
        (format!("require fields.count == 11\n  logit = {TEN}"), Code::Shape),
        (format!("require fields.count >= 10\n  logit = {TEN}"), Code::Shape),
        (format!("require fields.count == 10 or fields.count == 12\n  logit = {TEN}"), Code::Shape),
        (format!("require user.count <= item.count\n  logit = {PAIR}"), Code::Shape),
        // Far from any table that is tried otherwise.
        (format!("require user.count > 1000, item.count > 1000\n  logit = {PAIR}"), Code::Shape),
        ("require fields.count >= 2\n  logit = linear(linear(numeric, fields.count / 2), 1)".to_owned(), Code::Size),
        ("require fields.count == 26\n  logit = linear(linear(numeric, fields.count / 4), 1)".to_owned(), Code::Size),
        ("require fields.count / 3 == round(fields.count / 3)\n  logit = linear(linear(numeric, fields.count / 2), 1)".to_owned(), Code::Size),
        ("require fields.count >= 40\n  logit = linear(linear(numeric, fields.count - 40), 1)".to_owned(), Code::Size),
        ("require fields.count == 50\n  logit = linear(linear(numeric, sqrt(fields.count)), 1)".to_owned(), Code::Size),
        // What choices are required to be is not known: a path of a supernet need not be that.
        (
            "width a in [8, 16]\n  width b in [8, 16]\n  require a == b\n  logit = linear(linear(numeric, a) * linear(numeric, b), 1)".to_owned(),
            Code::Shape,
        ),
        (
            format!("width w in [10, 20]\n  require fields.count == w, w == 10\n  logit = {TEN}"),
            Code::Shape,
        ),
    ];
    for (statements, code) in wrong {
        assert_eq!(found(&format!("  {statements}")), [code], "{statements}");
    }
}

/// A condition that no table meets which is tried otherwise: what stands under it is proved of one that does.
#[test]
fn what_an_if_asks_of_columns_is_tried_with_tables_that_meet_it() {
    let both = |condition: &str, then: &str, otherwise: &str| {
        found(&format!(
            "  let e = embed(fields, 8)\n  let x = if {condition} {{ {then} }} else {{ {otherwise} }}\n  logit = linear(flatten(x), 1)"
        ))
    };
    assert_eq!(both("e.fields == 7", "e + linear_fields(e, 7)", "e"), []);
    assert_eq!(both("e.fields == 7", "e + linear_fields(e, 8)", "e"), [Code::Shape]);
    assert_eq!(both("e.fields > 300", "e + linear_fields(e, 8)", "e"), [Code::Shape]);
    assert_eq!(both("e.fields > 300", "linear_fields(e, e.fields - 300)", "e"), []);
    assert_eq!(both("e.fields >= 300", "linear_fields(e, e.fields - 300)", "e"), [Code::Size]);
    // The sizes themselves are others with many columns.
    let other = "  let x = if fields.count > 40 { linear(numeric, 8) } else { linear(numeric, 16) }\n  logit = linear(x + linear(numeric, 16), 1)";
    assert_eq!(found(other), [Code::Shape]);
    let larger = "  logit = linear(linear(numeric, max(fields.count, 40)) + linear(numeric, 40), 1)";
    assert_eq!(found(larger), [Code::Shape]);
    let square = "  let n = if fields.count * fields.count == 10000 { 8 } else { 16 }\n  logit = linear(linear(numeric, n) + linear(numeric, 16), 1)";
    assert_eq!(found(square), [Code::Shape]);
}

#[test]
fn requirements_that_no_table_meets_are_told_once_and_alone() {
    for statements in [
        "require fields.count == 10, fields.count == 11",
        "require fields.count > 3, fields.count < 3",
        "require user.count == 2 * item.count, item.count == 4, user.count == 9",
        "require dim >= 10",
        "require heads == 3, dim == 8",
        "require fields.count / 2 == round(fields.count / 2), fields.count == 7",
    ] {
        assert_eq!(found(&format!("  {statements}\n  logit = {PAIR}")), [Code::Conflict], "{statements}");
    }
}

/// What is proved of tables that meet a requirement is built over no other.
#[test]
fn a_table_that_does_not_meet_a_requirement_is_refused() {
    let text = |fields: usize| {
        format!(
            "schema t {{\n  label click\n  sparse C[1..{fields}]: int | modulo(rows: 10)\n}}\nspace s {{\n  input fields: categorical\n  \
             require fields.count == 10\n  logit = {TEN}\n}}\n"
        )
    };
    for (fields, meets) in [(9, false), (10, true), (11, false)] {
        let (program, found) = Program::load("s.nasrec", &Memory::new([("s.nasrec", text(fields))]));
        assert_eq!(found, []);
        let (schema, space) = (program.schema(&program.items()[0]), program.check_space(&program.items()[1]));
        let bound = Space::bind(&space.expect("it is sound"), &schema.expect("it is sound"));
        assert_eq!(bound.is_ok(), meets, "{fields}: {:?}", bound.err());
    }
}
