//! The update rules, and what each remembers.

use nasrec_compiler::recipe::{Decay, Optimiser};

use crate::simd::vectorised;

/// An update rule with its numbers for one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `a += g^2; w -= lr g / (sqrt(a) + eps)`, `a` starting at 0. Rowwise: a row of a table has one `a`, which grows by
    /// the mean of the squares of its active columns; dense parameters have one a value all the same.
    Adagrad {
        /// Learning rate of this step.
        lr: f64,
        /// Added to the root.
        eps: f64,
        /// Whether a row of a table has one sum.
        rowwise: bool,
    },
    /// `m += (1 - beta1) (g - m); v += (1 - beta2) (g^2 - v)`; `w -= lr m' / (sqrt(v') + eps)` with
    /// `m' = m / (1 - beta1^t)`, `v' = v / (1 - beta2^t)`, `t` counting all steps from 1: what is not active in a step
    /// does not move, its moments neither.
    Adam {
        /// Learning rate of this step.
        lr: f64,
        /// How much of the mean of gradients stays.
        beta1: f64,
        /// How much of the mean of squares stays.
        beta2: f64,
        /// Added to the root.
        eps: f64,
        /// `t`, from 1.
        step: u64,
        /// `L2`: `g += decay w` first, of a `g` that was clipped. `Decoupled`: `w -= lr decay w` first.
        decay: Decay,
    },
    /// `m = momentum m + g; w -= lr m`, where active.
    Sgd {
        /// Learning rate of this step.
        lr: f64,
        /// How much of `m` stays; 0 for plain steps.
        momentum: f64,
        /// As Adam's.
        decay: Decay,
    },
}

/// What an optimiser remembers from step to step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// Each step stands for itself.
    Nothing,
    /// One sum of squares a value.
    #[default]
    Squares,
    /// The same, but one a row of a table.
    RowSquares,
    /// One mean of gradients a value.
    Momentum,
    /// The mean of gradients and of their squares, of each value.
    Moments,
}

impl Memory {
    /// What this optimiser remembers.
    pub fn of(optimiser: Optimiser) -> Self {
        match optimiser {
            Optimiser::Adagrad { rowwise: false, .. } => Self::Squares,
            Optimiser::Adagrad { rowwise: true, .. } => Self::RowSquares,
            Optimiser::Adam { .. } => Self::Moments,
            Optimiser::Sgd { momentum, .. } => {
                if momentum == 0.0 {
                    Self::Nothing
                } else {
                    Self::Momentum
                }
            }
        }
    }

    /// Numbers a value of a dense parameter.
    pub fn of_value(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Squares | Self::RowSquares | Self::Momentum => 1,
            Self::Moments => 2,
        }
    }

    /// Numbers a row of a table of `dim` columns.
    pub fn of_row(self, dim: usize) -> usize {
        match self {
            Self::RowSquares => 1,
            _ => self.of_value() * dim,
        }
    }

    /// As checkpoints say it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Squares => "squares",
            Self::RowSquares => "squares of rows",
            Self::Momentum => "momentum",
            Self::Moments => "moments",
        }
    }
}

impl Rule {
    /// The rule of a recipe at this learning rate, in step `step` from 0.
    pub fn at(optimiser: Optimiser, lr: f64, step: u64) -> Self {
        match optimiser {
            Optimiser::Adagrad { eps, rowwise, .. } => Self::Adagrad { lr, eps, rowwise },
            Optimiser::Adam { beta1, beta2, eps, decay, .. } => Self::Adam { lr, beta1, beta2, eps, step, decay },
            Optimiser::Sgd { momentum, decay, .. } => Self::Sgd { lr, momentum, decay },
        }
    }

    /// What the rule needs to be remembered.
    pub fn memory(self) -> Memory {
        match self {
            Self::Adagrad { rowwise: false, .. } => Memory::Squares,
            Self::Adagrad { rowwise: true, .. } => Memory::RowSquares,
            Self::Adam { .. } => Memory::Moments,
            Self::Sgd { momentum: 0.0, .. } => Memory::Nothing,
            Self::Sgd { .. } => Memory::Momentum,
        }
    }

    /// What is the same for every value, worked out once.
    pub(crate) fn prepared(self, scale: f32) -> Prepared {
        let kernel = match self {
            Self::Adagrad { lr, eps, .. } => Kernel::Adagrad { lr: lr as f32, eps: eps as f32 },
            Self::Adam { lr, beta1, beta2, eps, step, .. } => {
                let power = |beta: f64| 1.0 - beta.powf(step as f64 + 1.0);
                Kernel::Adam {
                    lr: (lr / power(beta1)) as f32,
                    first: (1.0 - beta1) as f32,
                    second: (1.0 - beta2) as f32,
                    unbias: (1.0 / power(beta2).sqrt()) as f32,
                    eps: eps as f32,
                }
            }
            Self::Sgd { lr, momentum, .. } => Kernel::Sgd { lr: lr as f32, momentum: momentum as f32 },
        };
        let (l2, stays) = match self {
            Self::Adam { decay: Decay::L2(by), .. } | Self::Sgd { decay: Decay::L2(by), .. } => (by, 1.0),
            Self::Adam { lr, decay: Decay::Decoupled(by), .. } | Self::Sgd { lr, decay: Decay::Decoupled(by), .. } => {
                (0.0, 1.0 - lr * by)
            }
            _ => (0.0, 1.0),
        };
        Prepared { kernel, scale, l2: l2 as f32, stays: stays as f32, memory: self.memory() }
    }
}

/// A rule made ready for one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared {
    pub kernel: Kernel,
    /// Multiplies every gradient first.
    scale: f32,
    /// By how much of the value its gradient grows then; of Adam and gradient descent.
    pub l2: f32,
    /// How much of a value stays before it is moved.
    pub stays: f32,
    pub memory: Memory,
}

/// The numbers of a rule as its formulas use them, for every value the same.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kernel {
    Adagrad { lr: f32, eps: f32 },
    Adam { lr: f32, first: f32, second: f32, unbias: f32, eps: f32 },
    Sgd { lr: f32, momentum: f32 },
}

impl Prepared {
    /// Updates values and what is remembered of each, in place. Of the two memories, those that the rule does not have
    /// are empty.
    pub fn update(&self, gradients: &[f32], values: &mut [f32], first: &mut [f32], second: &mut [f32]) {
        vectorised(
            #[inline(always)]
            || self.each(gradients, values, first, second),
        );
    }

    /// The same, to be called where a whole loop is [`vectorised`].
    #[inline(always)]
    pub fn each(&self, gradients: &[f32], values: &mut [f32], first: &mut [f32], second: &mut [f32]) {
        let (scale, l2, stays) = (self.scale, self.l2, self.stays);
        let decayed = |gradient: &f32, value: f32| {
            let gradient = gradient * scale;
            // Not even a zero is added where there is nothing to add.
            if l2 == 0.0 { gradient } else { gradient + l2 * value }
        };
        let all = values.iter_mut().zip(gradients);
        match self.kernel {
            Kernel::Adagrad { lr, eps } => {
                for ((value, gradient), sum) in all.zip(first) {
                    let gradient = gradient * scale;
                    *sum += gradient * gradient;
                    *value -= lr * gradient / (sum.sqrt() + eps);
                }
            }
            Kernel::Adam { lr, first: a, second: b, unbias, eps } => {
                for (((value, gradient), m), v) in all.zip(first).zip(second) {
                    let gradient = decayed(gradient, *value);
                    *m += a * (gradient - *m);
                    *v += b * (gradient * gradient - *v);
                    *value = *value * stays - lr * *m / (v.sqrt() * unbias + eps);
                }
            }
            Kernel::Sgd { lr, momentum } if self.memory == Memory::Momentum => {
                for ((value, gradient), m) in all.zip(first) {
                    *m = momentum * *m + decayed(gradient, *value);
                    *value = *value * stays - lr * *m;
                }
            }
            Kernel::Sgd { lr, .. } => {
                all.for_each(|(value, gradient)| *value = *value * stays - lr * decayed(gradient, *value));
            }
        }
    }

    /// What a row's one sum of squares becomes with these gradients of its active columns.
    #[inline(always)]
    pub fn row_sum(&self, gradients: &[f32], sum: f32) -> f32 {
        let squares: f32 = gradients.iter().map(|gradient| (gradient * self.scale) * (gradient * self.scale)).sum();
        sum + squares / gradients.len() as f32
    }

    /// Updates some of a row's values, its sum of squares grown already.
    #[inline(always)]
    pub fn update_by_row(&self, gradients: &[f32], values: &mut [f32], sum: f32) {
        let Kernel::Adagrad { lr, eps } = self.kernel else { unreachable!("only Adagrad has one number a row") };
        let rate = lr / (sum.sqrt() + eps);
        values.iter_mut().zip(gradients).for_each(|(value, gradient)| *value -= rate * (gradient * self.scale));
    }
}
