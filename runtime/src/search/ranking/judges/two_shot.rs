//! Two-shot: the supernet judges paths that are drawn from all, and a copy is trained further on those that it likes alone, so that what they
//! share is theirs (as GreedyNAS does all along, You et al., arXiv 2003.11236).

use nasrec_compiler::recipe::Counts;
use rand::RngExt;

use super::super::drawn::Subject;
use super::super::further::Further;
use super::{InSupernet, further};
use crate::Result;
use crate::backend::Backend;

/// How many are drawn, and how many of them are trained further.
const DRAWN: u64 = 96;
const KEPT: usize = 24;

pub(super) fn judge<B: Backend>() -> InSupernet<B> {
    InSupernet {
        name: "two-shot",
        together: usize::MAX,
        of_others: false,
        is_asked: further,
        prepared: |setting| {
            let further = Further::new(setting)?;
            Ok(Box::new(move |subjects| {
                let liked = liked(&further)?;
                let mut rng = further.setting().job.streams().rng("ranking/two-shot/paths", 0);
                let params = further
                    .trained("on those that it likes", |_| liked[rng.random_range(0..liked.len())].live.clone())?;
                further.judged(&params, &subjects.iter().collect::<Vec<_>>())
            }))
        },
    }
}

/// The better quarter of some that are drawn, by the supernet.
fn liked<B: Backend>(further: &Further<'_, B>) -> Result<Vec<Subject>> {
    let setting = further.setting();
    let space = &setting.job.space;
    let drawn = (0..DRAWN).map(|draw| {
        let architecture = space.sample(Counts::Uniform, &mut setting.job.streams().rng("ranking/two-shot", draw));
        let (plan, live) = setting.job.selected(&architecture)?;
        Ok(Subject { plan, live })
    });
    let drawn = drawn.collect::<Result<Vec<Subject>>>()?;
    let scores = further.judged(setting.params, &drawn.iter().collect::<Vec<_>>())?;
    let mut each: Vec<(f64, Subject)> = scores.into_iter().zip(drawn).collect();
    each.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(each.into_iter().take(KEPT).map(|(_, subject)| subject).collect())
}
