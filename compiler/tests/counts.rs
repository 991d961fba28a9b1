//! How many architectures a space has, against formulas that do not know the compiler.

use nasrec_compiler::ItemKind;
use num_bigint::BigUint;

use crate::memory::{check, space};

/// n over k.
fn binomial(n: u64, k: u64) -> u64 {
    (0..k).fold(1, |c, i| c * (n - i) / (i + 1))
}

/// Ways to pick 1 to 4 of the `i` sources that block `i` sees.
fn inputs(i: u64) -> u64 {
    (1..=4).map(|k| if k <= i { binomial(i, k) } else { 0 }).sum()
}

/// NASRec's count, a product over blocks: inputs twice; for the full space also left and right; operators, widths and
/// two mergers.
fn expected(full: bool, blocks: u64, widths: u64, counts: u64) -> BigUint {
    let operators = if full { 4 * 2 } else { 2 };
    (1..=blocks).fold(BigUint::from(1u32), |product, i| {
        let sides = if full { i * i } else { 1 };
        product * (inputs(i) * inputs(i) * sides * operators * widths * counts * 4)
    })
}

fn counted(name: &str, arguments: &str) -> BigUint {
    space(name, arguments, "criteo").0.graph.raw_count()
}

#[test]
fn small_spaces_are_counted_by_hand() {
    let two = "widths: [16, 32], counts: [16, 32]";
    assert_eq!(counted("nasrec_full", &format!("blocks: 1, {two}")), BigUint::from(128u32));
    assert_eq!(counted("nasrec_full", &format!("blocks: 2, {two}")), BigUint::from(589_824u32));
    assert_eq!(counted("nasrec_small", &format!("blocks: 1, {two}")), BigUint::from(32u32));
    assert_eq!(counted("nasrec_small", &format!("blocks: 2, {two}")), BigUint::from(9_216u32));
}

#[test]
fn whole_spaces_equal_the_product_formula() {
    for blocks in 1..=9 {
        for (full, name) in [(true, "nasrec_full"), (false, "nasrec_small")] {
            assert_eq!(counted(name, &format!("blocks: {blocks}")), expected(full, blocks, 8, 4), "{name} {blocks}");
        }
    }
}

#[test]
fn what_is_inside_an_alternative_counts_only_with_it() {
    let text = "op either(x: dense) -> dense = choose { p: relu(x); q: sigmoid(x) }\n\nspace s {\n  input numeric: dense\n  let x = choose {\n    wide: linear(numeric, 8)\n    \
                deep: choose { a: linear(numeric, 8); b: relu(linear(numeric, 8)); c: linear(linear(numeric, 4), 8) }\n  }\n  \
                let y = maybe either(x)\n  logit = linear(x + y, 1)\n}\n";
    let (program, diagnostics) = check(text);
    assert_eq!(diagnostics, []);
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Space).expect("it is there");
    // (1 + 3) for x; absent, or one of two, for y.
    assert_eq!(program.check_space(&item).expect("it is sound").graph.raw_count(), BigUint::from(12u32));
}

#[test]
fn a_model_without_choices_is_one_architecture() {
    for (path, name) in [("models/dlrm", "dlrm"), ("models/linear", "linear_model")] {
        let text = format!("import \"{path}.nasrec\" {{ {name} }}\narch a of {name} {{\n}}\n");
        let (program, diagnostics) = check(&text);
        assert_eq!(diagnostics, []);
        let item = program.items().into_iter().next().expect("it is there");
        let arch = program.arch(&item).expect("it is sound");
        assert_eq!(arch.space.graph.raw_count(), BigUint::from(1u32));
    }
}
