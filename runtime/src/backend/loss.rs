//! Binary cross-entropy on logits.

/// `relu(z) - z y + log1p(exp(-|z|))`, finite for every finite `z`.
pub fn cross_entropy(logit: f32, label: f32) -> f64 {
    let (z, y) = (f64::from(logit), f64::from(label));
    // Written so that NaN stays NaN.
    let positive = if z < 0.0 { 0.0 } else { z };
    positive - z * y + (-z.abs()).exp().ln_1p()
}

/// The derivative, `sigmoid(z) - y`.
pub fn cross_entropy_gradient(logit: f32, label: f32) -> f64 {
    let z = f64::from(logit);
    1.0 / (1.0 + (-z).exp()) - f64::from(label)
}

/// The loss and its derivative where the part of a click counts so many times: `w y log1p(exp(-z)) + (1 - y)
/// log1p(exp(z))`, as torch's `pos_weight`. That is the cross-entropy of another label, counted otherwise.
pub(crate) fn weighted(logit: f32, label: f32, weight: f64) -> (f64, f64) {
    if weight == 1.0 {
        return (cross_entropy(logit, label), cross_entropy_gradient(logit, label));
    }
    let clicks = weight * f64::from(label);
    let all = clicks + (1.0 - f64::from(label));
    let label = (clicks / all) as f32;
    (all * cross_entropy(logit, label), all * cross_entropy_gradient(logit, label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_may_count_more() {
        for z in [-30.0f32, -2.0, 0.0, 0.7, 30.0] {
            for (y, weight) in [(0.0f32, 3.0), (1.0, 3.0), (0.9, 3.0), (0.1, 0.25), (1.0, 1.0)] {
                let (z64, y64) = (f64::from(z), f64::from(y));
                let expected = weight * y64 * (-z64).exp().ln_1p() + (1.0 - y64) * z64.exp().ln_1p();
                let slope = -weight * y64 / (1.0 + z64.exp()) + (1.0 - y64) / (1.0 + (-z64).exp());
                let (loss, derivative) = weighted(z, y, weight);
                assert!((loss - expected).abs() < 1e-5 * expected.max(1.0), "{z} {y} {weight}: {loss} {expected}");
                assert!((derivative - slope).abs() < 1e-6 * weight.max(1.0), "{z} {y} {weight}: {derivative} {slope}");
            }
        }
    }

    #[test]
    fn stable_at_the_ends_and_right_between() {
        for z in [-100.0f32, -30.0, -3.0, -0.1, 0.0, 0.7, 5.0, 40.0, 1e4] {
            for y in [0.0f32, 1.0] {
                assert!(cross_entropy(z, y).is_finite());
                if z.abs() < 30.0 {
                    let p = 1.0 / (1.0 + (-f64::from(z)).exp());
                    let direct = if y == 1.0 { -p.ln() } else { -(1.0 - p).ln() };
                    assert!((cross_entropy(z, y) - direct).abs() < 1e-9);
                    let h = 1e-2f32;
                    let slope = (cross_entropy(z + h, y) - cross_entropy(z - h, y)) / f64::from((z + h) - (z - h));
                    assert!((cross_entropy_gradient(z, y) - slope).abs() < 1e-4);
                }
            }
        }
        assert!(cross_entropy(f32::NAN, 1.0).is_nan());
        assert_eq!(cross_entropy(1e4, 1.0), 0.0);
    }
}
