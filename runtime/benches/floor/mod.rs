//! What this machine can do at best, measured between the rounds of a benchmark: the rate of matrix products and the
//! bandwidth of memory. A time is told as a multiple of its floor: multiply-accumulates over the one, or bytes over
//! the other, whichever takes longer.

#![allow(dead_code, reason = "each benchmark takes its part")]

use std::time::Instant;

use rayon::prelude::*;

/// Rows, inner size and columns of the product that tells the rate of multiply-accumulates.
const PRODUCT: [usize; 3] = [512, 1024, 1024];
/// Values of each of the two arrays that are copied between: larger than any cache.
const STREAM: usize = 1 << 25;

/// A machine under test, with the operands of its two probes.
pub struct Machine {
    pool: rayon::ThreadPool,
    operands: [Vec<f32>; 3],
    stream: [Vec<f32>; 2],
}

/// Multiply-accumulates and bytes a second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    pub macs: f64,
    pub bytes: f64,
}

impl Rates {
    /// The least seconds that this much work takes.
    pub fn floor(&self, macs: f64, bytes: f64) -> f64 {
        (macs / self.macs).max(bytes / self.bytes)
    }
}

impl Machine {
    pub fn new(threads: usize) -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let [m, k, n] = PRODUCT;
        let values = |len: usize| (0..len).map(|i| (i % 17) as f32 * 0.125 - 1.0).collect();
        Self {
            pool,
            operands: [values(m * k), values(k * n), vec![0.0; m * n]],
            stream: [values(STREAM), values(STREAM)],
        }
    }

    /// Seconds of one product, on all threads.
    pub fn product(&mut self) -> f64 {
        let [m, k, n] = PRODUCT;
        let threads = self.pool.current_num_threads();
        let [lhs, rhs, dst] = &mut self.operands;
        let start = Instant::now();
        // SAFETY: the three slices hold m k, k n and m n values, row-major, and `dst` is borrowed apart from the others.
        self.pool.install(|| unsafe {
            gemm::gemm(
                m,
                n,
                k,
                dst.as_mut_ptr(),
                1,
                n as isize,
                false,
                lhs.as_ptr(),
                1,
                k as isize,
                rhs.as_ptr(),
                1,
                n as isize,
                0.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::Rayon(threads),
            );
        });
        start.elapsed().as_secs_f64()
    }

    /// Multiply-accumulates of one such product.
    pub fn product_macs() -> f64 {
        PRODUCT.iter().product::<usize>() as f64
    }

    /// Bytes a second of copying between two large arrays, read and written bytes both counted; the best of three.
    pub fn bandwidth(&mut self) -> f64 {
        let [from, to] = &mut self.stream;
        let share = STREAM.div_ceil(self.pool.current_num_threads());
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let start = Instant::now();
            self.pool.install(|| {
                to.par_chunks_mut(share).zip(from.par_chunks(share)).for_each(|(to, from)| to.copy_from_slice(from));
            });
            best = best.min(start.elapsed().as_secs_f64());
        }
        8.0 * STREAM as f64 / best
    }

    /// Both rates, of a few runs each.
    pub fn rates(&mut self) -> Rates {
        let best = (0..20).map(|_| self.product()).fold(f64::INFINITY, f64::min);
        Rates { macs: Self::product_macs() / best, bytes: self.bandwidth() }
    }
}

/// The middle of some figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
