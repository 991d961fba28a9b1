//! What a meter says of an architecture is what its plan says; bounds of small spaces are those of every encoding.

use nasrec_compiler::Space;
use nasrec_compiler::plan::Cost;
use nasrec_compiler::primitives::{Attention, Axis, Gram, Linear, Primitive};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::{End, Sampling};
use nasrec_compiler::streams::Streams;
use rand::RngExt;

use crate::memory::space;

const SHIPPED: &[(&str, &str)] = &[
    ("nasrec_full", ""),
    ("nasrec_small", ""),
    ("nasrec_full", "blocks: 2, normalise: off"),
    ("autoctr", ""),
    ("interactions", ""),
];

#[test]
fn a_meter_says_what_plans_say() {
    for &(name, arguments) in SHIPPED {
        for schema in ["criteo", "avazu", "kdd"] {
            let (checked, schema) = space(name, arguments, schema);
            let space = Space::bind(&checked, &schema).expect("it fits");
            let mut meter = space.meter();
            for index in 0..200 {
                let mut rng = Streams::new(5).rng("meter", index);
                let drawn = space.sample(Counts::Binomial(0.5), &mut rng);
                let relaxed = space.sample_path(Sampling { counts: Counts::Uniform, full_path: 0.3 }, &mut rng);
                for architecture in [drawn, relaxed] {
                    let plan = space.plan(&architecture).expect("it is complete");
                    assert_eq!(meter.costs(&architecture), Ok(plan.costs()), "{name}({arguments}): {architecture:?}");
                }
            }
        }
    }
}

/// What of NASRec's spaces is proved: the figures of docs/bounds.md. Each bound is optimal.
#[test]
fn nasrec_is_bounded() {
    for (name, cost, least, most) in [
        ("nasrec_full", Cost::Macs, 7_136, 24_219_488),
        ("nasrec_full", Cost::Ops, 16_224, 49_350_751),
        ("nasrec_full", Cost::DenseParams, 961, 21_161_921),
        ("nasrec_full", Cost::EmbeddingParams, 208_000_000, 208_000_000),
        ("nasrec_full", Cost::ActivationBytes, 7_096, 830_904),
        ("nasrec_full", Cost::WeightBytes, 4 * 961, 4 * 21_161_921),
        ("nasrec_small", Cost::Macs, 7_136, 22_613_856),
        ("nasrec_small", Cost::Ops, 16_227, 45_341_151),
        ("nasrec_small", Cost::DenseParams, 961, 21_150_049),
        ("nasrec_small", Cost::EmbeddingParams, 208_000_000, 208_000_000),
        ("nasrec_small", Cost::ActivationBytes, 7_096, 630_200),
    ] {
        let (checked, schema) = space(name, "", "criteo");
        let space = Space::bind(&checked, &schema).expect("it fits");
        for (end, value) in [(End::Least, least), (End::Most, most)] {
            let found = space.extreme(cost, end).expect("something is allowed");
            let witness = found.witness.as_ref().expect("one was met");
            let what = format!("{name} {} {end:?}: {found:?}", cost.words());
            assert_eq!(witness.value, value, "{what}");
            assert!(found.is_optimal(), "{what}");
            assert_eq!(space.plan(&witness.architecture).expect("it is complete").costs().of(cost), value, "{name}");
        }
    }
}

/// No architecture of the spaces that ship is beyond what is proved.
#[test]
fn what_is_drawn_is_within_bounds() {
    for &(name, arguments) in SHIPPED {
        let (checked, schema) = space(name, arguments, "kdd");
        let space = Space::bind(&checked, &schema).expect("it fits");
        let mut meter = space.meter();
        let drawn: Vec<_> = (0..200)
            .map(|index| space.sample(Counts::Uniform, &mut Streams::new(6).rng("bounds", index)))
            .map(|drawn| meter.costs(&drawn).expect("it is complete"))
            .collect();
        for cost in [Cost::Macs, Cost::Ops, Cost::ActivationBytes] {
            let end = |end| space.extreme(cost, end).expect("something is allowed").proved;
            let within = end(End::Least)..=end(End::Most);
            assert!(drawn.iter().all(|costs| within.contains(&costs.of(cost))), "{name}({arguments}) {}", cost.words());
        }
    }
}

/// A formula says no less of larger sizes: bounds rest on that.
#[test]
fn formulas_grow_with_sizes() {
    let primitives: [Primitive; 4] = [
        Linear { axis: Axis::Last, bias: true }.into(),
        Linear { axis: Axis::Fields, bias: false }.into(),
        Gram.into(),
        Attention { heads: 2 }.into(),
    ];
    for primitive in primitives {
        for index in 0..500 {
            let mut rng = Streams::new(9).rng("sizes", index);
            let mut size = || rng.random_range(1..50);
            let (input, output) = ([size(), size()], [size(), size()]);
            let more = |shape: [usize; 2], by: [usize; 2]| [shape[0] + by[0], shape[1] + by[1]];
            let (wider, larger) = (more(input, [size() - 1, size() - 1]), more(output, [size() - 1, size() - 1]));
            assert!(primitive.macs(&input, &output) <= primitive.macs(&wider, &larger), "{primitive:?}");
            assert!(primitive.macs(&input, &output) > 0 && primitive.multiplies(2, 2), "{primitive:?}");
        }
    }
}
