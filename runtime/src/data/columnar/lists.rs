//! Lists: the values that a row has of a column, as one text.

use nasrec_compiler::schema::List;

use super::chunk::Entries;
use super::kind::Kind;
use super::table::{Broken, Sound};

/// What the lists of a column are made of.
#[derive(Clone, Copy, Debug)]
pub(in crate::data) struct Elements {
    pub kind: Kind,
    /// From this level of definition on there is an element.
    pub from: i16,
    /// At this one it has a value.
    pub value: i16,
}

impl Elements {
    /// Texts of rows, with [`List::WITHIN`] between their elements; of an element that is null, and of a list of nothing,
    /// there is nothing. `levels` and `repeated` are those of all elements, `found` the values.
    pub fn join(
        self,
        levels: &[i16],
        repeated: &[i16],
        found: &Entries,
        there: &mut Vec<u32>,
        texts: &mut Entries,
    ) -> Sound<()> {
        if levels.len() != repeated.len() || repeated.first().is_some_and(|&first| first != 0) {
            return Err(Broken::new("lists whose levels do not fit each other"));
        }
        let (mut bytes, mut lengths) = (Vec::new(), Vec::<usize>::new());
        let mut values = found.iter();
        let mut begun = 0;
        for (&level, &again) in levels.iter().zip(repeated) {
            if again == 0 {
                begun = bytes.len();
                there.push(0);
            }
            if level < self.from {
                continue;
            }
            let first = there.last().is_some_and(|&there| there == 0);
            if first {
                lengths.push(0);
                there.iter_mut().next_back().into_iter().for_each(|there| *there = 1);
            } else {
                bytes.extend_from_slice(List::WITHIN.as_bytes());
            }
            if level == self.value {
                let value = values.next().ok_or_else(|| Broken::new("lists of more values than there are"))?;
                self.kind.scalar(value).write(&mut bytes);
            }
            if let Some(length) = lengths.last_mut() {
                *length = bytes.len() - begun;
            }
        }
        texts.of(bytes, &lengths)
    }
}
