//! How many architectures differ, against every encoding's live graph.

mod memory;

use memory::space;
use nasrec_compiler::Space;
use nasrec_compiler::space::Distinct;
use num_bigint::BigUint;

#[test]
fn nasrec() {
    for (name, blocks, expected) in
        [("nasrec_full", 1, 128u32), ("nasrec_full", 2, 104_064), ("nasrec_small", 1, 32), ("nasrec_small", 2, 5_536)]
    {
        let (checked, schema) = space(name, &format!("blocks: {blocks}, widths: [16, 32], counts: [16, 32]"), "criteo");
        let found = checked.graph.distinct_count(Space::sizes_of(&schema)).expect("small");
        assert_eq!(found, Distinct::Exactly(BigUint::from(expected)), "{name} {blocks}");
    }
    for name in ["nasrec_full", "nasrec_small"] {
        let (checked, schema) = space(name, "", "criteo");
        let start = std::time::Instant::now();
        let found = checked.graph.distinct_count(Space::sizes_of(&schema)).expect("tractable");
        eprintln!("{name}: {found:?} of {} in {:?}", checked.graph.raw_count(), start.elapsed());
    }
}
