//! Instances of blocks by number, lists by position, and iterations that know their number.

use nasrec_compiler::{ItemKind, Space};

use crate::memory::check;

const SCHEMA: &str = "schema t { label y; dense I[1..3]; sparse C[1..2]: int | modulo(rows: 10) }\n";

fn space(text: &str) -> Space {
    let (program, found) = check(&format!("{SCHEMA}{text}\nsearch q on s with t {{ data {{ files: \"t.tsv\" }} }}\n"));
    assert_eq!(found, [], "{text}");
    let search = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("sound");
    Space::bind(&search.space, &search.schema).expect("it binds")
}

fn parameters(space: &Space) -> Vec<String> {
    space.params().iter().map(|param| format!("{} {:?}", param.name, param.full.as_slice())).collect()
}

#[test]
fn an_iteration_reads_the_list_by_its_number() {
    let tower = space(
        "space s(hidden = [7, 5]) {\n input x: dense\n width w in [8, 9]\n\
         let h = repeat i in hidden.count from linear(x, w, bias: off) as h { linear(h, hidden[i], bias: off) }\n logit = linear(h, 1, bias: off)\n}",
    );
    assert_eq!(
        parameters(&tower),
        [
            "h.linear.weight [9, 3]",
            "h.turn_1.linear.weight [7, 9]",
            "h.turn_2.linear.weight [5, 7]",
            "logit.linear.weight [1, 5]"
        ]
    );
}

#[test]
fn a_block_reads_the_instance_before_it() {
    let chain = space(
        "space s {\n input x: dense\n block b[i in 1..3] after stem { dense = x } {\n  width w in [4, 6]\n\
         let x = if i == 1 { stem.dense } else { b[i - 1].dense }\n  out dense = linear(x, w, bias: off)\n }\n\
         logit = linear(concat(b[1..2].dense, b[3].dense), 1, bias: off)\n}",
    );
    assert_eq!(
        parameters(&chain),
        [
            "b[1].dense.linear.weight [6, 3]",
            "b[2].dense.linear.weight [6, 6]",
            "b[3].dense.linear.weight [6, 6]",
            "logit.linear.weight [1, 18]"
        ]
    );
}

#[test]
fn sources_of_a_pick_are_tensors_and_lists_of_them() {
    let picked = space(
        "space s {\n input x: dense\n input f: categorical\n let e = flatten(embed(f, 2))\n block b[1..3] after stem { dense = x } {\n\
         let x = concat(pick 1..2 from [e, earlier.dense])\n  out dense = linear(x, 4)\n }\n\
         logit = linear(concat(pick 1..2 from b[2..3].dense), 1)\n}",
    );
    let labels = |name: &str| {
        let choice = picked.choices().iter().find(|choice| choice.name == name).expect("there");
        choice.offer.labels().to_vec()
    };
    assert_eq!(labels("b[3].x"), ["e", "stem", "b[1]", "b[2]"]);
    assert_eq!(labels("logit"), ["b[2]", "b[3]"]);
}

#[test]
fn an_operator_takes_its_depth() {
    let deep = space(
        "op network(x: dense, w: size, depth: size = 2) -> dense[w] = repeat depth from linear(x, w) as h { relu(linear(h, w)) }\n\
         space s(depth = 3) {\n input x: dense\n width w in [4, 8]\n logit = linear(network(x, w, depth), 1)\n}",
    );
    assert_eq!(deep.params().len(), 2 * (1 + 3 + 1));
}
