//! `ops`, all arithmetic of one sample: the formula of each primitive against a count by hand, what can be said in several
//! ways and costs the same in each, and sums of as many operands as choices say, bounded.

use nasrec_compiler::plan::{Cost, Costs, Plan};
use nasrec_compiler::primitives::{
    Add, Affine, Attention, Axis, BatchNorm, Concat, Dropout, Embed, EmbedNumbers, FieldProducts, Fill, Flatten,
    Function, Gram, LayerNorm, Linear, LinearEach, LowerTriangle, Map, Mask, Matmul, Mul, Numeric, Pad, PairProducts,
    Primitive, Reduce, Reduction, Relu, Rows, Scale, Shift, Sigmoid, Slice, Softmax, Square, StopGradient, Sub,
    SumFields, Tanh, Transpose, Weight,
};
use nasrec_compiler::space::End;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, ItemKind, Space};
use rand::RngExt;

use crate::memory::check;
use crate::small_spaces::{every, space};

/// A primitive of so many operands, the first of this shape, with a result of this shape.
type Call = (Primitive, usize, &'static [usize], &'static [usize]);

/// Each with what it takes, counted by hand.
fn counted() -> Vec<(Call, u64)> {
    let affine = |scale: f64, shift: f64| Affine { scale, shift }.into();
    let map = |by: Function| Map { by }.into();
    let reduce = |by: Reduction| Reduce { by }.into();
    let norm = |axis: Axis| LayerNorm { axis, eps: 1e-5 }.into();
    vec![
        // Two values of three products, two additions between them and one of the bias.
        ((Linear { axis: Axis::Last, bias: true }.into(), 1, &[3], &[2]), 2 * (3 + 2 + 1)),
        ((Linear { axis: Axis::Last, bias: false }.into(), 1, &[4, 3], &[4, 2]), 8 * (3 + 2)),
        ((Linear { axis: Axis::Fields, bias: true }.into(), 1, &[4, 3], &[2, 3]), 6 * (4 + 3 + 1)),
        ((LinearEach { bias: true }.into(), 1, &[4, 3], &[4, 2]), 8 * (3 + 2 + 1)),
        ((LinearEach { bias: false }.into(), 1, &[4, 3], &[4, 2]), 8 * (3 + 2)),
        ((Shift.into(), 1, &[5], &[5]), 5),
        // Six pairs below the diagonal.
        ((Gram.into(), 1, &[4, 3], &[4, 4]), 6 * (3 + 2)),
        ((Gram.into(), 1, &[1, 3], &[1, 1]), 0),
        ((Matmul.into(), 2, &[2, 3], &[2, 4]), 8 * (3 + 2)),
        ((PairProducts.into(), 2, &[4, 3], &[6, 3]), 18),
        ((FieldProducts.into(), 2, &[2, 3], &[8, 3]), 24),
        ((EmbedNumbers.into(), 1, &[3], &[3, 4]), 12),
        // Query, key and value; scores of two heads, scaled; six rows of shares; the mixture; the last projection.
        (
            (Attention { heads: 2 }.into(), 1, &[3, 4], &[3, 4]),
            3 * 12 * (4 + 3 + 1) + 2 * 9 * (2 + 1) + 2 * 9 + 6 * (3 + 2 + 1 + 3) + 12 * (3 + 2) + 12 * (4 + 3 + 1),
        ),
        // Mean, centred, squares, their mean, eps and root, reciprocal, times that, scale, shift.
        ((norm(Axis::Last), 1, &[5], &[5]), 5 + 5 + 5 + 5 + 2 + 1 + 5 + 5 + 5),
        ((norm(Axis::Last), 1, &[2, 5], &[2, 5]), 2 * (7 * 5 + 3)),
        ((norm(Axis::Fields), 1, &[2, 5], &[2, 5]), 5 * (7 * 2 + 3)),
        ((BatchNorm { eps: 1e-5, momentum: 0.1 }.into(), 1, &[2, 5], &[2, 5]), 4 * 10),
        // Exponentials, the additions between them, a reciprocal and products with it.
        ((Softmax { axis: Axis::Last }.into(), 1, &[5], &[5]), 5 + 4 + 1 + 5),
        ((Softmax { axis: Axis::Last }.into(), 1, &[2, 5], &[2, 5]), 2 * (5 + 4 + 1 + 5)),
        ((Softmax { axis: Axis::Fields }.into(), 1, &[2, 5], &[2, 5]), 5 * (2 + 1 + 1 + 2)),
        ((Relu.into(), 1, &[2, 5], &[2, 5]), 10),
        ((Sigmoid.into(), 1, &[5], &[5]), 5),
        ((Tanh.into(), 1, &[5], &[5]), 5),
        ((Square.into(), 1, &[5], &[5]), 5),
        ((map(Function::Exp), 1, &[5], &[5]), 5),
        ((map(Function::Log), 1, &[5], &[5]), 5),
        ((map(Function::Sqrt), 1, &[5], &[5]), 5),
        ((map(Function::Reciprocal), 1, &[5], &[5]), 5),
        ((affine(2.0, 1.0), 1, &[5], &[5]), 5 + 5),
        ((affine(2.0, 0.0), 1, &[5], &[5]), 5),
        ((affine(1.0, 2.0), 1, &[5], &[5]), 5),
        // `1 - x` is a subtraction; a change of sign is nothing.
        ((affine(-1.0, 1.0), 1, &[5], &[5]), 5),
        ((affine(-1.0, 0.0), 1, &[5], &[5]), 0),
        ((Mul.into(), 2, &[5], &[5]), 5),
        ((Sub.into(), 2, &[5], &[5]), 5),
        ((Scale.into(), 2, &[2, 5], &[2, 5]), 10),
        ((Add.into(), 1, &[2, 5], &[2, 5]), 0),
        ((Add.into(), 2, &[2, 5], &[2, 5]), 10),
        ((Add.into(), 4, &[2, 5], &[2, 5]), 3 * 10),
        ((SumFields.into(), 1, &[4, 3], &[3]), 3 * 3),
        ((reduce(Reduction::Sum), 1, &[4, 3], &[4]), 4 * 2),
        ((reduce(Reduction::Mean), 1, &[4, 3], &[4]), 4 * (2 + 1)),
        ((reduce(Reduction::Max), 1, &[4, 3], &[4]), 4 * 2),
        ((reduce(Reduction::Sum), 1, &[5], &[1]), 4),
        // What only moves numbers, what is looked up, and what is the same for every sample.
        ((Concat.into(), 3, &[5], &[15]), 0),
        ((Pad.into(), 1, &[5], &[8]), 0),
        ((Slice { from: 1 }.into(), 1, &[5], &[2]), 0),
        ((Flatten.into(), 1, &[2, 5], &[10]), 0),
        ((Rows.into(), 1, &[10], &[2, 5]), 0),
        ((Transpose.into(), 1, &[2, 5], &[5, 2]), 0),
        ((LowerTriangle.into(), 1, &[4, 4], &[6]), 0),
        ((StopGradient.into(), 1, &[5], &[5]), 0),
        ((Dropout { rate: 0.5 }.into(), 1, &[5], &[5]), 0),
        ((Numeric.into(), 0, &[], &[5]), 0),
        ((Embed.into(), 0, &[], &[2, 5]), 0),
        ((Mask.into(), 0, &[], &[5]), 0),
        ((Weight.into(), 0, &[], &[2, 5]), 0),
        ((Fill { value: 1.0 }.into(), 0, &[], &[5]), 0),
    ]
}

#[test]
fn each_primitive_counts_what_is_counted_by_hand() {
    for ((primitive, operands, input, output), expected) in counted() {
        assert_eq!(primitive.ops(operands, input, output), expected, "{primitive:?} {input:?} {output:?}");
    }
}

/// Bounds rest on that.
#[test]
fn formulas_grow_with_sizes_and_operands() {
    let mut rng = Streams::new(9).rng("ops", 0);
    for ((primitive, least, input, output), _) in counted() {
        for _ in 0..200 {
            let mut sizes = |shape: &[usize]| -> (Vec<usize>, Vec<usize>) {
                let small: Vec<usize> = shape.iter().map(|_| rng.random_range(1..50)).collect();
                let large = small.iter().map(|size| size + rng.random_range(0..50)).collect();
                (small, large)
            };
            let ((input, wider), (output, larger)) = (sizes(input), sizes(output));
            let (small, large) = (primitive.ops(least, &input, &output), primitive.ops(least, &wider, &larger));
            assert!(small <= large, "{primitive:?} {input:?} {output:?}, {wider:?} {larger:?}");
            assert!(small <= primitive.ops(least + 1, &input, &output), "{primitive:?} {input:?} {output:?}");
        }
    }
}

/// The plan of a space that leaves nothing open, over a schema.
fn plan(schema: &str, space: &str) -> Plan {
    let text = format!("import \"std/ctr.nasrec\"\n{schema}\n{space}\n");
    let (program, found) = check(&text);
    assert_eq!(found, [], "{text}");
    let item = |kind| program.items().into_iter().find(|item| item.kind == kind).expect("it is there");
    let checked = program.check_space(&item(ItemKind::Space)).expect("it is sound");
    let schema = program.schema(&item(ItemKind::Schema)).expect("it is sound");
    let space = Space::bind(&checked, &schema).expect("the schema fits");
    space.plan(&Architecture::new(Vec::new())).expect("nothing is open")
}

/// The inner products of all pairs of Criteo's 26 fields, as a triangle and as sums of products: `macs` tell them apart.
#[test]
fn inner_products_cost_the_same_in_both_ways() {
    let of = |pairs: &str| {
        let space =
            format!("space s {{ input fields: categorical; let s = embed(fields, 16); logit = linear({pairs}, 1) }}");
        let plan = plan("schema t { label y; sparse C[1..26]: int | modulo(rows: 4) }", &space);
        (plan.macs(), plan.ops())
    };
    let both = (325 * 31) + (2 * 325);
    assert_eq!(of("lower_triangle(gram(s))"), (11_141, both));
    assert_eq!(of("sum_last(pair_products(s, s))"), (325, both));
}

/// Values that are made of `x`, 3 numbers, and of `f`, in two ways that cost the same; behind what they are made with.
const SAID_TWICE: &[(&str, &str)] = &[
    ("linear(x, 4)", "shift(linear(x, 4, bias: off))"),
    ("linear(concat(x, relu(x)), 2)", "linear(x, 2, bias: off) + linear(relu(x), 2)"),
    ("relu(x) - sigmoid(x)", "relu(x) + -sigmoid(x)"),
    ("1 - x", "-x + 1"),
    ("square(x)", "x * x"),
    ("2 * x + 1", "1 + x * 2"),
    ("x / relu(x)", "x * (1 / relu(x))"),
    ("mean_last(x)", "sum_last(x) / 3"),
    ("softmax(x)", "let e = exp(x); scale(e, 1 / sum_last(e))"),
    ("let s = linear_fields(embed(f, 8), 2); sum_fields(s)", "let s = linear_fields(embed(f, 8), 2); s[1] + s[2]"),
    (
        "let s = linear_fields(embed(f, 8), 2); flatten(linear_each(s, 4))",
        "let s = linear_fields(embed(f, 8), 2); concat(linear(s[1], 4), linear(s[2], 4))",
    ),
    (
        "let s = linear_fields(embed(f, 8), 2); lower_triangle(gram(s))",
        "let s = linear_fields(embed(f, 8), 2); sum_last(pair_products(s, s))",
    ),
    (
        "let s = linear_fields(embed(f, 8), 2); lower_triangle(gram(s))",
        "let s = linear_fields(embed(f, 8), 2); sum_last(s[1] * s[2])",
    ),
    (
        "let s = linear_fields(embed(f, 8), 2); flatten(multi_head_attention(s, heads: 1))",
        "let s = linear_fields(embed(f, 8), 2); flatten(linear(matmul(softmax(matmul(linear(s, 8), transpose(linear(s, 8))) / 3), linear(s, 8)), 8))",
    ),
];

#[test]
fn what_is_said_in_two_ways_costs_the_same() {
    for (one, other) in SAID_TWICE {
        let of = |value: &str| {
            let (before, value) = value.rsplit_once("; ").unwrap_or(("", value));
            let space = space(&format!("{before}\nlogit = linear({value}, 1)"));
            space.plan(&Architecture::new(Vec::new())).expect("nothing is open").ops()
        };
        assert_eq!(of(one), of(other), "{one}, {other}");
    }
}

/// Rows of a bag become one: as many additions as it has more rows than one, for each number, and the division of a mean.
#[test]
fn bags_count_what_makes_one_row_of_theirs() {
    for (pool, each) in [("sum", 4), ("max", 4), ("mean", 5)] {
        let schema = format!(
            "schema t {{ label y; sparse a: int | modulo(rows: 4)\n  \
             sparse b: int | list(\"^\", most: 5, pool: {pool}) | modulo(rows: 4) }}"
        );
        let space = "space s { input f: categorical; logit = linear(flatten(embed(f, 3)), 1) }";
        let plan = plan(&schema, space);
        assert_eq!(plan.ops(), 3 * each + 2 * 6, "{pool}");
        let nodes: u64 = plan.node_costs().iter().map(|costs| costs.ops).sum();
        assert_eq!(nodes, plan.ops(), "{pool}");
        // As it is kept, and told of each place by itself.
        let kept: Plan = serde_json::from_str(&serde_json::to_string(&plan).expect("a plan")).expect("the same");
        assert_eq!((kept.ops(), &kept), (plan.ops(), &plan), "{pool}");
    }
    let schema = "schema t { label y; sparse b: int | list(\"^\", most: 5) | modulo(rows: 4) }";
    let of = |space: &str| plan(schema, space).ops();
    assert_eq!(of("space s { input h: sequence from b; logit = linear(flatten(embed(h, 3)), 1) }"), 2 * 15);
    assert_eq!(of("space s { input h: sequence from b; logit = linear(mask(h), 1) }"), 2 * 5);
}

/// Sums and joins of which choices decide how many operands they have, some of them there twice.
const SUMS: &[(&str, &str)] = &[
    ("picks added up", "let a = x + (pick 0..3 from [relu(x), sigmoid(x), x * x])\nlogit = linear(a, 1)"),
    (
        "picks added twice",
        "let p = pick 1..2 from [relu(x), x, sigmoid(x)]\nlet a = x + p\nlet b = a + p\nlogit = linear(b, 1)",
    ),
    ("a pick with itself", "let p = pick 1..2 from [relu(x), x, sigmoid(x)]\nlet a = p + p\nlogit = linear(a, 1)"),
    (
        "a pick joined with itself",
        "width w in [2, 3]\nlet p = pick 1..2 from [linear(x, w), relu(x)]\nlet a = concat(p, p)\nlogit = linear(a, 1)",
    ),
    ("a maybe with itself", "let m = maybe relu(x)\nlet a = x + m\nlet b = a + m\nlogit = linear(b, 1)"),
    (
        "sums of open widths",
        "width w in [2, 5]\nlet h = linear(x, w)\nlet a = h + (pick 1..2 from [relu(h), sigmoid(h), h])\nlogit = linear(a, 1)",
    ),
    (
        "sets of operators",
        "width w in [2, 5]\nlet d = choose 1..3 { a: linear(x, w); b: fc(x, w); c: relu(linear(x, w)) }\nlogit = linear(d, 1)",
    ),
    (
        "a pick whose size others ask for",
        "let p = pick 1..3 from [x, linear(x, 2), linear(x, 9)]\nlet a = concat(p)\nlet b = layer_norm(a)\nlet c = softmax(a)\nlogit = linear(b + c, 1)",
    ),
    (
        "fields",
        "let s = embed(f, 4)\nwidth n in [2, 5]\nlet t = choose { a: linear_fields(s, n); b: layer_norm(linear_fields(s, n)) }\nlogit = linear(lower_triangle(gram(t)), 1) + linear(sum_fields(t), 1)",
    ),
    (
        "blocks",
        "block b[1..3] after stem { dense = x } { let c = pick 1..2 from earlier.dense; let m = maybe linear(x, 3); out dense = linear(concat(c), 3) + m }\nlogit = linear(b[3].dense, 1)",
    ),
];

/// Bounds of sums are those of every encoding, alone and under a constraint on their operations.
#[test]
fn sums_are_bounded_as_every_encoding_says() {
    for (name, body) in SUMS {
        let free = space(body);
        let mut all = Vec::new();
        every(free.graph(), &mut Vec::new(), &mut all);
        let costs: Vec<Costs> = all.iter().map(|made| free.plan(made).expect("it is complete").costs()).collect();
        let mut meter = free.meter();
        for (made, costs) in all.iter().zip(&costs) {
            assert_eq!(meter.costs(made), Ok(*costs), "{name}: {made:?}");
        }
        let mut ops: Vec<u64> = costs.iter().map(|costs| costs.ops).collect();
        ops.sort_unstable();
        let limit = ops[ops.len() / 2];
        let bounded = |space: &Space, allowed: &[Costs], why: &str| {
            for cost in Cost::ALL {
                let values = || allowed.iter().map(|costs| costs.of(cost));
                for (end, truth) in [(End::Least, values().min()), (End::Most, values().max())] {
                    let found = space.extreme(cost, end).expect("something is allowed");
                    let what = format!("{name}, {why}: {} {end:?} {found:?}", cost.words());
                    assert_eq!((Some(found.proved), found.is_optimal()), (truth, true), "{what}");
                }
            }
        };
        bounded(&free, &costs, "all");
        let kept: Vec<Costs> = costs.iter().copied().filter(|costs| costs.ops <= limit).collect();
        bounded(&space(&format!("{body}\nrequire ops <= {limit}")), &kept, "at most");
        let kept: Vec<Costs> = costs.iter().copied().filter(|costs| costs.ops >= limit).collect();
        bounded(&space(&format!("{body}\nforbid ops < {limit}")), &kept, "at least");
    }
}
