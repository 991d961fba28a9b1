//! What is expected of architectures that were not trained, and of those that were, from noisy figures of some.
//!
//! A Gaussian process over the choices of a space: architectures that decide alike are expected to do alike. How fast that fades
//! with what they decide otherwise, and how much of a figure is the luck of one training, is not known; all of a grid of
//! answers are kept, each weighed by how well it explains the figures (Rasmussen and Williams, Gaussian Processes for Machine
//! Learning, 2006, sections 2.2, 2.7 and 5.4).
//!
//! Figures that were told on other rows have a level of their own, and what an architecture is worth there is in part that of the rows:
//! what all folds share is what is expected.

use nasrec_compiler::ir::{Choice, Made};
use nasrec_compiler::{Architecture, Space};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::cholesky::{Cholesky, dot};

/// How an architecture did: without what its logit does not depend on, and each of its trainings, of which the first is judged on
/// the validation part.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub architecture: Architecture,
    pub trainings: Vec<Told>,
}

/// What a training came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Told {
    /// On which rows it was judged: 0 is the validation part, and others are blocks that take its place.
    pub fold: usize,
    pub log_loss: f64,
}

impl Seen {
    /// Judged on the validation part each time.
    pub fn on_validation(architecture: Architecture, losses: impl IntoIterator<Item = f64>) -> Self {
        let trainings = losses.into_iter().map(|log_loss| Told { fold: 0, log_loss }).collect();
        Self { architecture, trainings }
    }

    /// Of each training.
    pub fn losses(&self) -> impl Iterator<Item = f64> {
        self.trainings.iter().map(|told| told.log_loss)
    }

    /// The mean of the trainings that were judged on the validation part.
    fn mean(&self) -> f64 {
        let told: Vec<f64> = self.trainings.iter().filter(|told| told.fold == 0).map(|told| told.log_loss).collect();
        mean(&told)
    }
}

/// What is expected of an architecture's log loss on the validation part, luck left out: that of its trainings, and where other rows
/// judged, that of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Of the log loss, in nats.
    pub mean: f64,
    /// How far it may be from that: a standard deviation.
    pub deviation: f64,
}

/// Trainings that are looked at: those of the best architectures, where there are more.
const MOST: usize = 400;
/// What distances fade by, as shares of the mean distance, and how loud the noise is beside what there is to find. One is
/// expected, and factors of some three are no surprise.
const FADES: [f64; 6] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0];
const NOISES: [f64; 6] = [0.05, 0.2, 0.5, 1.0, 2.5, 8.0];
const SURPRISE: f64 = 1.1;
/// How much of what there is to find on one fold there is to find on all; asked where more than one judged.
const SHARED: [f64; 4] = [0.25, 0.5, 0.75, 1.0];

/// What figures tell of a space.
pub(super) struct Surrogate<'a> {
    choices: &'a [Choice],
    points: Vec<Architecture>,
    /// The point of each training, and its fold.
    trainings: Vec<(usize, usize)>,
    answers: Vec<Answer>,
}

/// What one answer of the grid makes of the figures.
struct Answer {
    weight: f64,
    fade: f64,
    /// How much of the signal is common to all folds.
    shared: f64,
    /// Variance between architectures on one fold, and of a training.
    signal: f64,
    noise: f64,
    factor: Cholesky,
    /// The mean of each fold, and a factor of the precisions of these, in units of the signal.
    means: Vec<f64>,
    precisions: Cholesky,
    /// The inverse of the covariances times what is left of the figures without their means, and times ones at each fold's figures.
    solved: Vec<f64>,
    ones: Vec<Vec<f64>>,
}

impl<'a> Surrogate<'a> {
    /// Nothing where fewer than two were seen.
    pub fn fit(space: &'a Space, seen: &[Seen]) -> Option<Self> {
        let mut seen: Vec<&Seen> = seen.iter().filter(|seen| !seen.trainings.is_empty()).collect();
        let limit = outlying(&seen)?;
        seen.sort_by(|a, b| a.mean().total_cmp(&b.mean()));
        let mut taken = 0;
        seen.retain(|seen| {
            taken += seen.trainings.len();
            taken <= MOST
        });
        let choices = space.choices();
        let points: Vec<Architecture> = seen.iter().map(|seen| seen.architecture.clone()).collect();
        let harder = harder(&seen);
        let told = seen.iter().zip(0..).flat_map(|(seen, at)| seen.trainings.iter().map(move |told| (at, told)));
        // What failed counts as bad, and not as infinitely bad.
        let told = told.map(|(at, told)| ((at, told.fold), told.log_loss.min(limit + harder[told.fold])));
        let (trainings, losses): (Vec<(usize, usize)>, Vec<f64>) = told.unzip();
        let n = points.len();
        let mut distances = vec![0.0; n * n];
        let mut sum = 0.0;
        for (row, a) in points.iter().enumerate() {
            for (column, b) in points[..row].iter().enumerate() {
                let apart = distance(choices, a, b);
                distances[row * n + column] = apart;
                distances[column * n + row] = apart;
                sum += apart;
            }
        }
        let usual = (sum / (n * (n - 1) / 2) as f64).max(f64::MIN_POSITIVE);
        let figures = Figures { points: n, distances, trainings: &trainings, losses, folds: harder.len() };
        let shares = if harder.len() == 1 { &[1.0] } else { &SHARED[..] };
        let grid = FADES.iter().flat_map(|&fade| NOISES.iter().map(move |&noise| (fade, noise)));
        let grid: Vec<_> =
            grid.flat_map(|(fade, noise)| shares.iter().map(move |&share| (fade, noise, share))).collect();
        let answers = grid.into_par_iter().filter_map(|(fade, ratio, shared)| {
            let surprise = ((fade.ln() / SURPRISE).powi(2) + (ratio.ln() / SURPRISE).powi(2)) / 2.0;
            let (likelihood, answer) = figures.answer(fade * usual, ratio, shared)?;
            Some((likelihood - surprise, answer))
        });
        let answers: Vec<(f64, Answer)> = answers.collect();
        let best = answers.iter().map(|(likelihood, _)| *likelihood).max_by(f64::total_cmp)?;
        let weights: Vec<f64> = answers.iter().map(|(likelihood, _)| (likelihood - best).exp()).collect();
        let total: f64 = weights.iter().sum();
        let answers = answers.into_iter().zip(weights);
        let answers = answers.map(|((_, answer), weight)| Answer { weight: weight / total, ..answer });
        // Those that explain next to nothing change next to nothing.
        let answers: Vec<Answer> = answers.filter(|answer| answer.weight > 1e-4).collect();
        Some(Self { choices, points, trainings, answers })
    }

    /// What is expected of an architecture, without what its logit does not depend on.
    pub fn expect(&self, architecture: &Architecture) -> Expected {
        let distances = self.distances(architecture);
        let (mut weight, mut mean, mut square) = (0.0, 0.0, 0.0);
        for answer in &self.answers {
            let told = answer.expect(&distances, &self.trainings);
            weight += answer.weight;
            mean += answer.weight * told.0;
            square += answer.weight * (told.1 + told.0 * told.0);
        }
        mean /= weight;
        Expected { mean, deviation: (square / weight - mean * mean).max(0.0).sqrt() }
    }

    /// What architectures may be worth: one draw of all of them together, of one of the answers.
    pub fn draw(&self, architectures: &[Architecture], rng: &mut dyn Rng) -> Vec<f64> {
        let mut left: f64 = rng.random();
        let picked = self.answers.iter().find(|answer| {
            left -= answer.weight;
            left <= 0.0
        });
        let Some(answer) = picked.or(self.answers.last()) else { return vec![0.0; architectures.len()] };
        let near: Vec<Near> = architectures
            .iter()
            .map(|architecture| answer.near(&self.distances(architecture), &self.trainings))
            .collect();
        let n = architectures.len();
        let mut covariances = vec![0.0; n * n];
        for row in 0..n {
            for column in 0..=row {
                let apart = distance(self.choices, &architectures[row], &architectures[column]);
                covariances[row * n + column] =
                    answer.shared * (-apart / answer.fade).exp() - near[row].known(&near[column]);
            }
            // What is drawn twice is drawn alike, but for this.
            covariances[row * n + row] += 1e-6;
        }
        let means = near.iter().map(|near| answer.mean(near));
        let Some(factor) = Cholesky::of(covariances, n) else { return means.collect() };
        let luck: Vec<f64> = (0..n).map(|_| rng.sample(StandardNormal)).collect();
        let deviation = answer.signal.sqrt();
        means.enumerate().map(|(row, mean)| mean + deviation * dot(factor.row(row), &luck[..=row])).collect()
    }

    fn distances(&self, architecture: &Architecture) -> Vec<f64> {
        self.points.iter().map(|point| distance(self.choices, point, architecture)).collect()
    }

    /// Standard deviation of what one training comes to, about what its architecture is worth on the rows that it is judged on.
    pub fn noise(&self) -> f64 {
        self.deviation(|answer| answer.noise)
    }

    /// Standard deviation of what architectures are worth, on whatever rows.
    pub fn spread(&self) -> f64 {
        self.deviation(|answer| answer.signal * answer.shared)
    }

    /// Standard deviation of how much more or less they are worth on the rows of one fold; nothing where only one judged.
    pub fn of_rows(&self) -> Option<f64> {
        let several = self.trainings.iter().any(|&(_, fold)| fold > 0);
        several.then(|| self.deviation(|answer| answer.signal * (1.0 - answer.shared)))
    }

    /// The root of the mean of a variance over all answers, whose weights add up to nearly 1.
    fn deviation(&self, variance: impl Fn(&Answer) -> f64) -> f64 {
        let weights: f64 = self.answers.iter().map(|answer| answer.weight).sum();
        let sum: f64 = self.answers.iter().map(|answer| answer.weight * variance(answer)).sum();
        (sum / weights).sqrt()
    }
}

/// How an architecture lies to the trainings: its covariances with them, these solved for, and what of the means they do not tell, in
/// units in which the means are independent and of variance 1.
struct Near {
    covariances: Vec<f64>,
    solved: Vec<f64>,
    scaled: Vec<f64>,
}

impl Near {
    /// How much of the covariance of two architectures the trainings tell; the means are not known either.
    fn known(&self, other: &Self) -> f64 {
        dot(&self.covariances, &other.solved) - dot(&self.scaled, &other.scaled)
    }
}

impl Answer {
    /// At these distances from the points.
    fn near(&self, distances: &[f64], trainings: &[(usize, usize)]) -> Near {
        let likeness: Vec<f64> = distances.iter().map(|apart| self.shared * (-apart / self.fade).exp()).collect();
        let covariances: Vec<f64> = trainings.iter().map(|&(point, _)| likeness[point]).collect();
        let each = self.ones.iter().enumerate();
        let left: Vec<f64> =
            each.map(|(fold, ones)| f64::from(u8::from(fold == 0)) - dot(&covariances, ones)).collect();
        let (solved, scaled) = (self.factor.solve(&covariances), self.precisions.forward(&left));
        Near { covariances, solved, scaled }
    }

    fn mean(&self, near: &Near) -> f64 {
        self.means[0] + dot(&near.covariances, &self.solved)
    }

    /// Mean and variance, at these distances from the points.
    fn expect(&self, distances: &[f64], trainings: &[(usize, usize)]) -> (f64, f64) {
        let near = self.near(distances, trainings);
        (self.mean(&near), self.signal * (self.shared - near.known(&near)).max(0.0))
    }
}

/// Figures of trainings, as an answer is held against them.
struct Figures<'a> {
    points: usize,
    /// Between points.
    distances: Vec<f64>,
    trainings: &'a [(usize, usize)],
    losses: Vec<f64>,
    folds: usize,
}

impl Figures<'_> {
    /// The log likelihood of the figures where likeness fades so, noise has this ratio to the signal, and this share of that is common to
    /// all folds; and what follows.
    fn answer(&self, fade: f64, ratio: f64, shared: f64) -> Option<(f64, Answer)> {
        let n = self.trainings.len();
        let likeness: Vec<f64> = self.distances.iter().map(|apart| (-apart / fade).exp()).collect();
        let mut covariances = vec![0.0; n * n];
        for (row, &(point, fold)) in self.trainings.iter().enumerate() {
            for (column, &(other, other_fold)) in self.trainings[..=row].iter().enumerate() {
                let share = if fold == other_fold { 1.0 } else { shared };
                covariances[row * n + column] = share * likeness[point * self.points + other];
            }
            covariances[row * n + row] += ratio;
        }
        let factor = Cholesky::of(covariances, n)?;
        let of = |fold: usize, values: &[f64]| {
            let each = self.trainings.iter().zip(values).filter(|((_, other), _)| *other == fold);
            each.map(|(_, value)| value).sum::<f64>()
        };
        let indicator = |fold: usize| {
            let each = self.trainings.iter().map(|&(_, other)| f64::from(u8::from(other == fold)));
            each.collect::<Vec<f64>>()
        };
        let ones: Vec<Vec<f64>> = (0..self.folds).map(|fold| factor.solve(&indicator(fold))).collect();
        let precisions = (0..self.folds).flat_map(|fold| ones.iter().map(move |ones| of(fold, ones))).collect();
        let precisions = Cholesky::of(precisions, self.folds)?;
        let sums: Vec<f64> = ones.iter().map(|ones| dot(ones, &self.losses)).collect();
        let means = precisions.solve(&sums);
        let left = self.trainings.iter().zip(&self.losses).map(|(&(_, fold), loss)| loss - means[fold]);
        let left: Vec<f64> = left.collect();
        let solved = factor.solve(&left);
        // Where all figures are equal, nothing is known of their variance; the smallest number keeps it above 0.
        let signal = (dot(&left, &solved) / n as f64).max(1e-18);
        let likelihood = -0.5 * (n as f64 * signal.ln() + factor.log_determinant());
        let noise = signal * ratio;
        Some((likelihood, Answer { weight: 1.0, fade, shared, signal, noise, factor, means, precisions, solved, ones }))
    }
}

/// How much more log loss there is on each fold than on the validation part, in the middle of the trainings that both judged. Folds
/// are counted as they come: none is left out.
fn harder(seen: &[&Seen]) -> Vec<f64> {
    let folds = seen.iter().flat_map(|seen| &seen.trainings).map(|told| told.fold + 1).max().unwrap_or(1);
    let of = |fold: usize| {
        let each = seen.iter().flat_map(|seen| {
            let first = seen.mean();
            let on = seen.trainings.iter().filter(move |told| told.fold == fold);
            on.map(move |told| told.log_loss - first).filter(|more| more.is_finite())
        });
        let mut each: Vec<f64> = each.collect();
        each.sort_by(f64::total_cmp);
        each.get(each.len() / 2).copied().unwrap_or(0.0)
    };
    (0..folds).map(|fold| if fold == 0 { 0.0 } else { of(fold) }).collect()
}

/// From where on a figure is told as this: further above the middle than three times the better half is wide. Nothing where
/// there are fewer than two finite figures.
fn outlying(seen: &[&Seen]) -> Option<f64> {
    let means = seen.iter().map(|seen| seen.mean()).filter(|mean| mean.is_finite());
    let mut means: Vec<f64> = means.collect();
    means.sort_by(f64::total_cmp);
    let (Some(&least), Some(&middle)) = (means.first(), means.get(means.len() / 2)) else { return None };
    (seen.len() > 1 && means.len() > 1).then_some(middle + 3.0 * (middle - least))
}

fn mean(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len() as f64
}

/// How many choices two architectures make differently: numbers as far as they are apart among those on offer, sets by what they do
/// not share.
pub(super) fn distance(choices: &[Choice], a: &Architecture, b: &Architecture) -> f64 {
    let each = choices.iter().zip(a.made().iter().zip(b.made())).map(|(choice, made)| match made {
        (None, None) => 0.0,
        (Some(Made::One(a)), Some(Made::One(b))) if !choice.offer.numbers().is_empty() => {
            let most = choice.offer.positions().saturating_sub(1).max(1);
            f64::from(a.abs_diff(*b)) / most as f64
        }
        (Some(Made::Set(a)), Some(Made::Set(b))) => {
            let (both, any) = ((a & b).count_ones(), (a | b).count_ones());
            if any == 0 { 0.0 } else { 1.0 - f64::from(both) / f64::from(any) }
        }
        (a, b) => f64::from(u8::from(a != b)),
    });
    each.sum()
}

mod cholesky;
#[cfg(test)]
mod tests;
