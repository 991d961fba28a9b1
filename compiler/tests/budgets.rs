//! Budgets of small spaces, against every encoding by itself: what is refused allows nothing, and what is drawn is allowed
//! and drawn as often as it should be.

use std::collections::HashMap;

use nasrec_compiler::ir::{Assignment, Constraint, Takes};
use nasrec_compiler::plan::Costs;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::{Proof, Standing};
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, Space};
use rand::RngExt;

use crate::small_spaces::{SPACES, every, space};

/// Every encoding with what it costs.
fn costed(space: &Space) -> Vec<(Architecture, Costs)> {
    let mut all = Vec::new();
    every(space.graph(), &mut Vec::new(), &mut all);
    all.into_iter().map(|made| (made.clone(), space.plan(&made).expect("it is complete").costs())).collect()
}

/// Those that some of the constraints allow.
fn allowed<'a>(
    space: &Space,
    all: &'a [(Architecture, Costs)],
    constraints: impl Iterator<Item = &'a Constraint>,
) -> Vec<&'a Architecture> {
    let mut graph = space.graph().clone();
    graph.constraints = constraints.cloned().collect();
    let is = |(made, costs): &&(Architecture, Costs)| {
        graph.broken(&Assignment::new(made.made(), space.schema_sizes()).with_costs(Some(*costs))).is_none()
    };
    all.iter().filter(is).map(|(made, _)| made).collect()
}

/// Budgets around what two encodings cost, so that some allow much, some little and some nothing.
fn budgets(all: &[(Architecture, Costs)], rng: &mut impl rand::Rng) -> Vec<String> {
    let mut one = || all[rng.random_range(0..all.len())].1;
    let (a, b) = (one(), one());
    let least = all.iter().map(|(_, costs)| costs.macs).min().expect("there are some");
    vec![
        format!("macs <= {}", a.macs),
        format!("macs < {least}"),
        format!("macs < {}", a.macs),
        format!("params.dense <= {}, macs <= {}", a.dense_params, b.macs),
        format!("params.dense > {}, macs <= {}", a.dense_params, b.macs),
        format!("bytes.weights < {}B, bytes.activations > {}B", 4 * a.dense_params, b.activation_bytes),
        format!("macs == {}", (a.macs + b.macs) / 2),
        format!("macs < {} or bytes.activations < {}B", a.macs, b.activation_bytes),
        format!("macs > {} implies params.dense > {}", a.macs, b.dense_params),
        format!("macs + 3 * params.dense <= {}", b.macs + 3 * a.dense_params),
        format!("ops < {}, macs <= {}", a.ops, b.macs),
    ]
}

#[test]
fn what_allows_nothing_is_refused_and_nothing_else() {
    let (mut refused, mut begun, mut several, mut by_bounds) = (0, 0, 0, 0);
    for (index, (name, body)) in (0..).zip(SPACES) {
        let free = space(body);
        let all = costed(&free);
        for budget in budgets(&all, &mut Streams::new(1).rng("budgets", index)) {
            let what = format!("{name}, require {budget}");
            let space = space(&format!("{body}\nrequire {budget}"));
            let constraints = &space.graph().constraints;
            let of = |members: &[usize]| allowed(&space, &all, members.iter().map(|&at| &constraints[at])).len();
            let whole: Vec<usize> = (0..constraints.len()).collect();
            match space.standing() {
                Standing::Allowed(found) => {
                    let costs = space.plan(&found).expect("it is complete").costs();
                    assert!(space.broken(&found, Some(costs)).is_none(), "{what}: {found:?}");
                    begun += 1;
                    let mut walk = space.walk(Counts::Uniform);
                    for draw in 0..20 {
                        let drawn = walk.draw(&found, &mut Streams::new(2).rng("walk", draw));
                        let costs = space.plan(&drawn).expect("it is complete").costs();
                        assert!(space.broken(&drawn, Some(costs)).is_none(), "{what}: {drawn:?}");
                        assert!(all.iter().any(|(made, _)| *made == drawn), "{what}: {drawn:?} is no encoding");
                    }
                }
                Standing::Empty(conflict, proof) => {
                    assert_eq!(of(&whole), 0, "{what}: {proof}");
                    assert_eq!(of(&conflict.members), 0, "{what}: {conflict:?}");
                    assert!(conflict.irreducible, "{what}: {conflict:?}");
                    for &dropped in &conflict.members {
                        let rest: Vec<usize> = conflict.members.iter().copied().filter(|&at| at != dropped).collect();
                        assert!(of(&rest) > 0, "{what}: {conflict:?} without {dropped}");
                    }
                    refused += 1;
                    several += usize::from(conflict.members.len() > 1);
                    by_bounds += usize::from(matches!(proof, Proof::Bounds { .. }));
                    if let Proof::Bounds { bounds, .. } = &proof {
                        assert!(!bounds.is_empty() || conflict.members.len() > 1, "{what}: {proof}");
                    }
                }
                Standing::Open(tried) => panic!("{what}: {tried}"),
            }
        }
    }
    assert!(refused > 50 && begun > 150 && several > 3 && by_bounds > 40, "{refused} {begun} {several} {by_bounds}");
}

/// How likely an encoding is when each choice is drawn on its own.
fn likelihood(space: &Space, made: &Architecture) -> f64 {
    let binomial = |n: usize, k: usize| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
    let of = |(choice, made): (&nasrec_compiler::ir::Choice, &Option<_>)| match (choice.offer.takes(), made) {
        (_, None) => 1.0,
        (Takes::Set { lo, hi }, Some(nasrec_compiler::ir::Made::Set(set))) => {
            1.0 / ((hi - lo + 1) as f64 * binomial(choice.offer.positions(), set.count_ones() as usize))
        }
        _ => 1.0 / choice.offer.option_count() as f64,
    };
    space.choices().iter().zip(made.made()).map(of).product()
}

/// What a walk draws is what drawing again and again would, over every encoding that is allowed.
#[test]
fn a_walk_draws_as_drawing_again_would() {
    const DRAWS: u64 = 4_000;
    let mut compared = 0;
    for (name, body) in SPACES {
        let free = space(body);
        let all = costed(&free);
        let mut macs: Vec<u64> = all.iter().map(|(_, costs)| costs.macs).collect();
        macs.sort_unstable();
        let space = space(&format!("{body}\nrequire macs <= {}", macs[macs.len() / 3]));
        let allowed = allowed(&space, &all, space.graph().constraints.iter());
        let Standing::Allowed(start) = space.standing() else { panic!("{name}: something is allowed") };
        let mut walk = space.walk(Counts::Uniform);
        let mut counts: HashMap<Architecture, u64> = HashMap::new();
        for draw in 0..DRAWS {
            *counts.entry(walk.draw(&start, &mut Streams::new(3).rng("walk", draw))).or_default() += 1;
        }
        let whole: f64 = allowed.iter().map(|made| likelihood(&space, made)).sum();
        // Encodings that are rare are counted together.
        let (mut chi, mut cells, mut rare) = (0.0, 0, (0.0, 0.0));
        for made in allowed {
            let expected = DRAWS as f64 * likelihood(&space, made) / whole;
            let found = counts.get(made).copied().unwrap_or(0) as f64;
            if expected < 5.0 {
                rare = (rare.0 + expected, rare.1 + found);
            } else {
                chi += (found - expected).powi(2) / expected;
                cells += 1;
            }
        }
        if rare.0 >= 5.0 {
            chi += (rare.1 - rare.0).powi(2) / rare.0;
            cells += 1;
        }
        if cells > 1 {
            let freedom = f64::from(cells - 1);
            let surprise = (chi - freedom) / (2.0 * freedom).sqrt();
            assert!(surprise < 5.0, "{name}: {surprise:.1} standard deviations over {cells} cells");
            compared += 1;
        }
    }
    assert!(compared > 25, "{compared}");
}
