//! Choices of columns: what a schema makes of them, their plans, tables, costs and counts.

use std::time::{Duration, Instant};

use nasrec_compiler::loader::Shipped;
use nasrec_compiler::plan::{Cost, Plan};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::space::{Distinct, End};
use nasrec_compiler::{CheckedSpace, ItemKind, Program, Space};
use num_bigint::BigUint;

use crate::memory::check;

const SCHEMA: &str = "schema visits {
  label liked
  dense hour
  sparse user: int | modulo(rows: 50)
  sparse item: int | modulo(rows: 20)
  sparse seen: int | list(\"^\", last: 3) | same(item)
  sparse \"home town\": int | modulo(rows: 9)
}
schema others { label liked; sparse user: int | modulo(rows: 50); sparse item: int | modulo(rows: 20) }
";

/// A space and the architectures of it, over the schema.
fn program(text: &str) -> Program {
    let (program, found) = check(&format!("{SCHEMA}{text}\n"));
    assert_eq!(found, [], "{text}");
    program
}

fn checked(program: &Program) -> CheckedSpace {
    program.check_space(&program.visible(ItemKind::Space)[0]).expect("sound")
}

fn schema(program: &Program, name: &str) -> Schema {
    program.schema(&program.find(ItemKind::Schema, name).expect("there")).expect("sound")
}

/// The plan of the architecture of this name.
fn plan(program: &Program, name: &str) -> Plan {
    let arch = program.arch(&program.find(ItemKind::Arch, name).expect("there")).expect("sound");
    let space = Space::bind(&arch.space, arch.schema.as_ref().expect("named")).expect("it binds");
    space.plan(&arch.architecture).expect("decided")
}

/// The tables of a plan, with how many rows they have and how wide these are.
fn tables(plan: &Plan) -> Vec<(String, usize, usize)> {
    let tables = plan.params.iter().filter(|param| param.kind.is_table());
    tables.map(|table| (table.name.to_string(), table.axes[0].len(), table.axes[1].len())).collect()
}

const COLUMNS: &str = "space columns {
  input numeric: dense
  input fields: categorical from user, item, \"home town\"
  let s = embed(fields, 8, each: width in [0, 2, 8])
  logit = linear(concat(numeric, flatten(s)), 1)
}
arch some of columns with visits { s.user: 8; s.item: 2; s.home_town: 0 }
arch none of columns with visits { s.user: 0; s.item: 0; s.home_town: 0 }
arch all of columns with visits { s.user: 8; s.item: 8; s.home_town: 8 }
";

#[test]
fn tables_are_as_wide_as_their_columns() {
    let program = program(COLUMNS);
    let [some, none, all] = ["some", "none", "all"].map(|name| plan(&program, name));
    let table = |name: &str, rows, dim| (format!("s.embed.table.{name}"), rows, dim);
    assert_eq!(tables(&some), [table("user", 50, 8), table("item", 20, 2)]);
    assert_eq!(tables(&none), []);
    assert_eq!(tables(&all), [table("user", 50, 8), table("item", 20, 8), table("home town", 9, 8)]);
    assert_eq!([&some, &none, &all].map(Plan::embedding_params), [50 * 8 + 20 * 2, 0, 8 * 79]);
    // What follows is of one shape, whatever they are.
    assert_eq!([&some, &none, &all].map(Plan::macs), [1 + 3 * 8; 3]);
    // Rows of their own, those that are padded, zeros, and all of them joined.
    let computed = |plan: &Plan| plan.activation_bytes() / 4;
    let rest = 1 + 3 * 8 + (1 + 3 * 8) + 1;
    assert_eq!(computed(&some), (8 + 8) + (2 + 8) + 8 + 3 * 8 + rest);
    assert_eq!(computed(&none), 8 + 3 * 8 + rest);
}

#[test]
fn a_column_is_there_or_not_at_no_other_cost() {
    let program = program(
        "space s {
  input fields: categorical from user, item
  let s = embed(fields, 8, each: width in [0, 8])
  logit = linear(flatten(s), 1)
}
arch both of s with visits { s.user: 8; s.item: 8 }
arch one of s with visits { s.user: 0; s.item: 8 }
",
    );
    let nodes = |name: &str| {
        let plan = plan(&program, name);
        plan.nodes.iter().map(|node| node.primitive.name()).collect::<Vec<_>>()
    };
    assert_eq!(nodes("both"), ["embed", "embed", "concat", "flatten", "linear"]);
    assert_eq!(nodes("one"), ["fill", "embed", "concat", "flatten", "linear"]);
}

#[test]
fn columns_of_one_table_have_one_choice() {
    let program = program(
        "space s {
  input fields: categorical from item, seen
  input history: sequence from seen
  shared table = embed(_, 4, each: width in [2, 4])
  let there = mask(history)
  logit = linear(concat(flatten(table(fields)), flatten(table(history)), there), 1)
}
arch narrow of s with visits { table.item: 2 }
",
    );
    let space = Space::bind(&checked(&program), &schema(&program, "visits")).expect("it binds");
    assert_eq!(space.choices().iter().map(|choice| choice.name.as_str()).collect::<Vec<_>>(), ["table.item"]);
    let plan = plan(&program, "narrow");
    assert_eq!(tables(&plan), [("table.embed.table.item".to_owned(), 20, 2)]);
    let shapes: Vec<_> = plan.nodes.iter().map(|node| (node.primitive.name(), node.shape.to_vec())).collect();
    // Item and what was seen, pooled, are columns of their own; the places of a sequence are one.
    let lookups: Vec<&[usize]> =
        shapes.iter().filter(|(name, _)| *name == "embed").map(|(_, shape)| shape.as_slice()).collect();
    assert_eq!(lookups, [&[1, 2][..], &[1, 2], &[3, 2]]);
    assert!(shapes.contains(&("pad", vec![3, 4])), "{shapes:?}");
}

#[test]
fn architectures_are_of_the_columns_of_their_schema() {
    let program = program(COLUMNS);
    let arch = program.arch(&program.find(ItemKind::Arch, "some").expect("there")).expect("sound");
    let refused = Space::bind(&arch.space, &schema(&program, "others")).expect_err("other columns").to_string();
    assert!(refused.contains("written out for another table"), "{refused}");
    // Written out twice it is the same.
    let visits = schema(&program, "visits");
    let once = checked(&program).over(&visits);
    assert_eq!(once.clone().over(&visits).graph.to_json(), once.graph.to_json());
}

/// Over Criteo's 26 columns, 5 widths each: counted exactly, bounded and drawn without going through them.
#[test]
fn many_columns_are_soon_counted_and_bounded() {
    let (program, found) = check(
        "space wide {
  input numeric: dense
  input fields: categorical
  width h in [32, 64]
  let s = embed(fields, 16, each: width in [0, 2, 4, 8, 16])
  logit = linear(relu(linear(concat(numeric, flatten(s), lower_triangle(gram(s))), h)), 1)
}",
    );
    assert_eq!(found, []);
    let (shipped, _) = Program::load("schemas.nasrec", &Shipped);
    let criteo = shipped.schema(&shipped.find(ItemKind::Schema, "criteo").expect("it ships")).expect("sound");
    let space = Space::bind(&checked(&program), &criteo).expect("it binds");
    let begun = Instant::now();
    let count = BigUint::from(5u32).pow(26) * 2u32;
    assert_eq!(space.graph().raw_count(), count);
    assert_eq!(space.graph().distinct_count(space.schema_sizes()), Ok(Distinct::Exactly(count)));
    let rows: u64 = criteo.sparse.iter().map(|column| column.rows as u64).sum();
    for (cost, end, value) in [(Cost::EmbeddingParams, End::Least, 0), (Cost::EmbeddingParams, End::Most, 16 * rows)] {
        let found = space.extreme(cost, end).expect("all are allowed");
        assert!(found.is_optimal() && found.proved == value, "{found:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
