//! Asks ways of judging for their scores, and writes down each: what the journal holds is not asked again.

use std::sync::Arc;
use std::time::Instant;

use super::super::fit::Workshop;
use super::super::retrain::Course;
use super::super::supernet::Supernet;
use super::drawn::Subject;
use super::judges::{InSupernet, Setting, Untrained};
use crate::backend::Backend;
use crate::data::Dataset;
use crate::run::{Entry, Job, Journal, Ranking};
use crate::{Result, Stage};

/// Who is judged, and with what.
pub(super) struct Judging<'a, B> {
    pub shop: Workshop<'a, B>,
    pub ranking: &'a Ranking,
    pub subjects: &'a [Subject],
}

impl<B: Backend> Judging<'_, B> {
    /// What a way says of each with the weights of a supernet; nothing where the recipe leaves it out.
    pub fn in_supernet(
        &self,
        judge: &InSupernet<B>,
        (variant, job): (Option<&str>, &Job),
        supernet: &Supernet<'_, B>,
        data: &Arc<Dataset>,
        journal: &mut Journal,
    ) -> Result<Option<Vec<f64>>> {
        if !(judge.is_asked)(job) {
            return Ok(None);
        }
        let many = if judge.of_others { self.subjects.len() } else { self.ranking.architectures };
        let mut scores = known(journal, judge.name, variant);
        if scores.len() < many {
            let title = variant.map_or_else(|| judge.name.to_owned(), |variant| format!("{variant}: {}", judge.name));
            let setting = Setting { shop: self.shop, job, data, params: supernet.params()? };
            let mut ask = (judge.prepared)(setting)?;
            self.asked(many, &mut scores, &title, judge.together, |subjects, scores| {
                let start = Instant::now();
                let told = ask(subjects)?;
                let seconds = start.elapsed().as_secs_f64() / subjects.len() as f64;
                for score in told {
                    write(journal, judge.name, variant, scores.len(), score, seconds)?;
                    scores.push(score);
                }
                Ok(())
            })?;
        }
        // Of others nothing is said: they are not looked at.
        scores.resize(self.subjects.len(), f64::INFINITY);
        Ok(Some(scores))
    }

    /// What a way says of each that needs nothing trained.
    pub fn untrained(&self, judge: &Untrained<B>, course: &Course<'_, B>, journal: &mut Journal) -> Result<Vec<f64>> {
        let mut scores = known(journal, judge.name, None);
        let ask = |subjects: &[Subject], scores: &mut Vec<f64>| {
            for subject in subjects {
                let start = Instant::now();
                let score = (judge.by)(course, &subject.plan)?;
                write(journal, judge.name, None, scores.len(), score, start.elapsed().as_secs_f64())?;
                scores.push(score);
            }
            Ok(())
        };
        self.asked(self.ranking.architectures, &mut scores, judge.name, 1, ask)?;
        scores.resize(self.subjects.len(), f64::INFINITY);
        Ok(scores)
    }

    /// Asks for the scores of those that have none yet, so many at a time.
    fn asked(
        &self,
        many: usize,
        scores: &mut Vec<f64>,
        title: &str,
        together: usize,
        mut ask: impl FnMut(&[Subject], &mut Vec<f64>) -> Result<()>,
    ) -> Result<()> {
        let Workshop { observer, stop, .. } = self.shop;
        let left = self.subjects.get(scores.len()..many).unwrap_or_default();
        if left.is_empty() {
            return Ok(());
        }
        observer.begin(Stage { name: title.to_owned(), total: Some(many as u64), unit: "architectures" });
        let result = left.chunks(together).try_for_each(|subjects| {
            stop.check()?;
            ask(subjects, scores)?;
            observer.progress(scores.len() as u64, "");
            Ok(())
        });
        observer.end();
        result
    }
}

/// What the journal holds of a way's scores, in the order of the architectures.
fn known(journal: &Journal, name: &str, of: Option<&str>) -> Vec<f64> {
    let scores = journal.entries().iter().filter_map(|entry| match entry {
        Entry::Judged { by, variant, score, .. } if by == name && variant.as_deref() == of => {
            Some(score.unwrap_or(f64::INFINITY))
        }
        _ => None,
    });
    scores.collect()
}

fn write(journal: &mut Journal, by: &str, variant: Option<&str>, at: usize, score: f64, seconds: f64) -> Result<()> {
    let (by, variant) = (by.to_owned(), variant.map(str::to_owned));
    journal.append(Entry::Judged {
        by,
        variant,
        index: at as u64,
        score: Some(score).filter(|s| s.is_finite()),
        seconds,
    })
}
