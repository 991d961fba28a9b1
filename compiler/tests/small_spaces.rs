//! Counts, ranks and draws of small spaces, against every encoding by itself and the naive method.
//!
//! The spaces are built to cover every construct of the language. Each is a space's body; `x` is a dense input of 3
//! columns, `f` a categorical one of 2 fields.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use nasrec_compiler::ir::{Assignment, Made, SpaceGraph};
use nasrec_compiler::plan::{Cost, Costs};
use nasrec_compiler::space::{Distinct, End, Tally};
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, ItemKind, Space};
use num_bigint::BigUint;
use num_traits::ToPrimitive;

use crate::memory::check;

pub const SPACES: &[(&str, &str)] = &[
    ("nothing is open", "logit = linear(x, 1)"),
    ("a width", "width w in [4, 8, 16]\nlogit = linear(linear(x, w), 1)"),
    ("a width that nothing uses", "width w in [4, 8, 16]\nwidth v in 2..5\nlogit = linear(linear(x, v), 1)"),
    ("a width in two places", "width w in [4, 8]\nlogit = linear(linear(x, w) + linear(x * x, w), 1)"),
    ("a width that is cut off", "width w in [4, 8, 16]\nlogit = linear(linear(x, min(w, 8)), 1)"),
    ("two widths in one size", "width w in [4, 8]\nwidth v in [4, 8]\nlogit = linear(linear(x, w + v), 1)"),
    ("a fixed size of two widths", "width w in [4, 8]\nlet a = linear(x, w)\nlogit = linear(pad(a, max(w, 8)), 1)"),
    ("operators", "let d = choose { fc(x, 8); linear(x, 8); wide: fc(x, 16) }\nlogit = linear(d, 1)"),
    (
        "operators that ignore an input",
        "width w in [4, 8]\nlet a = pick 1 from [x, linear(x, 5)]\nlet d = choose { fc(a, w); gating(x, x, w) }\nlogit = linear(d, 1)",
    ),
    ("alternatives that are the same", "let d = choose { x; relu(x); y: relu(x) }\nlogit = linear(d, 1)"),
    ("sets of operators", "let d = choose 1..2 { a: linear(x, 4); b: fc(x, 4); c: fc(x, 4) }\nlogit = linear(d, 1)"),
    (
        "choices in sets",
        "let d = choose 1..3 { a: linear(x, 4); b: { width v in [2, 3]; linear(linear(x, v), 4) }; c: { let m = maybe linear(x, 4); linear(x, 4) + m } }\nlogit = linear(d, 1)",
    ),
    ("picks of one", "let a = pick 1 from [x, linear(x, 3), relu(x)]\nlogit = linear(a, 1)"),
    ("picks of several", "let a = concat(pick 1..2 from [x, linear(x, 3), relu(x)])\nlogit = linear(a, 1)"),
    ("picks of the same", "let a = concat(pick 1..2 from [x, x, relu(x)])\nlogit = linear(a, 1)"),
    (
        "picks added up",
        "let p = linear(x, 3)\nlet a = p + (pick 0..2 from [relu(p), sigmoid(p)])\nlogit = linear(a, 1)",
    ),
    ("a maybe", "let m = maybe linear(x, 4)\nlogit = linear(fc(x, 4) + m, 1)"),
    (
        "a maybe of a choice",
        "let m = maybe { let c = choose { a: fc(x, 4); b: linear(x, 4) }; c }\nlogit = linear(fc(x, 4) + m, 1)",
    ),
    ("a maybe in a concat", "let m = maybe linear(x, 4)\nlogit = linear(concat(x, m), 1)"),
    ("depth", "width w in [4, 8]\nlet h = repeat 1..3 from fc(x, w) as h { fc(h, w) }\nlogit = linear(h, 1)"),
    (
        "choices in depth",
        "let h = repeat 0..2 from fc(x, 4) as h { let d = choose { fc(h, 4); g: gating(h, h, 4) }; d }\nlogit = linear(h, 1)",
    ),
    (
        "nested choices",
        "let d = choose { a: fc(x, 4); b: { let e = choose { p: fc(x, 4); q: { width v in [2, 3]; fc(linear(x, v), 4) } }; e } }\nlogit = linear(d, 1)",
    ),
    (
        "if on a size",
        "width w in [4, 8]\nlet a = linear(x, w)\nlet b = if w > 4 { fc(a, 8) } else { linear(a, 8) }\nlogit = linear(b, 1)",
    ),
    (
        "if that only a condition asks for",
        "width w in [4, 8, 16]\nlet b = if w > 4 { relu(x) } else { sigmoid(x) }\nlogit = linear(b, 1)",
    ),
    ("fit", "width w in [3, 4, 8]\nlet a = pick 1 from [x, linear(x, 8)]\nlogit = linear(fit(a, w), 1)"),
    ("widths that meet", "width w in [3, 8]\nwidth v in [3, 8]\nlogit = linear(fit(linear(x, w), v), 1)"),
    (
        "blocks",
        "block b[1..2] after stem { dense = x } { width w in [4, 8]; let c = concat(pick 1..2 from earlier.dense); out dense = fc(c, w) }\nlogit = linear(b[2].dense, 1)",
    ),
    (
        "blocks that may be dead",
        "block b[1..3] after stem { dense = x } { let c = pick 1 from earlier.dense; let d = choose { fc(c, 4); linear(c, 4) }; out dense = d }\nlogit = linear(b[3].dense, 1)",
    ),
    (
        "two blocks",
        "block a[1..2] after stem { dense = x } { width w in [4, 8]; out dense = fc(pick 1 from earlier.dense, w) }\nblock b[i in 1..2] after start { dense = a[2].dense } { let m = maybe linear(x, 4 * i); out dense = linear(pick 1 from earlier.dense, 4 * i) + m }\nlogit = linear(b[2].dense, 1)",
    ),
    (
        "fields",
        "let s = embed(f, 8)\nwidth n in [2, 4]\nlet t = choose { efc(s, n); attention(s, n) }\nlet m = maybe fm(t, 8)\nlogit = linear(flatten(t), 1) + linear(fc(x, 8) + m, 1)",
    ),
    ("widths of columns", "let s = embed(f, 8, each: width in [2, 4])\nlogit = linear(concat(x, flatten(s)), 1)"),
    (
        "widths of columns that may be left out",
        "let s = embed(f, 8, each: width in [0, 3, 8])\nwidth w in [4, 8]\nlogit = linear(fc(concat(x, flatten(s)), w), 1)",
    ),
    (
        "columns that are there or not",
        "width d in [4, 8]\nlet s = embed(f, 8, each: width in [0, 8])\nlet t = embed(f, d, each: width in [0, 4])\nlogit = linear(concat(x, lower_triangle(gram(s)), flatten(t)), 1)",
    ),
    (
        "widths of columns inside choices",
        "let d = choose { a: fc(x, 4); b: { let s = embed(f, 4, each: width in [0, 2]); flatten(s) }; c: flatten(embed(f, 2, each: width in [1, 2])) }\nlet y = linear(d, 1)\nlogit = y",
    ),
    (
        "widths of columns of shared tables",
        "shared table = embed(f, _, each: width in [0, 2, 4])\nlet d = choose { a: flatten(table(4)); b: sum_fields(table(4)); c: fc(x, 4) }\nlogit = linear(d, 1)",
    ),
    (
        "widths of columns in blocks",
        "block b[1..2] after stem { sparse = embed(f, 4) } { let e = embed(f, 4, each: width in [0, 4]); out sparse = linear_fields(concat(pick 1..2 from earlier.sparse, e), 2) }\nlogit = linear(concat(x, flatten(b[2].sparse)), 1)",
    ),
    (
        "nasrec's operators",
        "let s = embed(f, 8)\nwidth w in [8, 16]\nlet d = choose { fc(x, w); gating(x, x, w); plus(x, x, w); dot(x, s, w) }\nlogit = linear(d, 1)",
    ),
    (
        "shared calls",
        "width w in [4, 8]\nshared p = fc(_, w)\nlet a = pick 1 from [x, relu(x)]\nlet m = maybe p(x)\nlogit = linear(p(a) + m, 1)",
    ),
    (
        "constraints",
        "width w in [4, 8, 16]\nwidth v in [4, 8, 16]\nlet d = choose { fc(x, w); linear(x, v) }\nrequire w <= v, d == fc implies w > 4\nlogit = linear(d, 1)",
    ),
    (
        "constraints on what is dead",
        "width w in [4, 8, 16]\nwidth v in [4, 8, 16]\nwidth u in [2, 3]\nrequire w + v <= 20, v == 4 implies u == 2\nlogit = linear(linear(x, w), 1)",
    ),
    (
        "constraints over blocks",
        "block b[1..3] after stem { dense = x } { width w in [4, 8]; let d = choose { fc(x, w); g: gating(x, x, w) }; let a = pick 1 from earlier.dense; let m = maybe linear(a, w); out dense = d + m; require d == g implies w == 4 }\nrequire sum(b[i].w for i in 1..3) <= 20, count(y.d == g for y in b) <= 2\nforbid b[2].m and b[3].m\nlogit = linear(b[3].dense, 1)",
    ),
    (
        "constraints inside choices",
        "let d = choose { a: fc(x, 4); b: { width v in [2, 3, 4]; let e = maybe fc(x, v); linear(linear(x, v) + e, 4) } }\nwidth w in [2, 3, 4]\nrequire d.b.v <= w or d == a, not d.b.e or w == 4\nlogit = linear(d, 1)",
    ),
];

/// The space of a body, over the table.
pub fn space(body: &str) -> Space {
    let body: String = body.lines().map(|line| format!("  {line}\n")).collect();
    let text = format!(
        "import \"std/ctr.nasrec\"\nschema t {{ label y; dense I[1..3]; sparse C[1..2]: int | modulo(rows: 4) }}\n\
         space s {{\n  input x: dense\n  input f: categorical\n{body}}}\n"
    );
    let (program, diagnostics) = check(&text);
    assert_eq!(diagnostics, [], "{text}");
    let item = |kind| program.items().into_iter().find(|item| item.kind == kind).expect("it is there");
    let checked = program.check_space(&item(ItemKind::Space)).expect("it is sound");
    Space::bind(&checked, &program.schema(&item(ItemKind::Schema)).expect("it is sound")).expect("the schema fits")
}

/// Every encoding: each choice that exists, decided in every way.
pub fn every(graph: &SpaceGraph, made: &mut Vec<Option<Made>>, all: &mut Vec<Architecture>) {
    let Some(choice) = graph.choices.get(made.len()) else { return all.push(Architecture::new(made.clone())) };
    let options: Vec<Option<Made>> = match choice.parent {
        Some((of, positions)) if !made[of.index()].is_some_and(|m| m.meets(positions)) => vec![None],
        _ => choice.offer.options().into_iter().map(Some).collect(),
    };
    for option in options {
        made.push(option);
        every(graph, made, all);
        made.pop();
    }
}

/// The least and the most of a cost, by every encoding that is allowed.
fn ends(costs: &[Costs], cost: Cost) -> Option<(u64, u64)> {
    let values = costs.iter().map(|costs| costs.of(cost));
    Some((values.clone().min()?, values.max()?))
}

#[test]
fn bounds_are_those_of_every_encoding() {
    let mut loose = Vec::new();
    for (name, body) in SPACES {
        // The same space as it is, and with a constraint on a cost that cuts its architectures in two.
        let free = space(body);
        let mut all = Vec::new();
        every(free.graph(), &mut Vec::new(), &mut all);
        let cost_of = |space: &Space, made: &Architecture| space.plan(made).expect("it is complete").costs();
        let mut macs: Vec<u64> = all.iter().map(|made| cost_of(&free, made).macs).collect();
        macs.sort_unstable();
        let limit = macs[macs.len() / 2];
        for (space, why) in [
            (free, String::new()),
            (space(&format!("{body}\nrequire macs <= {limit}")), format!("macs <= {limit}")),
            (space(&format!("{body}\nrequire macs >= {limit}")), format!("macs >= {limit}")),
        ] {
            let sizes = space.schema_sizes();
            let allowed: Vec<Costs> = all
                .iter()
                .map(|made| (made, cost_of(&space, made)))
                .filter(|&(made, costs)| {
                    let at = Assignment::new(made.made(), sizes).with_costs(Some(costs));
                    space.graph().allows(&at) == Ok(true) && space.graph().broken(&at).is_none()
                })
                .map(|(_, costs)| costs)
                .collect();
            for cost in Cost::ALL {
                let ends = ends(&allowed, cost);
                for end in [End::Least, End::Most] {
                    let found = space.extreme(cost, end);
                    let (Some(found), Some((least, most))) = (&found, ends) else {
                        assert!(found.is_none() && ends.is_none(), "{name}, {why}: {found:?}, but {ends:?}");
                        continue;
                    };
                    let (truth, bounded) = match end {
                        End::Least => (least, found.proved <= least),
                        End::Most => (most, found.proved >= most),
                    };
                    let what = format!("{name}, {why}: {} {end:?} is {truth}", cost.words());
                    assert!(bounded, "{what}, but {found:?}");
                    if let Some(witness) = &found.witness {
                        let costs = cost_of(&space, &witness.architecture);
                        assert_eq!(costs.of(cost), witness.value, "{what}");
                        assert!(space.broken(&witness.architecture, Some(costs)).is_none(), "{what}: {witness:?}");
                    }
                    if !found.is_optimal() {
                        loose.push(format!("{what}: proved {}", found.proved));
                    }
                }
            }
        }
    }
    // Each of them is small enough to be done with.
    assert_eq!(loose, [""; 0]);
}

#[test]
fn counts_under_constraints_on_costs_are_those_of_every_encoding() {
    for (name, body) in SPACES {
        let free = space(body);
        let mut all = Vec::new();
        every(free.graph(), &mut Vec::new(), &mut all);
        let mut macs: Vec<u64> = all.iter().map(|made| free.plan(made).expect("it is complete").macs()).collect();
        macs.sort_unstable();
        let space = space(&format!("{body}\nrequire macs <= {}", macs[macs.len() / 2]));
        let allowed = all.iter().filter(|made| {
            let plan = space.plan(made).expect("it is complete");
            let at = Assignment::new(made.made(), space.schema_sizes()).with_costs(Some(plan.costs()));
            space.graph().allows(&at) == Ok(true) && space.graph().broken(&at).is_none()
        });
        let allowed: Vec<&Architecture> = allowed.collect();
        let graphs: HashSet<_> =
            allowed.iter().map(|made| space.plan(made).expect("it is complete").fingerprint()).collect();
        let census = space.census();
        assert_eq!(census.valid, Tally::Exactly(allowed.len().into()), "{name}");
        assert_eq!(census.distinct, Tally::Exactly(graphs.len().into()), "{name}");
    }
}

/// Chi-square over equally likely cells, in standard deviations from its mean.
fn surprise(counts: impl Iterator<Item = usize>, cells: usize, draws: usize) -> f64 {
    let expected = draws as f64 / cells as f64;
    let mut seen = 0;
    let mut chi = 0.0;
    for count in counts {
        seen += 1;
        chi += (count as f64 - expected).powi(2) / expected;
    }
    chi += (cells - seen) as f64 * expected;
    let freedom = (cells - 1).max(1) as f64;
    (chi - freedom) / (2.0 * freedom).sqrt()
}

#[test]
fn counts_ranks_and_draws_are_those_of_every_encoding() {
    assert!(SPACES.len() >= 30);
    let mut bounds = Vec::new();
    for (name, body) in SPACES {
        let space = space(body);
        let mut all = Vec::new();
        every(space.graph(), &mut Vec::new(), &mut all);
        assert_eq!(space.graph().raw_count(), BigUint::from(all.len()), "{name}: raw");
        let sizes = space.schema_sizes();
        let valid: Vec<&Architecture> =
            all.iter().filter(|made| space.graph().allows(&Assignment::new(made.made(), sizes)) == Ok(true)).collect();
        assert_eq!(space.valid_count(), Ok(BigUint::from(valid.len())), "{name}: valid");

        // Ranks are a bijection with the numbers below the count.
        let mut ranks = BTreeSet::new();
        for made in &all {
            let rank = space.rank(made).expect("small");
            assert_eq!(rank.is_some(), valid.contains(&made), "{name}: {made:?}");
            if let Some(rank) = rank {
                assert_eq!(space.unrank(&rank).expect("small").as_ref(), Some(made), "{name}: {rank}");
                assert!(rank < BigUint::from(valid.len()), "{name}: {rank}");
                ranks.insert(rank);
            }
        }
        assert_eq!(ranks.len(), valid.len(), "{name}: every rank once");
        assert_eq!(space.unrank(&BigUint::from(valid.len())), Ok(None), "{name}");

        // The graphs that differ, each built.
        let print = |made: &Architecture| space.plan(made).expect("it is complete").fingerprint();
        let distinct: HashSet<_> = valid.iter().map(|made| print(made)).collect();
        assert_eq!(space.distinct_count(), Ok(Distinct::Exactly(BigUint::from(distinct.len()))), "{name}: distinct");
        // As `nasrecc count` tells it.
        assert_eq!(space.census().distinct, Tally::Exactly(BigUint::from(distinct.len())), "{name}: told");
        match space.graph().distinct_count(sizes).expect("small") {
            Distinct::Exactly(count) => assert_eq!(count.to_usize(), Some(distinct.len()), "{name}: by states"),
            Distinct::AtMost(count, why) => {
                assert!(count >= BigUint::from(distinct.len()), "{name}: at most {count}, but {}", distinct.len());
                bounds.push(format!("{name}: at most {count}, is {} ({why})", distinct.len()));
            }
        }
        // Two encodings with one canonical form have one graph.
        let mut forms: BTreeMap<Architecture, _> = BTreeMap::new();
        for made in &valid {
            let form = space.canonical(made).expect("it is complete");
            assert_eq!(*forms.entry(form).or_insert_with(|| print(made)), print(made), "{name}: {made:?}");
        }

        // Uniform draws, over encodings and over architectures.
        let mut rng = Streams::new(7).rng("uniform", 0);
        let draws = 40 * valid.len().max(25);
        let mut seen: BTreeMap<Architecture, usize> = BTreeMap::new();
        let mut graphs: BTreeMap<_, usize> = BTreeMap::new();
        for _ in 0..draws {
            let drawn = space.sample_valid(&mut rng).expect("small");
            assert!(valid.contains(&&drawn), "{name}: {drawn:?}");
            *seen.entry(drawn).or_default() += 1;
            let drawn = space.sample_distinct(&mut rng).expect("small");
            assert!(valid.contains(&&drawn), "{name}: {drawn:?}");
            *graphs.entry(print(&drawn)).or_default() += 1;
        }
        let of_encodings = surprise(seen.values().copied(), valid.len(), draws);
        let of_graphs = surprise(graphs.values().copied(), distinct.len(), draws);
        assert!(of_encodings < 4.0, "{name}: encodings {of_encodings}");
        assert!(of_graphs < 4.0, "{name}: architectures {of_graphs}");
    }
    // Where the graph does not reveal a choice, or two operands may be the same, dynamic programming gives a bound.
    assert_eq!(bounds.len(), 5, "{}", bounds.join("\n"));
}
