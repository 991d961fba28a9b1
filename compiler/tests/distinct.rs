//! How many architectures of NASRec's spaces differ: the figures of docs/counting.md. `small_spaces.rs` compares the method
//! with every graph built.

use std::collections::HashSet;

use nasrec_compiler::space::{Distinct, Tally};
use nasrec_compiler::{ItemKind, Space};
use num_bigint::BigUint;

use crate::memory::{check, space};
use crate::small_spaces::every;

#[test]
fn nasrec() {
    let two = "widths: [16, 32], counts: [16, 32]";
    for (name, arguments, expected) in [
        ("nasrec_full", format!("blocks: 1, {two}"), "128"),
        ("nasrec_full", format!("blocks: 2, {two}"), "104064"),
        ("nasrec_small", format!("blocks: 1, {two}"), "32"),
        ("nasrec_small", format!("blocks: 2, {two}"), "5536"),
        ("nasrec_full", String::new(), "208618415295782866835993808027517952"),
        ("nasrec_small", String::new(), "22192167304482745621582570180864"),
    ] {
        let (checked, schema) = space(name, &arguments, "criteo");
        let found = checked.graph.distinct_count(checked.graph.sizes_of(&schema)).expect("tractable");
        assert_eq!(found, Distinct::Exactly(expected.parse().expect("a number")), "{name}({arguments})");
    }
}

/// The cell of NAS-Bench-101 (arXiv 1902.09635), before graphs that are the same but for the numbers of their nodes are taken for one: five inner
/// nodes and the last one, each of earlier ones and with one of three operations, and at most nine edges.
#[test]
fn the_cell_of_nas_bench_101() {
    let text = "schema t { label y; dense I[1..3] }
space cell(w = 16) {
  input numeric: dense
  block n[1..6] after first { dense = linear(numeric, w) } {
    let sources = pick 1..6 from earlier.dense
    let x = concat(sources)
    let y = choose { a: relu(linear(x, w)); b: sigmoid(linear(x, w)); c: linear(x, w) }
    out dense = y
  }
  require sum(count(n[i].sources) for i in 1..6) <= 9
  logit = linear(n[6].dense, 1)
}
";
    let (program, found) = check(text);
    assert_eq!(found, []);
    let item = |kind| program.items().into_iter().find(|item| item.kind == kind).expect("it is there");
    let checked = program.check_space(&item(ItemKind::Space)).expect("it is sound");
    let space = Space::bind(&checked, &program.schema(&item(ItemKind::Schema)).expect("it is sound")).expect("it fits");
    let census = space.census();
    assert_eq!(census.raw, BigUint::from(448_477_155u64));
    assert_eq!(census.valid, Tally::Exactly(BigUint::from(54_653_130u32)));
    assert_eq!(census.distinct, Tally::Exactly(BigUint::from(4_423_935u32)));
}

/// The cell of NAS-Bench-201 (arXiv 2001.00326): four nodes, and on each of six edges one of five operations. Dynamic programming gives a bound, as
/// edges may come to the same value; every graph is built instead.
#[test]
fn the_cell_of_nas_bench_201() {
    let text = "schema t { label y; dense I[1..3]; sparse C[1..2]: int | modulo(rows: 4) }
op edge(x: dense) -> dense[x.width] = choose {
  none: x - x
  skip: x
  fc: relu(linear(x, x.width))
  gate: x * sigmoid(linear(x, x.width))
  cross: x * linear(x, x.width) + x
}
space cell(w = 4) {
  input numeric: dense
  let n0 = linear(numeric, w)
  let e01 = edge(n0)
  let e02 = edge(n0)
  let e12 = edge(e01)
  let n2 = e02 + e12
  let e03 = edge(n0)
  let e13 = edge(e01)
  let e23 = edge(n2)
  logit = linear(e03 + e13 + e23, 1)
}
";
    let (program, found) = check(text);
    assert_eq!(found, []);
    let item = |kind| program.items().into_iter().find(|item| item.kind == kind).expect("it is there");
    let checked = program.check_space(&item(ItemKind::Space)).expect("it is sound");
    let space = Space::bind(&checked, &program.schema(&item(ItemKind::Schema)).expect("it is sound")).expect("it fits");
    let mut all = Vec::new();
    every(space.graph(), &mut Vec::new(), &mut all);
    let graphs: HashSet<_> = all.iter().map(|made| space.plan(made).expect("complete").fingerprint()).collect();
    let census = space.census();
    assert_eq!((all.len(), &census.raw), (15_625, &BigUint::from(15_625u32)));
    assert_eq!(census.valid, Tally::Exactly(census.raw.clone()));
    assert_eq!(census.distinct, Tally::Exactly(BigUint::from(graphs.len())));
    assert!(graphs.len() < 15_625);
}
