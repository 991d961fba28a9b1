//! Programs of paths that were drawn before.
//!
//! The key is the path as it was drawn, not its canonical form: to find that takes as long as to make the plan. Two
//! paths with one canonical form have equal programs, so all that is lost is the second one's planning.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use nasrec_compiler::Architecture;

use super::job::Job;
use crate::Result;
use crate::ops::{Program, Trainable};

/// Programs that are kept: some 50 MB of the largest space that ships.
pub(super) const KEPT: NonZeroUsize = NonZeroUsize::new(512).unwrap();

/// The programs that train the paths which were drawn last.
pub(super) struct Programs<'a> {
    job: &'a Job,
    kept: LruCache<Architecture, Arc<Program>>,
}

impl<'a> Programs<'a> {
    pub fn new(job: &'a Job) -> Self {
        Self { job, kept: LruCache::new(KEPT) }
    }

    /// The program that trains all of a path.
    pub fn training(&mut self, path: Architecture) -> Result<Arc<Program>> {
        let job = self.job;
        let made = self.kept.try_get_or_insert_ref(&path, || {
            let plan = Arc::new(job.plan(&path)?);
            let all = Trainable::all(&plan);
            Ok::<_, crate::Error>(Arc::new(Program::training(plan, all)?))
        });
        made.cloned()
    }
}
