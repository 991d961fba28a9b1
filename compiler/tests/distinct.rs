//! How many architectures of NASRec's spaces differ: the figures of docs/counting.md. `small_spaces.rs` compares the method
//! with every graph built.

use nasrec_compiler::space::Distinct;

use crate::memory::space;

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
