//! Logits brought to where their probabilities come true: Platt scaling (Platt 1999), or a temperature alone (Guo et al., ICML '17).

use nasrec_compiler::recipe::Calibrate;
use serde::{Deserialize, Serialize};

/// Newton's steps, at most: some ten are enough.
const STEPS: usize = 100;
/// Halvings of a step that makes the loss no smaller.
const HALVINGS: usize = 30;
/// The gradient, a mean over samples, below which nothing is left to gain.
const FLAT: f64 = 1e-10;

/// What is done to a logit: it is multiplied, and something is added.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Above 0, so that the order of samples stays; below 1 where predictions were too sure.
    pub scale: f64,
    /// Below 0 where more clicks were predicted than there were.
    pub offset: f64,
}

impl Scaling {
    /// The one whose probabilities have the least log loss on samples that the model has not learnt from. None where nothing can
    /// be said: all labels are one, logits are all alike or no numbers, or the order of samples would be turned around.
    ///
    /// What is fitted to are not 1 and 0, but `(c + 1) / (c + 2)` and `1 / (n + 2)` of `c` clicks and `n` others, as Platt has it:
    /// where logits tell the two apart without a mistake, there would be no end to the scale. Newton's method with halved steps
    /// (Lin, Lin and Weng, Machine Learning 2007), summed in the order of samples.
    pub fn fit(how: Calibrate, logits: &[f32], labels: &[f32]) -> Option<Self> {
        let clicks = labels.iter().filter(|&&label| label > 0.5).count() as f64;
        let others = labels.len() as f64 - clicks;
        let alike = logits.windows(2).all(|pair| pair[0] == pair[1]);
        if clicks == 0.0 || others == 0.0 || alike || logits.iter().any(|logit| !logit.is_finite()) {
            return None;
        }
        let targets = [1.0 / (others + 2.0), (clicks + 1.0) / (clicks + 2.0)];
        let samples = Samples { logits, labels, targets, span: Span::of(how, logits) };
        // From where no sample is told from another: there the loss bends, however large logits are.
        let offset = if how == Calibrate::Platt { (clicks / others).ln() } else { 0.0 };
        let mut found = Self { scale: 0.0, offset };
        let mut here = samples.around(found);
        for _ in 0..STEPS {
            let Some((step, slope)) = here.step(how) else { break };
            // A step that is too long is halved.
            let tried = (0..HALVINGS).map(|times| {
                let share = 0.5f64.powi(times as i32);
                let next = Self { scale: found.scale + share * step[0], offset: found.offset + share * step[1] };
                (share, next, samples.around(next))
            });
            let enough = |&(share, _, ref next): &(f64, Self, Around)| next.loss < here.loss + 1e-4 * share * slope;
            let Some((_, next, around)) = tried.into_iter().find(enough) else { break };
            (found, here) = (next, around);
        }
        Some(samples.span.undone(found)).filter(|found| found.is_sound())
    }

    /// Whether it is one that keeps the order of samples.
    pub fn is_sound(self) -> bool {
        self.scale > 0.0 && self.scale.is_finite() && self.offset.is_finite()
    }

    /// A logit after it.
    pub fn of(self, logit: f32) -> f32 {
        (self.scale * f64::from(logit) + self.offset) as f32
    }
}

/// Where logits are and how far apart: of what is 0 in the middle and about 1 wide a step is as long as it should be.
#[derive(Clone, Copy)]
struct Span {
    middle: f64,
    width: f64,
}

impl Span {
    fn of(how: Calibrate, logits: &[f32]) -> Self {
        let mean = |of: &dyn Fn(f64) -> f64| {
            logits.iter().map(|&logit| of(f64::from(logit))).sum::<f64>() / logits.len() as f64
        };
        // Without an offset what is 0 stays.
        let middle = if how == Calibrate::Platt { mean(&|logit| logit) } else { 0.0 };
        Self { middle, width: mean(&|logit| (logit - middle).powi(2)).sqrt() }
    }

    /// What a scaling of such is of logits.
    fn undone(self, Scaling { scale, offset }: Scaling) -> Scaling {
        let scale = scale / self.width;
        Scaling { scale, offset: offset - scale * self.middle }
    }
}

struct Samples<'a> {
    logits: &'a [f32],
    labels: &'a [f32],
    span: Span,
    /// What is fitted to in place of 0 and of 1.
    targets: [f64; 2],
}

/// The loss with a scaling, and how it changes with scale and offset: means over samples.
#[derive(Default)]
struct Around {
    loss: f64,
    gradient: [f64; 2],
    /// Twice by the scale, by both, twice by the offset.
    curvature: [f64; 3],
}

impl Samples<'_> {
    fn around(&self, Scaling { scale, offset }: Scaling) -> Around {
        let mut sum = Around::default();
        for (&logit, &label) in self.logits.iter().zip(self.labels) {
            let logit = (f64::from(logit) - self.span.middle) / self.span.width;
            let target = self.targets[usize::from(label > 0.5)];
            let scaled = scale * logit + offset;
            let probability = 1.0 / (1.0 + (-scaled).exp());
            let (off, bend) = (probability - target, probability * (1.0 - probability));
            sum.loss += scaled.max(0.0) + (-scaled.abs()).exp().ln_1p() - target * scaled;
            sum.gradient[0] += off * logit;
            sum.gradient[1] += off;
            sum.curvature[0] += bend * logit * logit;
            sum.curvature[1] += bend * logit;
            sum.curvature[2] += bend;
        }
        let count = self.logits.len() as f64;
        sum.loss /= count;
        sum.gradient.iter_mut().chain(&mut sum.curvature).for_each(|sum| *sum /= count);
        sum
    }
}

impl Around {
    /// Where to go, and how steeply the loss falls there; none at the bottom.
    fn step(&self, how: Calibrate) -> Option<([f64; 2], f64)> {
        // As flat as it may be, it bends a little.
        let [twice, both, offset] = [self.curvature[0] + 1e-12, self.curvature[1], self.curvature[2] + 1e-12];
        let [by_scale, by_offset] = self.gradient;
        let step = match how {
            Calibrate::Temperature => [-by_scale / twice, 0.0],
            Calibrate::Platt => {
                let area = twice * offset - both * both;
                [(both * by_offset - offset * by_scale) / area, (both * by_scale - twice * by_offset) / area]
            }
        };
        let steep = match how {
            Calibrate::Temperature => by_scale.abs(),
            Calibrate::Platt => by_scale.abs().max(by_offset.abs()),
        };
        let slope = step[0] * by_scale + step[1] * by_offset;
        (steep > FLAT && slope < 0.0 && slope.is_finite()).then_some((step, slope))
    }
}

#[cfg(test)]
mod tests {
    use nasrec_compiler::streams::Streams;
    use rand::RngExt;

    use super::*;
    use crate::train::{Calibration, auc, log_loss};

    /// Logits, and labels that come true as `true_logit` of each says.
    fn drawn(true_logit: impl Fn(f64) -> f64) -> (Vec<f32>, Vec<f32>) {
        let mut rng = Streams::new(3).rng("scaling", 0);
        let pairs = (0..20_000).map(|_| {
            let logit = rng.random_range(-4.0..4.0f64);
            let probability = 1.0 / (1.0 + (-true_logit(logit)).exp());
            (logit as f32, f32::from(u8::from(rng.random::<f64>() < probability)))
        });
        pairs.unzip()
    }

    #[test]
    fn what_was_planted_is_found() {
        let (logits, labels) = drawn(|logit| 0.5 * logit - 1.0);
        let found = Scaling::fit(Calibrate::Platt, &logits, &labels).expect("both labels are there");
        assert!((found.scale - 0.5).abs() < 0.02 && (found.offset + 1.0).abs() < 0.04, "{found:?}");
        let scaled: Vec<f32> = logits.iter().map(|&logit| found.of(logit)).collect();
        let (before, after) = (Calibration::of(&logits, &labels), Calibration::of(&scaled, &labels));
        assert!(after.error < 0.02 && before.error > 0.1, "{before:?} {after:?}");
        assert!((after.ratio - 1.0).abs() < 1e-3, "as many are expected as there are: {after:?}");
        // But for logits that rounding makes one.
        assert!((auc(&scaled, &labels) - auc(&logits, &labels)).abs() < 1e-6, "the order stays");
        // Nothing near it is better.
        let loss = |scaling: Scaling| {
            let scaled: Vec<f32> = logits.iter().map(|&logit| scaling.of(logit)).collect();
            log_loss(&scaled, &labels)
        };
        for (scale, offset) in [(0.01, 0.0), (-0.01, 0.0), (0.0, 0.01), (0.0, -0.01)] {
            assert!(loss(Scaling { scale: found.scale + scale, offset: found.offset + offset }) > loss(found));
        }

        let alone = Scaling::fit(Calibrate::Temperature, &logits, &labels).expect("both labels are there");
        assert_eq!(alone.offset, 0.0);
        assert!(loss(alone) < loss(Scaling { scale: 1.0, offset: 0.0 }) && loss(alone) > loss(found));
        let (logits, labels) = drawn(|logit| logit / 3.0);
        let alone = Scaling::fit(Calibrate::Temperature, &logits, &labels).expect("both labels are there");
        assert!((alone.scale - 1.0 / 3.0).abs() < 0.02, "{alone:?}");
    }

    #[test]
    fn what_is_told_apart_without_a_mistake_has_an_end() {
        let logits: Vec<f32> =
            (0..40).map(|sample| if sample < 10 { 3.0 } else { -2.0 } + sample as f32 / 100.0).collect();
        let labels: Vec<f32> = (0..40).map(|sample| f32::from(u8::from(sample < 10))).collect();
        let found = Scaling::fit(Calibrate::Platt, &logits, &labels).expect("both labels are there");
        // 11 / 12 and 1 / 32.
        let probability = |logit: f32| 1.0 / (1.0 + (-f64::from(found.of(logit))).exp());
        assert!(
            (probability(3.05) - 11.0 / 12.0).abs() < 0.01 && (probability(-1.75) - 1.0 / 32.0).abs() < 0.01,
            "{found:?}"
        );
        // Logits that are far beyond all probabilities come back.
        let far: Vec<f32> = logits.iter().map(|logit| logit * 1e6).collect();
        let found = Scaling::fit(Calibrate::Platt, &far, &labels).expect("both labels are there");
        assert!(found.scale < 1e-5, "{found:?}");
    }

    #[test]
    fn where_nothing_can_be_said_nothing_is() {
        for how in [Calibrate::Platt, Calibrate::Temperature] {
            let none =
                |logits: &[f32], labels: &[f32]| assert_eq!(Scaling::fit(how, logits, labels), None, "{logits:?}");
            none(&[], &[]);
            none(&[1.0, 2.0], &[1.0, 1.0]);
            none(&[1.0, 1.0], &[0.0, 1.0]);
            none(&[f32::NAN, 1.0], &[0.0, 1.0]);
            none(&[f32::INFINITY, 1.0], &[0.0, 1.0]);
            // Clicks have the smaller logits.
            let reversed: Vec<f32> = (0..40).map(|sample| sample as f32 / 10.0 - 2.0).collect();
            let labels: Vec<f32> = (0..40).map(|sample| f32::from(u8::from(sample < 20))).collect();
            none(&reversed, &labels);
        }
    }
}
