//! One architecture: a value for each choice.

use serde::{Deserialize, Serialize};

use crate::ir::{ChoiceId, Made};

/// The values of a space's choices, in their order; `None` for a choice that does not exist or does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Architecture {
    made: Vec<Option<Made>>,
}

impl Architecture {
    /// One value for each choice of its space, in their order.
    pub fn new(made: Vec<Option<Made>>) -> Self {
        Self { made }
    }

    /// The value of each choice, in the order of the space's choices.
    pub fn made(&self) -> &[Option<Made>] {
        &self.made
    }

    /// The value of a choice.
    ///
    /// # Panics
    /// If its space has no such choice.
    pub fn get(&self, choice: ChoiceId) -> Option<Made> {
        self.made[choice.index()]
    }

    /// Changes the value of a choice.
    ///
    /// # Panics
    /// If its space has no such choice.
    pub fn set(&mut self, choice: ChoiceId, value: Option<Made>) {
        self.made[choice.index()] = value;
    }
}

/// Serialised compactly for journals: `3` is a position, `"5"` a set as a mask in hexadecimal, `null` nothing.
impl Serialize for Architecture {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.made.iter().map(|made| match made {
            None => Code::Open(()),
            Some(Made::One(one)) => Code::One(*one),
            Some(Made::Set(mask)) => Code::Set(format!("{mask:x}")),
        });
        serializer.collect_seq(values)
    }
}

impl<'de> Deserialize<'de> for Architecture {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let codes = Vec::<Code>::deserialize(deserializer)?;
        let made = codes.into_iter().map(|code| match code {
            Code::Open(()) => Ok(None),
            Code::One(one) => Ok(Some(Made::One(one))),
            Code::Set(mask) => {
                u64::from_str_radix(&mask, 16).map(|mask| Some(Made::Set(mask))).map_err(serde::de::Error::custom)
            }
        });
        Ok(Self { made: made.collect::<Result<_, _>>()? })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Code {
    Open(()),
    One(u32),
    Set(String),
}
