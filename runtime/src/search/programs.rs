//! Programs of paths that were drawn before, and what one of them teaches another.
//!
//! The key is the path as it was drawn, not its canonical form: to find that takes as long as to make the plan. Two
//! paths with one canonical form have equal programs, so all that is lost is the second one's planning.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use nasrec_compiler::Architecture;

use crate::Result;
use crate::backend::{Backend, Task, Trainable};
use crate::data::Batch;
use crate::run::Job;

/// Programs that are kept: some 50 MB of the largest space that ships.
pub(super) const KEPT: NonZeroUsize = NonZeroUsize::new(512).unwrap();

/// The programs that train the paths which were drawn last.
pub(super) struct Programs<'a, B: Backend> {
    job: &'a Job,
    backend: &'a B,
    kept: LruCache<Architecture, Arc<B::Program>>,
    /// The path that taught last, and what says what it holds likely.
    teacher: Option<(Architecture, B::Program)>,
}

impl<'a, B: Backend> Programs<'a, B> {
    pub fn new(job: &'a Job, backend: &'a B) -> Self {
        Self { job, backend, kept: LruCache::new(KEPT), teacher: None }
    }

    /// The program that trains all of a path.
    pub fn training(&mut self, path: Architecture) -> Result<Arc<B::Program>> {
        let (job, backend) = (self.job, self.backend);
        let made = self.kept.try_get_or_insert_ref(&path, || {
            let plan = Arc::new(job.plan(&path)?);
            let all = Trainable::all(&plan);
            Ok::<_, crate::Error>(Arc::new(backend.compile(Task::training(plan, &all)?)?))
        });
        made.cloned()
    }

    /// Puts what a path holds likely of a batch in place of this share of its labels. Statistics are those of the batch, as in a
    /// step; nothing is dropped out.
    pub fn teach(&mut self, path: Architecture, share: f64, params: &B::Params, batch: &mut Batch) -> Result<()> {
        let backend = self.backend;
        let program = match self.teacher.take() {
            Some((known, program)) if known == path => program,
            _ => backend.compile(Task::evaluating(Arc::new(self.job.plan(&path)?))?)?,
        };
        let mut copies = backend.copies(&program, params)?;
        if backend.task(&program).keeps_statistics() {
            backend.recalibrate(&program, &mut copies, params, batch, 1.0)?;
        }
        let logits = backend.logits(&program, &copies, params, batch)?;
        let rows = batch.rows;
        for (head, logits) in backend.task(&program).plan().told().iter().zip(&logits) {
            let labels = batch.labels.iter_mut().skip(head.label * rows).take(rows);
            for (label, &logit) in labels.zip(logits) {
                let held = 1.0 / (1.0 + (-f64::from(logit)).exp());
                let taught = (1.0 - share) * f64::from(*label) + share * held;
                // A path that is not finite teaches nothing.
                if taught.is_finite() {
                    *label = taught as f32;
                }
            }
        }
        self.teacher = Some((path, program));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use nasrec_compiler::loader::Memory;
    use nasrec_compiler::{ItemKind, Program};

    use super::*;
    use crate::backend::Tiled;
    use crate::supernet::{Keep, ParamDef, Store};

    const TEXT: &str = "schema t { label l; dense I[1..2]; sparse C[1..2]: int | modulo(rows: 5) }
space s {
  input numeric: dense
  input fields: categorical
  width w in [2, 4]
  let x = batch_norm(concat(numeric, flatten(embed(fields, 3))))
  logit = linear(dropout(relu(linear(x, w)), 50%), 1)
}
search a on s with t { data { synthetic { rows: 1_000 } } }";

    /// Of a share of 0 labels stay, of 1 they are the path's probabilities, and between them they lie between.
    #[test]
    fn labels_are_mixed_with_what_a_path_holds_likely() {
        let (program, found) = Program::load("t.nasrec", &Memory::new([("t.nasrec", TEXT)]));
        assert!(found.is_empty(), "{found:#?}");
        let search = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("a sound search");
        let job = Job::new(&search, ".").expect("it fits");
        let backend = Tiled::new(1).expect("a thread");
        let keep = Keep::for_optimiser(job.recipe.train.optimiser, job.recipe.embeddings.storage);
        let store = Store::kept(job.space.params().iter().map(ParamDef::from), 3, keep).expect("a store");
        let params = backend.load(store).expect("memory");
        let labels = vec![1.0, 0.0, 1.0, 0.0];
        let batch = Batch {
            rows: 4,
            numeric: vec![0.1, -0.3, 2.0, 0.7, -1.0, 0.4, 0.2, 0.9],
            ids: vec![0, 1, 2, 3, 4, 0, 1, 2],
            labels: labels.clone(),
            ..Batch::default()
        };
        let mut programs = Programs::new(&job, &backend);
        let path = job.space.sample(nasrec_compiler::recipe::Counts::Uniform, &mut job.streams().rng("a path", 0));
        let mut taught = |share: f64| {
            let mut batch = batch.clone();
            programs.teach(path.clone(), share, &params, &mut batch).expect("a path");
            batch.labels
        };
        assert_eq!(taught(0.0), labels);
        let (half, whole) = (taught(0.5), taught(1.0));
        assert_eq!(whole, taught(1.0), "nothing is drawn");
        assert!(whole.iter().all(|&held| held > 0.0 && held < 1.0), "{whole:?}");
        assert!(whole.windows(2).any(|pair| pair[0] != pair[1]), "{whole:?}");
        for ((half, whole), label) in half.iter().zip(&whole).zip(&labels) {
            assert!((half - (whole + label) / 2.0).abs() < 1e-6, "{half} {whole} {label}");
        }
    }
}
