use std::collections::BTreeSet;

use nasrec_compiler::loader::Memory;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::{ItemKind, Program};
use proptest::prelude::{prop_assert, proptest};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::*;

/// Ten switches and a width.
fn space() -> Space {
    let switches: Vec<String> = (0..10).map(|i| format!("let a{i} = maybe linear(linear(x, {}), 4)", 3 + i)).collect();
    let sum: Vec<String> = (0..10).map(|i| format!("a{i}")).collect();
    let text = format!(
        "schema t {{ label l; dense I[1..3] }}\nspace s {{\n input numeric: dense\n width w in [4, 8, 16, 32, 64]\n \
         let x = linear(numeric, w)\n {}\n logit = linear(linear(x, 4) + {}, 1)\n}}",
        switches.join("\n "),
        sum.join(" + ")
    );
    let (mut program, found) = Program::load("s.nasrec", &Memory::new([("s.nasrec", text)]));
    assert!(found.is_empty(), "{found:#?}");
    let schema = program.schema(&program.visible(ItemKind::Schema)[0]).expect("sound");
    program.space("s", &[], &schema).expect("sound")
}

/// Architectures of a space in which each switch brings something, the figures of a training of each, and what they are worth.
fn drawn(space: &Space, many: usize, noise: f64, rng: &mut ChaCha8Rng) -> (Vec<Seen>, Vec<f64>) {
    let effects: Vec<f64> = (0..11).map(|_| 0.001 * rng.sample::<f64, _>(StandardNormal)).collect();
    let mut known = BTreeSet::new();
    let mut all = (Vec::new(), Vec::new());
    while all.0.len() < many {
        let architecture = space.sample(Counts::Uniform, rng);
        if !known.insert(architecture.clone()) {
            continue;
        }
        let worth = architecture.made().iter().zip(&effects).map(|(made, effect)| match made {
            Some(Made::One(one)) => f64::from(*one) * effect,
            _ => 0.0,
        });
        let worth = 0.5 + worth.sum::<f64>();
        let loss = worth + noise * rng.sample::<f64, _>(StandardNormal);
        all.0.push(Seen::on_validation(architecture, [loss]));
        all.1.push(worth);
    }
    all
}

fn error(told: impl Iterator<Item = f64>, worth: &[f64]) -> f64 {
    let squares = told.zip(worth).map(|(told, worth)| (told - worth).powi(2));
    (squares.sum::<f64>() / worth.len() as f64).sqrt()
}

#[test]
fn what_is_expected_is_nearer_to_the_truth_than_the_figures_are() {
    let space = space();
    let (mut nearer, mut within) = (0, 0.0);
    for seed in 0..10 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (seen, worth) = drawn(&space, 60, 0.003, &mut rng);
        let surrogate = Surrogate::fit(&space, &seen).expect("figures");
        let expected: Vec<Expected> = seen.iter().map(|seen| surrogate.expect(&seen.architecture)).collect();
        let told = error(expected.iter().map(|expected| expected.mean), &worth);
        let raw = error(seen.iter().map(|seen| seen.trainings[0].log_loss), &worth);
        nearer += usize::from(told < 0.8 * raw);
        let inside =
            expected.iter().zip(&worth).filter(|(told, worth)| (told.mean - **worth).abs() < 2.0 * told.deviation);
        within += inside.count() as f64 / 600.0;
        assert!((0.001..0.009).contains(&surrogate.noise()), "{}", surrogate.noise());
    }
    assert!(nearer >= 9, "nearer by a fifth in {nearer} of 10");
    assert!(within > 0.85, "within two deviations: {within}");
}

#[test]
fn an_architecture_that_was_not_seen_is_expected_to_do_like_its_neighbours() {
    let space = space();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (mut seen, worth) = drawn(&space, 120, 0.0005, &mut rng);
    let held_back = seen.split_off(90);
    let surrogate = Surrogate::fit(&space, &seen).expect("figures");
    let told = error(held_back.iter().map(|seen| surrogate.expect(&seen.architecture).mean), &worth[90..]);
    let middle = worth.iter().sum::<f64>() / 120.0;
    let constant = error(std::iter::repeat(middle), &worth[90..]);
    assert!(told < 0.4 * constant, "{told} of {constant}");
    let deviations = held_back.iter().map(|seen| surrogate.expect(&seen.architecture).deviation);
    assert!(deviations.min_by(f64::total_cmp) > Some(0.0));
}

#[test]
fn figures_of_more_trainings_count_for_more() {
    let space = space();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (mut seen, worth) = drawn(&space, 40, 0.003, &mut rng);
    let before = Surrogate::fit(&space, &seen).expect("figures").expect(&seen[0].architecture);
    for _ in 0..30 {
        let loss = worth[0] + 0.003 * rng.sample::<f64, _>(StandardNormal);
        seen[0].trainings.push(Told { fold: 0, log_loss: loss });
    }
    let surrogate = Surrogate::fit(&space, &seen).expect("figures");
    let after = surrogate.expect(&seen[0].architecture);
    assert!(after.deviation < 0.5 * before.deviation, "{after:?} {before:?}");
    assert!((after.mean - worth[0]).abs() < 0.002);
    // With so many of one, the noise is known.
    assert!((0.002..0.004).contains(&surrogate.noise()), "{}", surrogate.noise());
}

#[test]
fn what_failed_and_what_is_all_alike_is_expected_soberly() {
    let space = space();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (mut seen, _) = drawn(&space, 20, 0.001, &mut rng);
    seen[3].trainings[0].log_loss = f64::INFINITY;
    seen[4].trainings[0].log_loss = 90.0;
    let surrogate = Surrogate::fit(&space, &seen).expect("figures");
    let told = seen.iter().map(|seen| surrogate.expect(&seen.architecture));
    for expected in told {
        assert!((0.3..0.7).contains(&expected.mean) && expected.deviation.is_finite(), "{expected:?}");
    }
    for seen in &mut seen {
        seen.trainings[0].log_loss = 0.5;
    }
    let expected = Surrogate::fit(&space, &seen).expect("figures").expect(&seen[0].architecture);
    assert!((expected.mean - 0.5).abs() < 1e-6 && expected.deviation < 1e-6, "{expected:?}");
    assert!(Surrogate::fit(&space, &seen[..1]).is_none());
    assert!(Surrogate::fit(&space, &[]).is_none());
    seen[..5].iter_mut().for_each(|seen| seen.trainings[0].log_loss = f64::INFINITY);
    assert!(Surrogate::fit(&space, &seen[..5]).is_none(), "nothing is known where all failed");
}

/// What the validation part likes of each architecture beside what it is worth is told from that by what other folds say of some.
#[test]
fn what_only_the_rows_of_one_fold_like_is_not_expected() {
    let space = space();
    let (mut nearer, mut told_rows) = (0.0, 0.0);
    for seed in 0..8 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut seen, worth) = drawn(&space, 60, 0.0, &mut rng);
        // Of each fold, how much it likes each switch, and how hard it is.
        let likes: Vec<Vec<f64>> =
            (0..4).map(|_| (0..11).map(|_| 0.001 * rng.sample::<f64, _>(StandardNormal)).collect()).collect();
        let on = |architecture: &Architecture, fold: usize| {
            let each = architecture.made().iter().zip(&likes[fold]).map(|(made, like)| match made {
                Some(Made::One(one)) => f64::from(*one) * like,
                _ => 0.0,
            });
            each.sum::<f64>() + 0.1 * fold as f64
        };
        for (at, (seen, worth)) in seen.iter_mut().zip(&worth).enumerate() {
            let folds = if at % 3 == 0 { 0..4 } else { 0..1 };
            let each = folds.map(|fold| {
                let luck = 0.0005 * rng.sample::<f64, _>(StandardNormal);
                Told { fold, log_loss: worth + on(&seen.architecture, fold) + luck }
            });
            seen.trainings = each.collect();
        }
        let surrogate = Surrogate::fit(&space, &seen).expect("figures");
        told_rows += surrogate.of_rows().expect("several folds judged") / 8.0;
        // All of the fold that told them, so that only how they differ counts.
        let apart = |told: Vec<f64>| {
            let middle = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
            let (level, real) = (middle(&told), middle(&worth));
            error(told.iter().map(|told| told - level + real), &worth)
        };
        let first: Vec<Seen> = seen
            .iter()
            .map(|seen| Seen::on_validation(seen.architecture.clone(), [seen.trainings[0].log_loss]))
            .collect();
        let only = Surrogate::fit(&space, &first).expect("figures");
        let expected =
            |surrogate: &Surrogate| apart(seen.iter().map(|seen| surrogate.expect(&seen.architecture).mean).collect());
        nearer += expected(&surrogate) / expected(&only) / 8.0;
    }
    assert!(nearer < 0.75, "as far from the truth as with one fold, times {nearer}");
    assert!((0.0005..0.006).contains(&told_rows), "{told_rows}");
}

#[test]
fn draws_are_of_what_is_expected() {
    let space = space();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let (seen, _) = drawn(&space, 30, 0.002, &mut rng);
    let surrogate = Surrogate::fit(&space, &seen).expect("figures");
    // One that was seen, one that was not, and the latter again.
    let other = space.sample(Counts::Uniform, &mut rng);
    let all = [seen[0].architecture.clone(), other.clone(), other];
    let draws: Vec<Vec<f64>> = (0..4_000).map(|_| surrogate.draw(&all, &mut rng)).collect();
    for (at, architecture) in all.iter().enumerate() {
        let mean = draws.iter().map(|draw| draw[at]).sum::<f64>() / 4_000.0;
        let square = draws.iter().map(|draw| (draw[at] - mean).powi(2)).sum::<f64>() / 4_000.0;
        let expected = surrogate.expect(architecture);
        assert!((mean - expected.mean).abs() < 0.1 * expected.deviation, "{mean} {expected:?}");
        assert!((square.sqrt() / expected.deviation - 1.0).abs() < 0.1, "{} {expected:?}", square.sqrt());
    }
    assert!(
        draws.iter().all(|draw| (draw[1] - draw[2]).abs() < 0.02 * surrogate.spread()),
        "what is alike is drawn alike"
    );
    assert!(surrogate.draw(&[], &mut rng).is_empty());
}

proptest! {
    #[test]
    fn a_factor_solves_what_it_is_of(n in 1usize..12, seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let half: Vec<f64> = (0..n * n).map(|_| rng.sample::<f64, _>(StandardNormal)).collect();
        let mut matrix = vec![0.0; n * n];
        for row in 0..n {
            for column in 0..n {
                matrix[row * n + column] = (0..n).map(|at| half[row * n + at] * half[column * n + at]).sum();
            }
            matrix[row * n + row] += 0.5;
        }
        let x: Vec<f64> = (0..n).map(|_| rng.sample::<f64, _>(StandardNormal)).collect();
        let right: Vec<f64> = (0..n).map(|row| (0..n).map(|at| matrix[row * n + at] * x[at]).sum()).collect();
        let found = Cholesky::of(matrix, n).expect("positive definite").solve(&right);
        for (found, x) in found.iter().zip(&x) {
            prop_assert!((found - x).abs() < 1e-6, "{found} {x}");
        }
    }
}
