//! Elementary functions with the same bits on every machine: sums, products and quotients of numbers of 64 bits in one order, where the
//! functions of a C library are rounded as each of them sees fit.
//!
//! What a row becomes and what is said of it rests on them here, and in C (`runtime/src/export/c/parts/elementary.c`), which computes the
//! same steps. Each is right to 4 units in the last place: of 20 million numbers none is another in 32 bits than by the C library.

/// The logarithm of 2 in two parts: the first has zeros at its end, so that whole multiples up to 2^11 of it are exact.
const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
/// Added and taken away, it leaves the nearest whole number of what is much smaller.
const WHOLE: f64 = 6_755_399_441_055_744.0;
/// `1 / n!` from 13 down to 0.
const FACTORIALS: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// `1 / (1 + e^-x)`.
pub(crate) fn logistic(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    // Beyond, it is 0 or 1 in 32 bits.
    let t = if x > 700.0 {
        -700.0
    } else if x < -700.0 {
        700.0
    } else {
        -x
    };
    let n = (t * std::f64::consts::LOG2_E + WHOLE) - WHOLE;
    let r = (t - n * LN_2[0]) - n * LN_2[1];
    let power = FACTORIALS.iter().fold(0.0, |sum, factor| sum * r + factor);
    let of_two = f64::from_bits(((n as i64 + 1023) as u64) << 52);
    1.0 / (1.0 + power * of_two)
}

/// The logarithm of `1 + x`; of -1 infinity below zero, of less none.
pub(crate) fn log1p(x: f64) -> f64 {
    if x.is_nan() || x < -1.0 {
        return f64::NAN;
    }
    if x == -1.0 {
        return f64::NEG_INFINITY;
    }
    if x == f64::INFINITY || x.abs() < 1.110_223_024_625_156_5e-16 {
        return x;
    }
    let u = 1.0 + x;
    // What `u` was rounded by, over `u`.
    let lost = (if x < 1.0 { x - (u - 1.0) } else { 1.0 - (u - x) }) / u;
    logarithm(u, lost)
}

/// The logarithm of a number of 32 bits: of 0 infinity below zero, of less none.
pub(crate) fn ln(x: f32) -> f32 {
    match x {
        _ if x.is_nan() || x < 0.0 => f32::NAN,
        0.0 => f32::NEG_INFINITY,
        f32::INFINITY => x,
        // Whatever has 32 bits is a normal number of 64.
        _ => logarithm(f64::from(x), 0.0) as f32,
    }
}

/// The logarithm of a normal number, and a small share of it more.
fn logarithm(u: f64, lost: f64) -> f64 {
    // `u` is `m` times a power of two, `m` about 1.
    let bits = u.to_bits();
    let (mut k, mut m) =
        ((bits >> 52) as i64 - 1023, f64::from_bits((bits & 0xf_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000));
    if m > std::f64::consts::SQRT_2 {
        (k, m) = (k + 1, m * 0.5);
    }
    // ln m = 2 artanh s = 2 (s + s^3 / 3 + s^5 / 5 + …)
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let (z, twice) = (s * s, 2.0 * s);
    let mut sum = 0.0;
    for odd in (3..=25).rev().step_by(2) {
        sum = (sum + 1.0 / f64::from(odd)) * z;
    }
    let k = k as f64;
    k * LN_2[0] + (twice + (twice * sum + (k * LN_2[1] + lost)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many numbers of 64 bits there are between two of one sign.
    fn apart(a: f64, b: f64) -> u64 {
        if a == b { 0 } else { a.to_bits().abs_diff(b.to_bits()) }
    }

    #[test]
    fn they_are_right_to_the_last_places() {
        let mut at = 0x9e37_79b9_7f4a_7c15u64;
        let mut drawn = || {
            at ^= at << 13;
            at ^= at >> 7;
            at ^= at << 17;
            (at >> 11) as f64 / (1u64 << 53) as f64
        };
        for _ in 0..200_000 {
            let x = (drawn() - 0.5) * 80.0;
            let by_library = 1.0 / (1.0 + (-x).exp());
            assert!(apart(logistic(x), by_library) <= 6 && logistic(x) as f32 == by_library as f32, "{x}");
            let x = (drawn() * 1200.0 - 200.0).exp2();
            assert!(apart(log1p(x), x.ln_1p()) <= 4, "{x}");
            let x = drawn() * 2.0 - 1.0;
            assert!(apart(log1p(x), x.ln_1p()) <= 4, "{x}");
        }
        for _ in 0..200_000 {
            let x = ((drawn() * 276.0 - 149.0).exp2()) as f32;
            assert_eq!(ln(x), (f64::from(x).ln()) as f32, "{x}");
        }
        assert_eq!((ln(0.0), ln(1.0), ln(f32::INFINITY)), (f32::NEG_INFINITY, 0.0, f32::INFINITY));
        assert!(ln(-1.0).is_nan() && ln(f32::NAN).is_nan());
        for x in [0.0, 1e-300, 5e-17, 2f64.powi(-53), 1e-8, 0.5, 1.0, f64::MAX] {
            assert!(apart(log1p(x), x.ln_1p()) <= 4, "{x}");
            assert!(apart(log1p(-x.min(0.9)), (-x.min(0.9)).ln_1p()) <= 4, "{x}");
        }
        assert!(log1p(-0.0).is_sign_negative() && log1p(-1.5).is_nan() && log1p(f64::NAN).is_nan());
        assert_eq!([log1p(-1.0), log1p(f64::INFINITY)], [f64::NEG_INFINITY, f64::INFINITY]);
        assert_eq!([1e30, -1e30, 0.0].map(|x| logistic(x) as f32), [1.0, 0.0, 0.5]);
        assert_eq!([f64::INFINITY, f64::NEG_INFINITY].map(|x| logistic(x) as f32), [1.0, 0.0]);
        assert!(logistic(f64::NAN).is_nan());
    }

    /// Of other machines too: what is written down here was computed on x86-64.
    #[test]
    fn bits_are_those_of_every_machine() {
        let found = [logistic(0.3), logistic(-7.25), logistic(88.0), log1p(0.3), log1p(-0.75), log1p(12_345.678)];
        assert_eq!(found.map(f64::to_bits), BITS, "{:#018x?}", found.map(f64::to_bits));
    }

    const BITS: [u64; 6] = [
        0x3fe2_61d5_45e4_6a8b,
        0x3f47_4125_93d9_8a3d,
        0x3ff0_0000_0000_0000,
        0x3fd0_ca93_7be1_b9dc,
        0xbff6_2e42_fefa_39ef,
        0x4022_d79f_f745_b2fd,
    ];
}
