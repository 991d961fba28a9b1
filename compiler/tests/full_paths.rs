//! Full paths of spaces whose sizes rest on how many sources a pick takes: all sources where they do not, no more than it offers
//! where they do, and a plan that is sound in each case (language rule 10).

use nasrec_compiler::Space;
use nasrec_compiler::ir::{Choice, Made, Word};
use nasrec_compiler::plan::sound;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::Sampling;
use nasrec_compiler::streams::Streams;

use crate::memory::{self, check};

/// A space of these statements, over four tensors of eight numbers.
fn space(statements: &str) -> Space {
    let text = format!(
        "schema t {{\n  label click\n  dense I[1..3]\n}}\nspace s {{\n  input numeric: dense\n  let a = linear(numeric, 8)\n  \
         let b = linear(numeric, 8)\n  let c = linear(numeric, 8)\n  let d = linear(numeric, 8)\n{statements}\n}}\n"
    );
    let (program, found) = check(&text);
    assert_eq!(found, [], "{statements}");
    let (schema, space) = (program.schema(&program.items()[0]), program.check_space(&program.items()[1]));
    Space::bind(&space.expect("it is sound"), &schema.expect("it is sound")).expect("it binds")
}

/// How many sources full paths take of each pick that they have: the fewest and the most of all draws, by the name of the pick without the
/// numbers of its block.
fn taken(statements: &str, name: &str) -> (u32, u32) {
    let space = space(statements);
    let streams = Streams::new(5);
    let mut counts = Vec::new();
    for full_path in [1.0, 0.6] {
        for at in 0..60 {
            let sampling = Sampling { counts: Counts::Uniform, full_path };
            let path = space.sample_path(sampling, &mut streams.rng("path", at));
            let plan = space.plan(&path).expect("every size is possible");
            sound::check(&plan.nodes, &plan.params, &[plan.logit], &plan.heads).expect("it is sound");
            let picks = |(choice, made): (&Choice, &Option<Made>)| match made {
                Some(Made::Set(mask)) if choice.offer.word() == Word::Pick && choice.name.ends_with(name) => {
                    Some(mask.count_ones())
                }
                _ => None,
            };
            if full_path == 1.0 {
                counts.extend(space.choices().iter().zip(path.made()).filter_map(picks));
            }
        }
    }
    (counts.iter().copied().min().unwrap_or(0), counts.iter().copied().max().unwrap_or(0))
}

#[test]
fn all_sources_are_taken_where_no_size_rests_on_how_many_they_are() {
    for pick in ["pick 1..2 from [a, b, c]", "pick 2..2 from [a, b, c]", "pick 2..3 from [a, b, c, d]"] {
        let sources = pick.matches(',').count() as u32 + 1;
        assert_eq!(
            taken(&format!("  let x = concat({pick})\n  logit = linear(x, 1)"), "x"),
            (sources, sources),
            "{pick}"
        );
        // What is computed from the width is right for any.
        let rows = format!("  let x = concat({pick})\n  logit = linear(sum_fields(rows(x, x.width / 8, 8)), 1)");
        assert_eq!(taken(&rows, "x"), (sources, sources), "{pick}");
        let added = "  let x = a + (pick 1..2 from [b, c, d])\n  logit = linear(x, 1)";
        assert_eq!(taken(added, "x"), (3, 3));
    }
}

#[test]
fn no_more_are_taken_than_are_offered_where_a_size_rests_on_it() {
    let two = "  let x = concat(pick 2..2 from [a, b, c])\n  logit = linear(sum_fields(rows(x, 2, 8)), 1)";
    assert_eq!(taken(two, "x"), (2, 2));
    let product = "  let x = concat(pick 2..2 from [a, b, c])\n  logit = linear(x * linear(numeric, 16), 1)";
    assert_eq!(taken(product, "x"), (2, 2));
    // At most twice eight numbers, of which there is at least one left.
    let one_or_two = "  let x = concat(pick 1..2 from [a, b, c])\n  logit = linear(linear(x, 24 - x.width), 1)";
    assert_eq!(taken(one_or_two, "x"), (2, 2));
    let two_or_three = "  let x = concat(pick 2..3 from [a, b, c, d])\n  logit = linear(pad(x, 24), 1)";
    assert_eq!(taken(two_or_three, "x"), (3, 3));
    // Two picks whose sizes rest on each other, and one beside them.
    let coupled = "  let x = concat(pick 2..2 from [a, b, c])\n  let y = concat(pick 2..2 from [a, b, c, d])\n  \
                   let z = concat(pick 1..2 from [a, b, c])\n  logit = linear(x * y, 1) + linear(z, 1)";
    assert_eq!((taken(coupled, "x"), taken(coupled, "y"), taken(coupled, "z")), ((2, 2), (2, 2), (3, 3)));
}

#[test]
fn picks_in_iterations_alternatives_and_blocks_are_no_other() {
    let turns = "  let x = repeat 1..3 from a as h { let y = concat(pick 2..2 from [h, a, b]); sum_fields(rows(y, 2, 8)) }\n  logit = linear(x, 1)";
    assert_eq!(taken(turns, "y"), (2, 2));
    let alternatives = "  let x = choose {\n    two: { let y = concat(pick 2..2 from [a, b, c]); sum_fields(rows(y, 2, 8)) }\n    \
                        any: { let z = concat(pick 1..2 from [a, b, c]); linear(z, 8) }\n  }\n  logit = linear(x, 1)";
    // One that stands in an alternative that was not drawn is drawn with it.
    assert_eq!((taken(alternatives, "y"), taken(alternatives, "z").1), ((2, 2), 3));
    let blocks = "  block k[1..4] after stem { y = a } {\n    let x = concat(pick 2..2 from [d, earlier.y])\n    \
                  out y = sum_fields(rows(x, 2, 8))\n  }\n  logit = linear(k[4].y, 1)";
    assert_eq!(taken(blocks, "x"), (2, 2));
    let fields = "  let s = rows(linear(numeric, 32), 4, 8)\n  let t = rows(linear(numeric, 32), 4, 8)\n  \
                  let u = rows(linear(numeric, 32), 4, 8)\n  let x = concat(pick 2..2 from [s, t, u])\n  \
                  logit = linear(flatten(x * rows(linear(numeric, 64), 8, 8)), 1)";
    assert_eq!(taken(fields, "x"), (2, 2));
}

/// No size of theirs rests on a count, so that their supernets are trained on all connections, as that of the paper is.
#[test]
fn the_spaces_that_ship_take_all_sources() {
    for name in ["nasrec_full", "nasrec_small", "interactions", "autoctr", "nasctr"] {
        let (checked, criteo) = memory::space(name, "", "criteo");
        let space = Space::bind(&checked, &criteo).expect("it binds");
        let sampling = Sampling { counts: Counts::Uniform, full_path: 1.0 };
        // What exists in an alternative that was not drawn comes in after the connections are.
        let drawn = space.sample(Counts::Uniform, &mut Streams::new(7).rng("path", 0));
        let path = space.relaxed(drawn.clone(), sampling, &mut Streams::new(7).rng("coins", 0));
        let mut whole = 0;
        for ((choice, drawn), full) in space.choices().iter().zip(drawn.made()).zip(path.made()) {
            if let (Word::Pick, Some(_), &Some(Made::Set(mask))) = (choice.offer.word(), drawn, full)
                && choice.offer.takes().range().1 > 1
            {
                assert_eq!(mask.count_ones() as usize, choice.offer.positions(), "{name}: {}", choice.name);
                whole += 1;
            }
        }
        assert!(whole > 0, "{name}");
    }
}
