//! What a run measures that searches nothing: how well architectures are ordered by what is said of them.

use std::collections::HashSet;

use nasrec_compiler::recipe::{Evaluate, Method, Recipe, Train};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::RunError;

/// How many architectures are ordered, against how many trainings of each, by which supernets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// Architectures that are judged.
    pub architectures: usize,
    /// Further ones that are trained once, for a model that learns from trainings; none, and there is no such model.
    pub others: usize,
    /// With how many seeds each that is judged is trained.
    pub seeds: u64,
    /// Supernets beside that of the recipe.
    pub variants: Vec<Variant>,
    /// Whether copies of each are trained further, split by a choice or on the paths that it likes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub further: bool,
}

/// A supernet that is trained, or asked, otherwise than the recipe says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// What it is called, as part of the name of a file.
    pub name: String,
    /// What was set, each `path=value`.
    pub settings: Vec<String>,
    /// Of all that is drawn for the supernet: its initial values, batches and paths.
    pub seed: u64,
    /// How it is trained.
    pub train: Train,
    /// How architectures are evaluated with it.
    pub evaluate: Evaluate,
}

/// Of an order of fewer nothing is known, and more are no study but a search.
const ARCHITECTURES: std::ops::RangeInclusive<usize> = 4..=1000;
const MOST_OTHERS: usize = 400;
const MOST_SEEDS: u64 = 20;
const MOST_VARIANTS: usize = 100;
/// No name is longer.
const LONGEST_NAME: usize = 40;

impl Variant {
    /// Of a recipe, by what it becomes with the settings.
    ///
    /// # Errors
    /// It changes more than how a supernet is trained and asked; its name is none of a file.
    pub fn new(name: &str, settings: Vec<String>, recipe: &Recipe, varied: Recipe) -> Result<Self> {
        let variant = Self {
            name: name.to_owned(),
            settings,
            seed: varied.seed,
            train: varied.train.clone(),
            evaluate: varied.evaluate.clone(),
        };
        variant.check()?;
        let (train, evaluate) = (recipe.train.clone(), recipe.evaluate.clone());
        let mut varied = varied;
        if recipe.method == Method::Auto {
            // Who says how a supernet is trained has one; here there is one in any case.
            varied.method = Method::Auto;
            varied.retrain.top = recipe.retrain.top;
        }
        // All are judged by the same trainings.
        if (Recipe { seed: recipe.seed, train, evaluate, ..varied }) != *recipe {
            return Err(refused(format!(
                "the variant `{name}` sets more than how its supernet is trained and asked: expected settings of `train`, of \
                 `evaluate`, of `space`, or `seed`"
            )));
        }
        Ok(variant)
    }

    /// Whether it sets what the space is, beside how a supernet of it is trained and asked.
    pub(crate) fn is_of_another_space(&self) -> bool {
        self.settings.iter().any(|setting| setting.trim_start().starts_with("space."))
    }

    fn check(&self) -> Result<()> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if self.name.is_empty() || self.name.len() > LONGEST_NAME || !self.name.chars().all(is_plain) {
            return Err(refused(format!(
                "`{}` is no name of a variant: expected up to {LONGEST_NAME} letters, digits, `_` and `-`",
                self.name
            )));
        }
        Ok(())
    }
}

impl Ranking {
    /// Whether it can be measured.
    ///
    /// # Errors
    /// Numbers that are too small or too large; two variants of one name.
    pub fn check(&self) -> Result<()> {
        if !ARCHITECTURES.contains(&self.architectures) {
            let (least, most) = (ARCHITECTURES.start(), ARCHITECTURES.end());
            return Err(refused(format!("{} architectures: expected {least} to {most}", self.architectures)));
        }
        if self.others > MOST_OTHERS || self.others == 1 {
            return Err(refused(format!("{} others: expected 0, or 2 to {MOST_OTHERS}", self.others)));
        }
        if !(1..=MOST_SEEDS).contains(&self.seeds) {
            return Err(refused(format!("{} seeds: expected 1 to {MOST_SEEDS}", self.seeds)));
        }
        if self.variants.len() > MOST_VARIANTS {
            return Err(refused(format!("{} variants: expected at most {MOST_VARIANTS}", self.variants.len())));
        }
        let mut names = HashSet::new();
        for variant in &self.variants {
            variant.check()?;
            if !names.insert(variant.name.as_str()) {
                return Err(refused(format!("there are two variants `{}`", variant.name)));
            }
        }
        Ok(())
    }
}

fn refused(what: String) -> crate::Error {
    RunError::Ranking { what }.into()
}
