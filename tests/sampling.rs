//! What training draws costs what it should, and each choice is drawn as often as it should be.

use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::Sampling;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{ItemKind, Space};

use crate::support;

fn full() -> Space {
    let text = "import \"nasrec_full.nasrec\" { nasrec_full }\nimport \"schemas.nasrec\" { criteo }\n\
                search s on nasrec_full with criteo { data { files: \"none\" } }";
    let program = support::load(text);
    let search = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("a sound search");
    Space::bind(&search.space, &search.schema).expect("the schema fits")
}

fn mean_macs(space: &Space, full_path: f64, paths: u64) -> f64 {
    let sampling = Sampling { counts: Counts::Binomial(0.5), full_path };
    let macs = (0..paths).map(|index| {
        let path = space.sample_path(sampling, &mut Streams::new(1).rng("path", index));
        space.plan(&path).expect("every path has a plan").macs() as f64
    });
    macs.sum::<f64>() / paths as f64 / 1e6
}

#[test]
fn a_sampled_path_costs_two_million_macs_and_the_full_path_forty_three() {
    let space = full();
    let sampled = mean_macs(&space, 0.0, 2_000);
    assert!((1.8..2.0).contains(&sampled), "{sampled} MMACs");
    let full = mean_macs(&space, 1.0, 50);
    assert!((42.0..44.0).contains(&full), "{full} MMACs");
}

#[test]
fn each_choice_is_drawn_as_often_as_it_should_be() {
    let space = full();
    let draws = 4_000;
    let drawn: Vec<_> =
        (0..draws).map(|index| space.sample(Counts::Binomial(0.5), &mut Streams::new(4).rng("draw", index))).collect();
    for (at, choice) in space.choices().iter().enumerate() {
        let made = drawn.iter().map(|architecture| architecture.made()[at].expect("every choice is drawn"));
        // Of n sources, 1 + Binomial(min(n, 4) - 1, 1/2) are taken; a single pick takes one, and so does all else.
        let (lo, hi) = choice.offer.takes().range();
        let count = choice.offer.positions();
        let share = (lo + hi) as f64 / 2.0 / count as f64;
        let mut seen = vec![0u32; count];
        for made in made {
            (0..count).filter(|&position| made.has(position)).for_each(|position| seen[position] += 1);
        }
        // Five standard deviations of a binomial count.
        let spread = 5.0 * (draws as f64 * share * (1.0 - share)).sqrt();
        for (position, seen) in seen.into_iter().enumerate() {
            let off = f64::from(seen) - draws as f64 * share;
            assert!(off.abs() <= spread, "{} takes {position} {seen} times of {draws}", choice.name);
        }
    }
}
