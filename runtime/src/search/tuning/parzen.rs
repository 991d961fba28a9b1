//! Where to try next: a tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011) over the domains of settings.

use nasrec_compiler::recipe::Domain;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Of so many trials the first are spread evenly, before there is something to go by: a third of them, and no fewer than this.
const SPREAD: usize = 4;
/// The better part of what was tried, of which others are drawn.
const BETTER: f64 = 0.3;
/// Draws of which the one is taken that is likeliest among the better.
const DRAWN: usize = 24;

/// A loss, and the place that it is of.
pub(super) type Known<'a> = (f64, &'a [f64]);

/// The place to try next, from 0 to 1 in each domain: the first are spread out; then one that is likelier among the better third than
/// among the others.
pub(super) fn propose(
    domains: &[Domain],
    trials: u64,
    mut known: Vec<Known<'_>>,
    trial: u64,
    rng: &mut impl Rng,
) -> Vec<f64> {
    let spread = SPREAD.max(trials as usize / 3);
    if trial as usize <= spread || known.len() < 3 {
        return (0..domains.len()).map(|axis| halton(trial, axis)).collect();
    }
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let better = ((known.len() as f64 * BETTER).ceil() as usize).clamp(1, known.len() - 1);
    let (better, others) = known.split_at(better);
    let axes = domains.iter().enumerate().map(|(axis, domain)| {
        let on = |part: &[Known<'_>]| part.iter().map(|(_, places)| places[axis]).collect::<Vec<f64>>();
        Axis { domain, better: on(better), others: on(others) }
    });
    axes.map(|axis| axis.likeliest(rng)).collect()
}

/// The digits of a number in a base that is the axis' own, behind the point: evenly spread, whatever their count is.
fn halton(index: u64, axis: usize) -> f64 {
    const BASES: [u64; 8] = [2, 3, 5, 7, 11, 13, 17, 19];
    let base = BASES[axis % BASES.len()];
    let (mut left, mut place, mut scale) = (index, 0.0, 1.0);
    while left > 0 {
        scale /= base as f64;
        place += scale * (left % base) as f64;
        left /= base;
    }
    place
}

/// What was tried of one number.
struct Axis<'a> {
    domain: &'a Domain,
    better: Vec<f64>,
    others: Vec<f64>,
}

impl Axis<'_> {
    /// Of some draws around the better, the one that is likeliest among them beside the others.
    fn likeliest(&self, rng: &mut impl Rng) -> f64 {
        let drawn = (0..DRAWN).map(|_| self.draw(rng));
        let ratio = |place: f64| self.density(&self.better, place) / self.density(&self.others, place);
        let each: Vec<(f64, f64)> = drawn.map(|place| (ratio(place), place)).collect();
        each.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.5, |(_, place)| place)
    }

    /// Anywhere, once in as many as there are better ones and one; else around one of them.
    fn draw(&self, rng: &mut impl Rng) -> f64 {
        let which = rng.random_range(0..=self.better.len());
        let (Some(&around), None) = (self.better.get(which), self.domain.listed()) else {
            return match self.better.get(which) {
                Some(&around) => around,
                None => rng.random_range(0.0..1.0),
            };
        };
        let near: f64 = rng.sample(StandardNormal);
        (around + near * width(self.better.len())).clamp(0.0, 1.0)
    }

    /// How dense places lie: even, and around each of them.
    fn density(&self, places: &[f64], at: f64) -> f64 {
        let even = 1.0;
        let around: f64 = match self.domain.listed() {
            Some(values) => {
                let index = |place: f64| (place * values as f64) as usize;
                places.iter().filter(|place| index(**place) == index(at)).count() as f64 * values as f64
            }
            None => {
                let width = width(places.len());
                let bump = |place: &f64| {
                    (-((at - place) / width).powi(2) / 2.0).exp() / (width * std::f64::consts::TAU.sqrt())
                };
                places.iter().map(bump).sum()
            }
        };
        (even + around) / (1.0 + places.len() as f64)
    }
}

/// How far a bump reaches, of so many.
fn width(count: usize) -> f64 {
    0.5 / (1.0 + count as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use nasrec_compiler::recipe::{Knob, Tune};
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::model::settings;
    use super::*;

    /// Places that are proposed one after the other, where `loss` says how good each is.
    fn proposed(tune: &Tune, seed: u64, loss: impl Fn(&[f64]) -> f64) -> Vec<Vec<f64>> {
        let mut places: Vec<Vec<f64>> = Vec::new();
        for trial in 1..=tune.trials {
            let known: Vec<Known<'_>> = places.iter().map(|places| (loss(places), places.as_slice())).collect();
            let domains: Vec<Domain> = tune.over.iter().map(|(_, domain)| domain.clone()).collect();
            let next = propose(&domains, tune.trials, known, trial, &mut ChaCha8Rng::seed_from_u64(seed + trial));
            places.push(next);
        }
        places
    }

    fn tune(trials: u64, over: Vec<(Knob, Domain)>) -> Tune {
        Tune { trials, top: 1, over }
    }

    #[test]
    fn trials_come_nearer_to_what_is_best() {
        let over = vec![(Knob::Lr, Domain::Log(1e-4, 1e-1)), (Knob::Batch, Domain::OneOf(vec![64.0, 128.0, 256.0]))];
        let tune = tune(40, over);
        let best = |places: &[f64]| (places[0] - 0.7).powi(2) + if (places[1] * 3.0) as usize == 1 { 0.0 } else { 0.2 };
        let (mut first, mut last) = (0.0, 0.0);
        for seed in 0..10 {
            let places = proposed(&tune, 100 * seed, best);
            let mean = |part: &[Vec<f64>]| part.iter().map(|places| best(places)).sum::<f64>() / part.len() as f64;
            first += mean(&places[..13]);
            last += mean(&places[30..]);
        }
        assert!(last < 0.5 * first, "{first} {last}");
    }

    #[test]
    fn the_first_are_spread_evenly() {
        let places: Vec<f64> = (1..=7).map(|index| halton(index, 0)).collect();
        assert_eq!(places, [0.5, 0.25, 0.75, 0.125, 0.625, 0.375, 0.875]);
        assert_eq!([halton(1, 1), halton(2, 1), halton(3, 1)].map(|place| (place * 9.0).round()), [3.0, 6.0, 1.0]);
    }

    proptest! {
        #[test]
        fn what_is_proposed_is_within_its_domain(seed in 0u64..500, losses in prop::collection::vec(-1.0f64..1.0, 30)) {
            let over = vec![
                (Knob::Lr, Domain::Log(1e-4, 1e-1)),
                (Knob::Epochs, Domain::Integers(1.0, 3.0)),
                (Knob::LabelSmoothing, Domain::Uniform(0.0, 0.5)),
                (Knob::Schedule, Domain::OneOf(vec![0.0, 1.0])),
            ];
            let tune = tune(24, over);
            let places = proposed(&tune, seed, |places| losses[(places[0] * 29.0) as usize]);
            for places in places {
                let found = settings(&tune, &places);
                prop_assert!((1e-4..=1e-1).contains(&found[0].1));
                prop_assert!([1.0, 2.0, 3.0].contains(&found[1].1));
                prop_assert!((0.0..=0.5).contains(&found[2].1));
                prop_assert!([0.0, 1.0].contains(&found[3].1));
            }
        }
    }
}
