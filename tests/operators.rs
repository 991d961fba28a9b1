//! The operators of `std/`, against values worked out by hand.

use nasrec_compiler::{Architecture, ItemKind, Space};
use nasrec_runtime::backend::{Backend, Task, Tiled};
use nasrec_runtime::data::Batch;
use nasrec_runtime::supernet::Store;

use crate::support;

/// The dense tensor that an expression of `x` and, its columns as fields of two, `s` yields. `params` are the values of
/// its parameters by name.
fn value(expression: &str, numeric: &[f32], params: &[(&str, &[f32])]) -> Vec<f32> {
    let columns = numeric.len();
    let fields = columns / 2;
    let text = format!(
        "import \"std/ctr.nasrec\"\nimport \"std/cross.nasrec\"\nimport \"std/fields.nasrec\"\nimport \"std/sequences.nasrec\"\n\
         schema t {{ label y; dense I[1..{columns}] }}\n\
         space tiny(normalise = off) {{\n input numeric: dense\n let x = linear(numeric, {columns}, bias: off)\n let s = rows(x, {fields}, 2)\n let y = {expression}\n\
         logit = linear(y, 1, bias: off)\n}}\n\
         search q on tiny with t {{ data {{ files: \"none\" }} }}"
    );
    let program = support::load(&text);
    let search = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("a sound search");
    let space = Space::bind(&search.space, &search.schema).expect("the schema fits");
    let plan = space.plan(&Architecture::new(Vec::new())).expect("a plan");
    let width = plan.params.iter().find(|param| &*param.name == "logit.linear.weight").expect("a head").full[1];
    let batch = Batch { rows: 1, numeric: numeric.to_vec(), ids: Vec::new(), labels: vec![0.0], ..Batch::default() };
    let backend = Tiled::new(1).expect("a thread");
    let program = backend.compile(Task::evaluating(plan.clone()).expect("executable")).expect("executable");
    let names: Vec<&str> = plan.params.iter().map(|param| &*param.name).collect();
    assert_eq!(names.len(), params.len() + 2, "{expression}: {names:?}");
    let at = |position: usize| {
        let values = plan.params.iter().map(|param| match params.iter().find(|(name, _)| *name == &*param.name) {
            Some((_, values)) => values.to_vec(),
            None if &*param.name == "x.linear.weight" => {
                (0..columns * columns).map(|i| f32::from(i % (columns + 1) == 0)).collect()
            }
            None => {
                assert_eq!(&*param.name, "logit.linear.weight", "{expression}: {names:?}");
                (0..width).map(|i| f32::from(i == position)).collect()
            }
        });
        let mut store = Store::standalone(&plan, 1).expect("drawable");
        store.set(&values.collect::<Vec<_>>()).expect("their shapes");
        let weights = backend.copies(&program, &store).expect("its own store");
        backend.logits(&program, &weights, &store, &batch).expect("it fits")[0][0]
    };
    (0..width).map(at).collect()
}

fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{found:?} but {expected:?}");
    let far = found.iter().zip(expected).any(|(a, b)| (a - b).abs() > 1e-5 * b.abs().max(1.0));
    assert!(!far, "{found:?} but {expected:?}");
}

const PAIR: [f32; 2] = [2.0, 3.0];
const IDENTITY: &[f32] = &[1.0, 0.0, 0.0, 1.0];
const ZEROS: &[f32] = &[0.0; 8];
/// Two fields, (1, 2) and (3, 5).
const FIELDS: [f32; 4] = [1.0, 2.0, 3.0, 5.0];

#[test]
fn cross_layers() {
    let weight: &[f32] = &[1.0, 2.0, 3.0, 4.0];
    let params: &[(&str, &[f32])] =
        &[("y.cross_layer.linear.weight", weight), ("y.cross_layer.linear.bias", &[1.0, -1.0])];
    close(&value("cross_layer(x, x)", &PAIR, params), &[20.0, 54.0]);

    let params: &[(&str, &[f32])] = &[
        ("y.cross_low_rank.linear.weight", &[1.0, 2.0]),
        ("y.cross_low_rank.linear_2.weight", &[3.0, -1.0]),
        ("y.cross_low_rank.linear_2.bias", &[1.0, 1.0]),
    ];
    close(&value("cross_low_rank(x, x, 1)", &PAIR, params), &[52.0, -18.0]);

    let params: &[(&str, &[f32])] =
        &[("y.cross_vector.linear.weight", &[1.0, -1.0]), ("y.cross_vector.shift.bias", &[0.5, 1.0])];
    close(&value("cross_vector(x, x)", &PAIR, params), &[0.5, 1.0]);
}

#[test]
fn masks_gates_and_fusion() {
    let params: &[(&str, &[f32])] = &[
        ("y.mask_block.mask.linear.weight", IDENTITY),
        ("y.mask_block.mask.linear.bias", &ZEROS[..2]),
        ("y.mask_block.mask.linear_2.weight", IDENTITY),
        ("y.mask_block.mask.linear_2.bias", &ZEROS[..2]),
        ("y.mask_block.linear.weight", IDENTITY),
        ("y.mask_block.layer_norm.scale", &[1.0, 1.0]),
        ("y.mask_block.layer_norm.shift", &[0.25, 0.5]),
    ];
    // The mask is (2, 3), so (4, 9) is normalised: (-1, 1), shifted, its negative part cut off.
    close(&value("mask_block(x, x, 2, 1)", &PAIR, params), &[0.0, 1.5]);

    let params: &[(&str, &[f32])] = &[
        ("y.gated.linear.weight", &ZEROS[..4]),
        ("y.gated.linear.bias", &ZEROS[..2]),
        ("y.gated.linear_2.weight", IDENTITY),
        ("y.gated.linear_2.bias", &ZEROS[..2]),
    ];
    close(&value("gated(x, 2)", &PAIR, params), &[1.0, 1.5]);

    let params: &[(&str, &[f32])] = &[
        ("y.fuse.linear.weight", &[1.0, 2.0, 3.0, 4.0]),
        ("y.fuse.linear.bias", &[0.5]),
        ("y.fuse.met.linear_each.weight", &[1.0, 0.0, 1.0, 1.0]),
    ];
    close(&value("fuse(x, x)", &PAIR, params), &[45.5]);
    let params: &[(&str, &[f32])] = &[
        ("y.fuse.linear.weight", &ZEROS[..4]),
        ("y.fuse.linear.bias", &[0.5]),
        ("y.fuse.met.linear_each.weight", &[2.0, -1.0]),
    ];
    close(&value("fuse(x, x, heads: 2)", &PAIR, params), &[2.0 * 4.0 - 9.0 + 0.5]);

    let params: &[(&str, &[f32])] = &[
        ("y.select.linear.weight", &[1.0, 1.0]),
        ("y.select.linear.bias", &[-4.0]),
        ("y.select.linear_2.weight", &[3f32.ln(), 0.0]),
        ("y.select.linear_2.bias", &ZEROS[..2]),
    ];
    close(&value("select(x, x, 1)", &PAIR, params), &[1.5, 1.5]);
}

#[test]
fn products_of_fields() {
    let params: &[(&str, &[f32])] =
        &[("y.with_numeric.embed_numbers.weight", &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 0.0])];
    let fields = [1.0, 0.0, 0.0, 2.0, 3.0, 3.0, 10.0, 0.0, 1.0, 2.0, 3.0, 5.0];
    close(&value("flatten(with_numeric(x, s))", &FIELDS, params), &fields);
    close(&value("pairs_summed(s)", &FIELDS, &[]), &[13.0]);
    close(&value("inner_products(s)", &FIELDS, &[]), &[13.0]);
    close(&value("outer_product(s)", &FIELDS, &[]), &[28.0, 16.0, 49.0]);
    let params: &[(&str, &[f32])] = &[("y.cin.linear_fields.weight", &[1.0, 2.0, 3.0, 4.0])];
    close(&value("flatten(cin(s, s, 1))", &FIELDS, params), &[52.0, 154.0]);
    let params: &[(&str, &[f32])] = &[("y.bilinear.linear.weight", &[1.0, 1.0, 0.0, 1.0])];
    close(&value("flatten(bilinear(s))", &FIELDS, params), &[8.0, 10.0]);
}

#[test]
fn attention_and_excitation() {
    let stacked: &[f32] = &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0];
    let params: &[(&str, &[f32])] = &[
        ("y.interacting.multi_head_attention.in_weight", stacked),
        ("y.interacting.multi_head_attention.in_bias", &ZEROS[..6]),
        ("y.interacting.multi_head_attention.out_weight", IDENTITY),
        ("y.interacting.multi_head_attention.out_bias", &ZEROS[..2]),
        ("y.interacting.linear.weight", IDENTITY),
    ];
    // All scores are equal: the mean of the fields, beside each field.
    close(&value("flatten(interacting(s))", &FIELDS, params), &[3.0, 5.5, 5.0, 8.5]);
    let params: &[(&str, &[f32])] =
        &[("y.senet.hidden.linear.weight", &[2.0, -0.25]), ("y.senet.linear.weight", &[1.0, 0.5])];
    close(&value("flatten(senet(s, 1))", &FIELDS, params), &[2.0, 4.0, 3.0, 5.0]);
}

#[test]
fn arithmetic_and_activations() {
    let close = |expression: &str, expected: &[f32]| close(&value(expression, &PAIR, &[]), expected);
    // x is 2 and 3.
    close("1 - 2 * x / 4", &[0.0, -0.5]);
    close("-x + 1", &[-1.0, -2.0]);
    close("3 / x", &[1.5, 1.0]);
    close("x / (1 + square(x))", &[0.4, 0.3]);
    close("sqrt(2 * x) * sqrt(2)", &[2.0 * 2f32.sqrt(), 2.0 * 3f32.sqrt()]);
    close("log(exp(x) * 2)", &[2.0 + 2f32.ln(), 3.0 + 2f32.ln()]);
    close("softmax(x)", &[0.268_941_4, 0.731_058_6]);
    close("silu(1 - x)", &[-0.268_941_4, -0.238_405_8]);
    close("gelu(x - 3)", &[-0.158_808, 0.0]);
    close("softplus(2 - x)", &[std::f32::consts::LN_2, 0.313_261_7]);
    let slopes: &[(&str, &[f32])] = &[("y.prelu.weight.weight", &[0.5, 0.25])];
    self::close(&value("prelu(5 - 2 * x)", &PAIR, slopes), &[1.0, -0.25]);
    // The first is the mean, and the second a deviation above it.
    let norm = |name: &str, values: [f32; 2]| (format!("y.dice.p.batch_norm.{name}"), values);
    let norm =
        [norm("scale", [1.0; 2]), norm("shift", [0.0; 2]), norm("mean", [2.0, 1.0]), norm("variance", [1.0, 4.0])];
    let mut dice: Vec<(&str, &[f32])> = norm.iter().map(|(name, values)| (name.as_str(), &values[..])).collect();
    dice.push(("y.dice.weight.weight", &[0.5, 0.25]));
    self::close(&value("dice(x)", &PAIR, &dice), &[1.5, 2.394_88]);
    // Both gates are half open: the new state is the tanh of a bias and half of the old one.
    let gru = ["update", "reset", "new"].map(|gate| {
        let (bias, of_state) = if gate == "new" { (&[0.5, -0.5][..], IDENTITY) } else { (&ZEROS[..2], &ZEROS[..4]) };
        let of = |name: &str| format!("y.gru.{gate}.{name}");
        [(of("linear.weight"), &ZEROS[..4]), (of("linear.bias"), bias), (of("linear_2.weight"), of_state)]
    });
    let gru: Vec<(&str, &[f32])> = gru.iter().flatten().map(|(name, values)| (name.as_str(), *values)).collect();
    self::close(&value("gru(x, x)", &PAIR, &gru), &[1.452_574, 1.880_797]);
    let free: &[(&str, &[f32])] = &[("y.weight.weight", &[4.0, 5.0])];
    self::close(&value("weight(2) * x", &PAIR, free), &[8.0, 15.0]);
}

#[test]
fn places_are_counted_from_the_last() {
    let newest = [[0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0; 4]].concat();
    close(&value("flatten(from_last(x))", &[1.0, 1.0, 1.0, 0.0], &[]), &newest);
    let params: &[(&str, &[f32])] = &[("y.places.weight_fields.weight", &[1.0, 2.0, 3.0, 4.0])];
    close(&value("flatten(places(x, 2))", &[1.0, 0.0], params), &[1.0, 2.0, 0.0, 0.0]);
    close(&value("flatten(places(x, 2))", &[1.0, 1.0], params), &[3.0, 4.0, 1.0, 2.0]);
}

#[test]
fn matrices_of_fields() {
    let close = |expression: &str, expected: &[f32]| close(&value(expression, &FIELDS, &[]), expected);
    close("flatten(by_parts(s, 2, 1))", &[1.0, 3.0, 2.0, 5.0]);
    // The fields are (1, 2) and (3, 5).
    close("flatten(transpose(s))", &[1.0, 3.0, 2.0, 5.0]);
    close("flatten(matmul(s, transpose(s)))", &[5.0, 13.0, 13.0, 34.0]);
    close("flatten(softmax_fields(s / 2))", &[0.268_941_4, 0.182_425_5, 0.731_058_6, 0.817_574_5]);
    close("flatten(attend(s, s, s, temperature: 4))", &[2.761_594, 4.642_391, 2.989_56, 4.984_339_6]);
}
