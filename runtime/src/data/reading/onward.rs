//! Columns on their way to who learns nothing from them: what was learnt of other rows is brought to theirs, and texts go with them.

use rayon::prelude::*;

use super::columns::{Reader, Shared, locked};
use super::{Onward, Unreadable};
use crate::data::columnar::{Kind, Run};
use crate::data::fit::Completion;
use crate::data::kept::Kept;
use crate::data::table::{Dictionary, Scalar};

/// Rows that one task completes.
const TASK: usize = 1 << 8;

/// How the rows of columns go on, where they do.
pub(super) struct Going<'a> {
    pub onward: Option<&'a Onward<'a>>,
    pub completion: Option<Completion<'a>>,
    pub dictionaries: &'a [Shared],
}

impl Going<'_> {
    /// Begins a row group. What its columns hold is all that is remembered of a file.
    pub fn begin(&mut self) {
        if self.onward.is_some() {
            self.dictionaries.iter().for_each(|dictionary| Dictionary::clear(&mut locked(dictionary)));
            self.completion.iter_mut().for_each(Completion::forget);
        }
    }

    pub fn keeps_blank(&self) -> bool {
        self.onward.is_some_and(|onward| onward.unreadable == Unreadable::Blank)
    }

    /// The texts that go with rows, of which these are `wrong`.
    pub fn kept(&self, readers: &[Reader], count: usize, wrong: &[u32]) -> Kept {
        let keep = self.onward.map_or(&[][..], |onward| &onward.keep);
        let texts = keep.iter().filter_map(|&column| {
            readers.iter().find(|reader| reader.column == column)?.keeping.as_ref().map(|keeping| &keeping.texts)
        });
        let texts: Vec<&Kept> = texts.collect();
        let mut kept = Kept::new(texts.len());
        for row in (0..count).filter(|_| !texts.is_empty()) {
            if self.keeps_blank() || wrong.binary_search(&(row as u32)).is_err() {
                for column in &texts {
                    if column.is_missing(row) {
                        kept.push_missing();
                    } else {
                        column.row(row).for_each(|text| kept.push(text));
                    }
                }
            }
        }
        kept
    }

    /// Rows with what was learnt in them: records, where it is to be in them.
    pub fn completed(&mut self, rows: Vec<u8>, (stride, record): (usize, usize), wrong: &[u32]) -> Vec<u8> {
        let blank = self.keeps_blank();
        let Some(completion) = &mut self.completion else { return rows };
        for (index, dictionary) in self.dictionaries.iter().enumerate() {
            completion.learn([(index, &*locked(dictionary))]);
        }
        let completion = &*completion;
        let mut records = vec![0; rows.len() / stride * record];
        let tasks = records.par_chunks_mut(TASK * record).zip(rows.par_chunks(TASK * stride)).enumerate();
        tasks.for_each(|(task, (records, rows))| {
            let rows = rows.chunks_exact(stride).zip((task * TASK) as u32..);
            for (to, (row, index)) in records.chunks_exact_mut(record).zip(rows) {
                to.copy_from_slice(&row[..record]);
                if !(blank && wrong.binary_search(&index).is_ok()) {
                    completion.complete((row, None), to);
                }
            }
        });
        records
    }
}

/// The texts of a column, or its values as they are stored.
pub(super) struct Keeping {
    /// Of the rows of a slab.
    pub texts: Kept,
    text: Vec<u8>,
    stored: bool,
}

impl Keeping {
    pub fn new(stored: bool) -> Self {
        Self { texts: Kept::new(1), text: Vec::new(), stored }
    }

    pub fn add(&mut self, kind: Kind, run: &Run) {
        match run {
            Run::Dictionary(_) => {}
            Run::Coded(codes, entries) => codes.iter().for_each(|&code| self.put(kind, entries.get(code as usize))),
            Run::Plain(levels, values) => {
                let mut values = values.iter();
                levels.iter().for_each(|&level| self.put(kind, if level == 1 { values.next() } else { None }));
            }
        }
    }

    fn put(&mut self, kind: Kind, bytes: Option<&[u8]>) {
        if self.stored {
            match bytes {
                Some(bytes) => self.texts.push(bytes),
                None => self.texts.push_missing(),
            }
            return;
        }
        self.text.clear();
        bytes.map_or(Scalar::Missing, |bytes| kind.scalar(bytes)).write(&mut self.text);
        self.texts.push(&self.text);
    }
}
