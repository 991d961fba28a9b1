//! What is expected of architectures that were not trained, and of those that were, from noisy figures of some.
//!
//! A Gaussian process over the choices of a space: architectures that decide alike are expected to do alike. How fast that fades
//! with what they decide otherwise, and how much of a figure is the luck of one training, is not known; all of a grid of
//! answers are kept, each weighed by how well it explains the figures (Rasmussen and Williams, Gaussian Processes for Machine
//! Learning, 2006, sections 2.2 and 5.4; with repeated figures as in Binois et al., arXiv 1611.05902).

use nasrec_compiler::ir::{Choice, Made};
use nasrec_compiler::{Architecture, Space};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

/// How an architecture did: without what its logit does not depend on, and the log loss of each training.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub architecture: Architecture,
    pub losses: Vec<f64>,
}

/// What is expected of an architecture's log loss, luck left out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Of the log loss, in nats.
    pub mean: f64,
    /// How far it may be from that: a standard deviation.
    pub deviation: f64,
}

/// Architectures that are looked at: the best, where there are more.
const MOST: usize = 400;
/// What distances fade by, as shares of the mean distance, and how loud the noise is beside what there is to find. One is
/// expected, and factors of some three are no surprise.
const FADES: [f64; 6] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0];
const NOISES: [f64; 6] = [0.05, 0.2, 0.5, 1.0, 2.5, 8.0];
const SURPRISE: f64 = 1.1;

/// What figures tell of a space.
pub(super) struct Surrogate<'a> {
    choices: &'a [Choice],
    points: Vec<Architecture>,
    answers: Vec<Answer>,
}

/// What one answer of the grid makes of the figures.
struct Answer {
    weight: f64,
    fade: f64,
    mean: f64,
    /// Variance between architectures, and of a training.
    signal: f64,
    noise: f64,
    factor: Cholesky,
    /// The inverse of the covariances times what is left of the figures without their mean, and times ones.
    solved: Vec<f64>,
    ones: Vec<f64>,
}

impl<'a> Surrogate<'a> {
    /// Nothing where fewer than two were seen.
    pub fn fit(space: &'a Space, seen: &[Seen]) -> Option<Self> {
        let mut seen: Vec<&Seen> = seen.iter().filter(|seen| !seen.losses.is_empty()).collect();
        let limit = outlying(&seen)?;
        seen.sort_by(|a, b| mean(&a.losses).total_cmp(&mean(&b.losses)));
        seen.truncate(MOST);
        let choices = space.choices();
        let points: Vec<Architecture> = seen.iter().map(|seen| seen.architecture.clone()).collect();
        // What failed counts as bad, and not as infinitely bad.
        let losses = seen.iter().map(|seen| seen.losses.iter().map(|loss| loss.min(limit)).collect());
        let losses: Vec<Vec<f64>> = losses.collect();
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
        let data = Figures::of(&losses);
        let grid = FADES.iter().flat_map(|&fade| NOISES.iter().map(move |&noise| (fade, noise)));
        let mut answers: Vec<(f64, Answer)> = Vec::new();
        for (fade, ratio) in grid {
            let surprise = ((fade.ln() / SURPRISE).powi(2) + (ratio.ln() / SURPRISE).powi(2)) / 2.0;
            if let Some((likelihood, answer)) = data.answer(&distances, fade * usual, ratio) {
                answers.push((likelihood - surprise, answer));
            }
        }
        let best = answers.iter().map(|(likelihood, _)| *likelihood).max_by(f64::total_cmp)?;
        let weights: Vec<f64> = answers.iter().map(|(likelihood, _)| (likelihood - best).exp()).collect();
        let total: f64 = weights.iter().sum();
        let answers = answers.into_iter().zip(weights);
        let answers = answers.map(|((_, answer), weight)| Answer { weight: weight / total, ..answer });
        // Those that explain next to nothing change next to nothing.
        let answers: Vec<Answer> = answers.filter(|answer| answer.weight > 1e-4).collect();
        Some(Self { choices, points, answers })
    }

    /// What is expected of an architecture, without what its logit does not depend on.
    pub fn expect(&self, architecture: &Architecture) -> Expected {
        let distances = self.distances(architecture);
        let (mut weight, mut mean, mut square) = (0.0, 0.0, 0.0);
        for answer in &self.answers {
            let told = answer.expect(&distances);
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
        let near = architectures.iter().map(|architecture| answer.likeness(&self.distances(architecture)));
        let near: Vec<Vec<f64>> = near.collect();
        let solved: Vec<Vec<f64>> = near.iter().map(|near| answer.factor.solve(near)).collect();
        let left: Vec<f64> = near.iter().map(|near| 1.0 - dot(near, &answer.ones)).collect();
        let all: f64 = answer.ones.iter().sum();
        let n = architectures.len();
        let mut covariances = vec![0.0; n * n];
        for row in 0..n {
            for column in 0..=row {
                let apart = distance(self.choices, &architectures[row], &architectures[column]);
                let known = dot(&near[row], &solved[column]) - left[row] * left[column] / all;
                covariances[row * n + column] = (-apart / answer.fade).exp() - known;
            }
            // What is drawn twice is drawn alike, but for this.
            covariances[row * n + row] += 1e-6;
        }
        let means = near.iter().map(|near| answer.mean + dot(near, &answer.solved));
        let Some(factor) = Cholesky::of(covariances, n) else { return means.collect() };
        let luck: Vec<f64> = (0..n).map(|_| rng.sample(StandardNormal)).collect();
        let deviation = answer.signal.sqrt();
        means.enumerate().map(|(row, mean)| mean + deviation * dot(factor.row(row), &luck)).collect()
    }

    fn distances(&self, architecture: &Architecture) -> Vec<f64> {
        self.points.iter().map(|point| distance(self.choices, point, architecture)).collect()
    }

    /// Standard deviation of what one training comes to, about what its architecture is worth.
    pub fn noise(&self) -> f64 {
        self.deviation(|answer| answer.noise)
    }

    /// Standard deviation of what architectures are worth.
    pub fn spread(&self) -> f64 {
        self.deviation(|answer| answer.signal)
    }

    /// The root of the mean of a variance over all answers, whose weights add up to nearly 1.
    fn deviation(&self, variance: impl Fn(&Answer) -> f64) -> f64 {
        let weights: f64 = self.answers.iter().map(|answer| answer.weight).sum();
        let sum: f64 = self.answers.iter().map(|answer| answer.weight * variance(answer)).sum();
        (sum / weights).sqrt()
    }
}

impl Answer {
    fn likeness(&self, distances: &[f64]) -> Vec<f64> {
        distances.iter().map(|apart| (-apart / self.fade).exp()).collect()
    }

    /// Mean and variance, at these distances from what was seen; the mean of all is not known either.
    fn expect(&self, distances: &[f64]) -> (f64, f64) {
        let near = self.likeness(distances);
        let known = self.factor.solve(&near);
        let left = 1.0 - dot(&near, &self.ones);
        let variance = 1.0 - dot(&near, &known) + left * left / self.ones.iter().sum::<f64>();
        (self.mean + dot(&near, &self.solved), self.signal * variance.max(0.0))
    }
}

/// Figures of each architecture, as an answer is held against them.
struct Figures {
    means: Vec<f64>,
    counts: Vec<f64>,
    /// Of all figures about the means of their architectures.
    squares: f64,
}

impl Figures {
    fn of(losses: &[Vec<f64>]) -> Self {
        let means: Vec<f64> = losses.iter().map(|losses| mean(losses)).collect();
        let about = |(losses, mean): (&Vec<f64>, &f64)| losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>();
        let squares = losses.iter().zip(&means).map(about).sum();
        Self { means, counts: losses.iter().map(|losses| losses.len() as f64).collect(), squares }
    }

    /// The log likelihood of the figures where likeness fades so and noise has this ratio to the signal, and what follows.
    fn answer(&self, distances: &[f64], fade: f64, ratio: f64) -> Option<(f64, Answer)> {
        let n = self.means.len();
        let mut covariances: Vec<f64> = distances.iter().map(|apart| (-apart / fade).exp()).collect();
        for (at, count) in self.counts.iter().enumerate() {
            covariances[at * n + at] = 1.0 + ratio / count;
        }
        let factor = Cholesky::of(covariances, n)?;
        let ones = factor.solve(&vec![1.0; n]);
        let mean = dot(&ones, &self.means) / ones.iter().sum::<f64>();
        let left: Vec<f64> = self.means.iter().map(|value| value - mean).collect();
        let solved = factor.solve(&left);
        let all: f64 = self.counts.iter().sum();
        // Where all figures are equal, nothing is known of their variance; the smallest number keeps it above 0.
        let signal = ((dot(&left, &solved) + self.squares / ratio) / all).max(1e-18);
        let again = all - n as f64;
        let likelihood = -0.5 * (all * signal.ln() + factor.log_determinant() + again * ratio.ln());
        Some((likelihood, Answer { weight: 1.0, fade, mean, signal, noise: signal * ratio, factor, solved, ones }))
    }
}

/// From where on a figure is told as this: further above the middle than three times the better half is wide. Nothing where
/// there are fewer than two finite figures.
fn outlying(seen: &[&Seen]) -> Option<f64> {
    let means = seen.iter().map(|seen| mean(&seen.losses)).filter(|mean| mean.is_finite());
    let mut means: Vec<f64> = means.collect();
    means.sort_by(f64::total_cmp);
    let (Some(&least), Some(&middle)) = (means.first(), means.get(means.len() / 2)) else { return None };
    (seen.len() > 1 && means.len() > 1).then_some(middle + 3.0 * (middle - least))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
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

/// A positive definite matrix as the product of a lower triangle and its transpose.
struct Cholesky {
    lower: Vec<f64>,
    n: usize,
}

impl Cholesky {
    /// Nothing where it is not positive definite.
    fn of(mut matrix: Vec<f64>, n: usize) -> Option<Self> {
        for row in 0..n {
            for column in 0..=row {
                let (above, below) = matrix.split_at(row * n);
                let mut sum = below[column];
                if column < row {
                    let other = &above[column * n..=column * n + column];
                    sum -= below[..column].iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
                    matrix[row * n + column] = sum / other[column];
                } else {
                    sum -= below[..column].iter().map(|a| a * a).sum::<f64>();
                    if sum.is_nan() || sum <= 0.0 {
                        return None;
                    }
                    matrix[row * n + column] = sum.sqrt();
                }
            }
        }
        Some(Self { lower: matrix, n })
    }

    fn solve(&self, right: &[f64]) -> Vec<f64> {
        let (n, mut x) = (self.n, right.to_vec());
        for row in 0..n {
            let known = &self.lower[row * n..row * n + row];
            let sum: f64 = known.iter().zip(&x).map(|(a, b)| a * b).sum();
            x[row] = (x[row] - sum) / self.lower[row * n + row];
        }
        for row in (0..n).rev() {
            let value = x[row] / self.lower[row * n + row];
            x[row] = value;
            let column = &self.lower[row * n..row * n + row];
            x[..row].iter_mut().zip(column).for_each(|(left, a)| *left -= a * value);
        }
        x
    }

    /// A row of the triangle.
    fn row(&self, row: usize) -> &[f64] {
        &self.lower[row * self.n..=row * self.n + row]
    }

    fn log_determinant(&self) -> f64 {
        (0..self.n).map(|at| 2.0 * self.lower[at * self.n + at].ln()).sum()
    }
}

#[cfg(test)]
mod tests;
