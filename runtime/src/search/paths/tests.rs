use std::collections::HashMap;

use nasrec_compiler::ir::{Choice, ChoiceId, Made, Takes, Word};
use nasrec_compiler::loader::Memory;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::{ItemKind, Program};
use proptest::prelude::*;

use super::sandwich::Slice;
use super::*;

/// Every kind of choice, some inside of others, in two block instances.
const MIXED: &str = "space s {
  input numeric: dense
  block b[1..2] after stem { dense = numeric } {
    width w in [16, 4, 8]
    width v in [2, 3, 5, 7]
    let x = concat(pick 1..2 from earlier.dense)
    let s = linear(x, 5)
    let a = choose {
      plain: linear(x, w)
      added: relu(linear(x, w)) + maybe linear(x, w)
      deep: linear(repeat 1..3 from s as h { linear(h, 5) + maybe linear(h, 5) }, w)
    }
    out dense = a + maybe linear(linear(x, v), w)
  }
  logit = linear(b[2].dense, 1)
}";

/// What is chosen here has to differ from what is chosen there.
const COUPLED: &str = "space s {
  input numeric: dense
  width w in [4, 8, 16]
  width v in [4, 8, 16]
  require w < v
  logit = linear(linear(linear(numeric, w), v), 1)
}";

fn space(text: &str) -> Space {
    let text = format!("schema t {{ label l; dense I[1..3] }}\n{text}");
    let (mut program, found) = Program::load("s.nasrec", &Memory::new([("s.nasrec", text)]));
    assert!(found.is_empty(), "{found:#?}");
    let schema = program.schema(&program.visible(ItemKind::Schema)[0]).expect("sound");
    program.space("s", &[], &schema).expect("sound")
}

fn step(at: u64, seed: u64) -> Step {
    Step { at, of: 1_000, streams: Streams::new(seed) }
}

fn fair() -> Fair {
    Fair { full_path: Length::Steps(0) }
}

/// A path is an architecture of the space: every choice that exists is made, no other is, and it has a plan.
fn is_legal(space: &Space, path: &Architecture) -> bool {
    let complete =
        (0..space.choices().len() as u32).map(ChoiceId).all(|id| path.get(id).is_some() == space.exists(path, id));
    complete && space.offers(path) && space.broken(path, None).is_none() && space.plan(path).is_ok()
}

/// Turns of a choice after which each of its options was used equally often.
fn block(choice: &Choice) -> usize {
    match choice.offer.takes() {
        Takes::One => choice.offer.positions(),
        Takes::Set { lo, hi } => (hi - lo + 1) * choice.offer.positions(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_option_is_used_equally_often_within_each_block(seed: u64) {
        let space = space(MIXED);
        let mut met: HashMap<usize, Vec<Made>> = HashMap::new();
        for at in 0..240 {
            let path = fair().path(&space, step(at, seed));
            prop_assert!(is_legal(&space, &path), "{path:?}");
            for (index, made) in path.made().iter().enumerate() {
                met.entry(index).or_default().extend(*made);
            }
        }
        prop_assert_eq!(met.len(), space.choices().len(), "each choice exists now and then");
        for (index, choice) in space.choices().iter().enumerate() {
            let size = block(choice);
            prop_assert!(met[&index].len() >= size, "{}", choice.name);
            for whole in met[&index].chunks_exact(size) {
                let each = (0..choice.offer.positions()).map(|at| whole.iter().filter(|made| made.has(at)).count());
                let each: Vec<usize> = each.collect();
                prop_assert!(each.iter().all(|&times| times == each[0] && times > 0), "{}: {each:?}", choice.name);
                if let Takes::Set { lo, hi } = choice.offer.takes() {
                    let sizes = (lo..=hi).map(|count| {
                        whole.iter().filter(|made| matches!(made, Made::Set(mask) if mask.count_ones() as usize == count)).count()
                    });
                    prop_assert!(sizes.into_iter().all(|times| times == choice.offer.positions()), "{}", choice.name);
                }
            }
        }
    }

    #[test]
    fn paths_are_functions_of_seed_and_step(seed: u64, at in 0u64..1_000) {
        let space = space(MIXED);
        let ways: [Box<dyn PathSampling>; 3] = [
            Box::new(fair()),
            Box::new(Sandwich { random: 2, counts: Counts::Uniform, full_path: Length::Share(0.2) }),
            Box::new(SingleOperatorAnyConnection { counts: Counts::Binomial(0.5), full_path: Length::Share(0.2) }),
        ];
        for way in ways {
            let path = way.path(&space, step(at, seed));
            way.path(&space, step(at + 1, seed));
            prop_assert_eq!(&path, &way.path(&space, step(at, seed)));
            prop_assert!(space.plan(&path).is_ok());
        }
    }

    /// In a sandwich all of a round learn from its largest; of other ways from the full path, which is the same in each step.
    #[test]
    fn paths_learn_from_one_that_is_no_smaller(seed: u64, random in 1u64..5) {
        let space = space(MIXED);
        let sandwich = Sandwich { random, counts: Counts::Uniform, full_path: Length::Steps(0) };
        for at in 0..3 * (random + 2) {
            let first = at - at % (random + 2);
            let largest = sandwich.path(&space, step(first, seed));
            prop_assert_eq!(sandwich.teacher(&space, step(at, seed)), (first < at).then_some(largest));
        }
        let fair = fair();
        let teacher = fair.teacher(&space, step(3, seed)).expect("the full path");
        prop_assert_eq!(fair.teacher(&space, step(4, seed)), Some(teacher.clone()));
        let size = |path: &Architecture| space.plan(path).expect("a plan").dense_params();
        prop_assert!(size(&fair.path(&space, step(3, seed))) <= size(&teacher));
    }

    #[test]
    fn a_sandwich_has_both_ends_and_random_paths_between(seed: u64, random in 1u64..5) {
        let space = space(MIXED);
        let way = Sandwich { random, counts: Counts::Uniform, full_path: Length::Steps(0) };
        for at in 0..3 * (random + 2) {
            let path = way.path(&space, step(at, seed));
            prop_assert!(is_legal(&space, &path), "{path:?}");
            let slice = way.slice(at);
            prop_assert_eq!(slice == Slice::Largest, at % (random + 2) == 0);
            prop_assert_eq!(slice == Slice::Smallest, at % (random + 2) == 1);
            for (choice, made) in space.choices().iter().zip(path.made()) {
                let Some(made) = made else { continue };
                let numbers = choice.offer.numbers();
                let largest = match (slice, choice.offer.word(), made) {
                    (Slice::Random, ..) | (_, Word::Choose, _) => continue,
                    (slice, Word::Maybe, made) => (slice == Slice::Largest) == made.has(1),
                    (Slice::Largest, _, Made::One(at)) => numbers.iter().max() == numbers.get(*at as usize),
                    (Slice::Smallest, _, Made::One(at)) => numbers.iter().min() == numbers.get(*at as usize),
                    (slice, _, Made::Set(mask)) => {
                        let (lo, hi) = choice.offer.takes().range();
                        mask.count_ones() as usize == if slice == Slice::Largest { hi } else { lo }
                    }
                };
                prop_assert!(largest, "{}: {made:?} in step {at}", choice.name);
            }
        }
    }

    #[test]
    fn what_is_required_of_choices_holds_of_every_path(seed: u64) {
        let space = space(COUPLED);
        let sandwich = Sandwich { random: 1, counts: Counts::Uniform, full_path: Length::Steps(0) };
        for at in 0..60 {
            for path in [fair().path(&space, step(at, seed)), sandwich.path(&space, step(at, seed))] {
                prop_assert!(is_legal(&space, &path), "{path:?}");
            }
        }
    }
}

#[test]
fn the_full_path_is_mixed_into_any_of_them() {
    let space = space(MIXED);
    let mut rng = Streams::new(3).rng("largest", 0);
    let train = |paths| Train {
        epochs: 1,
        batch: 1,
        optimiser: nasrec_compiler::recipe::Optimiser::Sgd { lr: 0.1, momentum: 0.0, decay: Default::default() },
        warmup: Length::Steps(0),
        schedule: nasrec_compiler::recipe::Schedule::Constant,
        clip: None,
        paths,
        full_path: Length::Share(1.0),
        distill: 0.0,
    };
    let ways = [
        Paths::SingleOperatorAnyConnection { counts: Counts::Uniform },
        Paths::Fair,
        Paths::Sandwich { random: 2, counts: Counts::Uniform },
    ];
    let size = |path: &Architecture| space.plan(path).expect("a plan").dense_params();
    for paths in ways {
        let recipe = train(paths);
        let largest = size(&largest(&recipe, &space, &mut rng));
        let sizes: Vec<u64> =
            (0..200).map(|at| size(&of(&recipe).path(&space, Step { of: 200, ..step(at, 9) }))).collect();
        assert_eq!(sizes[0], largest, "{paths:?}: it begins with the whole");
        assert!(
            sizes.iter().all(|&size| size <= largest) && sizes[150..].iter().any(|&size| size < largest / 2),
            "{paths:?}"
        );
    }
}
