//! Programs of paths that were drawn before.
//!
//! The key is the path as it was drawn, not its canonical form: to find that takes as long as to make the plan. Two
//! paths with one canonical form have equal programs, so all that is lost is the second one's planning.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use nasrec_compiler::Architecture;

use crate::Result;
use crate::backend::{Backend, Task, Trainable};
use crate::run::Job;

/// Programs that are kept: some 50 MB of the largest space that ships.
pub(super) const KEPT: NonZeroUsize = NonZeroUsize::new(512).unwrap();

/// The programs that train the paths which were drawn last.
pub(super) struct Programs<'a, B: Backend> {
    job: &'a Job,
    backend: &'a B,
    kept: LruCache<Architecture, Arc<B::Program>>,
}

impl<'a, B: Backend> Programs<'a, B> {
    pub fn new(job: &'a Job, backend: &'a B) -> Self {
        Self { job, backend, kept: LruCache::new(KEPT) }
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
}
