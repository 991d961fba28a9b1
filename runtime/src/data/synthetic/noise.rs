//! The click probability of a logit to which noise is added that nobody sees.

/// Steps of the quadrature a standard deviation, and standard deviations covered on either side. The trapezoid rule on
/// a smooth integrand that vanishes at both ends converges exponentially: the error is below 1e-9.
const STEPS: i32 = 4;
const REACH: i32 = 7;

/// Probabilities are kept away from certainty, so that their logarithms stay finite.
const CERTAIN: f64 = 1e-6;

/// Gaussian noise on a logit.
#[derive(Debug)]
pub(super) struct Noise {
    /// (offset of the logit, weight), the weights summing to 1.
    nodes: Vec<(f64, f64)>,
}

impl Noise {
    pub fn new(deviation: f64) -> Self {
        if deviation == 0.0 {
            return Self { nodes: vec![(0.0, 1.0)] };
        }
        let at = |step: i32| f64::from(step) / f64::from(STEPS);
        let density = |z: f64| (-0.5 * z * z).exp();
        let total: f64 = (-REACH * STEPS..=REACH * STEPS).map(|step| density(at(step))).sum();
        let nodes = (-REACH * STEPS..=REACH * STEPS).map(|step| (deviation * at(step), density(at(step)) / total));
        Self { nodes: nodes.collect() }
    }

    /// Expectation of `sigmoid(logit + noise)`.
    pub fn probability(&self, logit: f64) -> f64 {
        let p: f64 = self.nodes.iter().map(|(offset, weight)| weight * sigmoid(logit + offset)).sum();
        p.clamp(CERTAIN, 1.0 - CERTAIN)
    }
}

pub(super) fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quadrature_agrees_with_a_fine_sum() {
        for deviation in [0.3, 1.0, 3.0] {
            let noise = Noise::new(deviation);
            for logit in [-4.0, -0.7, 0.0, 2.5] {
                let (mut sum, mut total) = (0.0, 0.0);
                for step in -100_000..=100_000 {
                    let z = f64::from(step) / 10_000.0;
                    let density = (-0.5 * z * z).exp();
                    sum += density * sigmoid(logit + deviation * z);
                    total += density;
                }
                let (found, exact) = (noise.probability(logit), sum / total);
                assert!((found - exact).abs() < 1e-7, "deviation {deviation}, logit {logit}: {found}, {exact}");
            }
        }
    }

    #[test]
    fn without_noise_it_is_the_sigmoid() {
        assert_eq!(Noise::new(0.0).probability(0.4), sigmoid(0.4));
        assert_eq!(Noise::new(0.0).probability(100.0), 1.0 - CERTAIN);
    }
}
