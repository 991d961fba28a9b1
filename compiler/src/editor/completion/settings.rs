//! Settings of a search or a training: keys of the section at hand, and what is usually written after them.

use super::{Candidate, Completer, Sort};
use crate::check::{Baseline, ItemKind, setting_keys};
use crate::editor::completion::context::Inside;
use crate::names::Kind;

/// Values that can be written after a key, by the last part of the key.
const VALUES: [(&str, &[&str]); 15] = [
    (
        "optimiser",
        &[
            "adagrad(lr: 0.12, eps: 1e-2)",
            "adagrad(lr: 0.12, eps: 1e-2, rowwise: on)",
            "adam(lr: 1e-3, beta1: 0.9, beta2: 0.999)",
            "adamw(lr: 1e-3, weight_decay: 0.01)",
            "sgd(lr: 0.01, momentum: 0.9)",
        ],
    ),
    ("storage", &["f32", "bf16"]),
    ("l2", &["1e-6"]),
    ("schedule", &["cosine", "constant"]),
    ("stop", &["early(patience: 2, metric: auc)", "early(patience: 2, metric: log_loss)", "off"]),
    ("refit", &["on", "off"]),
    ("tests", &["3"]),
    ("calibrate", &["platt", "temperature", "off"]),
    ("clip", &["5", "value(1.0)", "off"]),
    ("stratified", &["on", "off"]),
    ("split", &["8:1:1", "by_time(8:1:1)", "by_group(8:1:1)", "by_part"]),
    ("warmup", &["10%"]),
    ("full_path", &["21%"]),
    (
        "paths",
        &[
            "single_operator_any_connection(counts: binomial(0.5))",
            "single_operator_any_connection(counts: uniform)",
            "fair",
            "sandwich(random: 2)",
        ],
    ),
    ("finetune", &["head(steps: 500, lr: 0.04)", "all(steps: 100, lr: 0.001)", "off"]),
];

impl Completer<'_> {
    pub(super) fn search(&mut self) {
        if self.reference() {
            return;
        }
        let statement: Vec<&str> = self.context.statement().iter().map(|token| token.text).collect();
        let top = self.context.inside() == Inside::Item;
        match statement.as_slice() {
            [] => self.keys(top),
            ["baseline", .., ","] | ["baseline"] if top => {
                self.items(Kind::Space, 1);
                self.add(Candidate::new(Baseline::TREES, Sort::Value).detail("gradient-boosted trees"));
            }
            ["require", .., "params", "."] => {
                for member in ["dense", "embedding"] {
                    self.add(Candidate::new(member, Sort::Member));
                }
            }
            ["require", .., ","] | ["require"] if top => {
                for cost in ["macs", "ops", "params.dense", "params.embedding"] {
                    self.add(Candidate::new(cost, Sort::Value).insert(format!("{cost} <= ")));
                }
            }
            [key, ":"] => {
                let values = VALUES.iter().find(|(known, _)| known == key).map_or(&[][..], |(_, values)| values);
                for value in values {
                    let label = value.split('(').next().unwrap_or(value);
                    let candidate = Candidate::new(if values.len() == 1 { label } else { *value }, Sort::Value);
                    self.add(candidate.insert(*value));
                }
            }
            _ => {}
        }
    }

    /// The keys and sections of the section around the place.
    fn keys(&mut self, top: bool) {
        let path = self.context.sections().join(".");
        let inside = if path.is_empty() { String::new() } else { format!("{path}.") };
        let trains = self.context.item_word() == Some("train");
        let all = setting_keys(if trains { ItemKind::Train } else { ItemKind::Search });
        for key in all.iter().filter_map(|key| key.strip_prefix(&inside)) {
            let (name, is_section) = match key.split_once('.') {
                Some((section, _)) => (section, true),
                None => (key, all.iter().any(|other| other.starts_with(&format!("{inside}{key}.")))),
            };
            let text = if is_section { format!("{name} {{ ") } else { format!("{name}: ") };
            let detail = if is_section { "section" } else { "setting" };
            self.add(Candidate::new(name, Sort::Setting).detail(detail).insert(text));
        }
        if top {
            self.keywords(if trains { &["baseline"] } else { &["baseline", "require"] });
        }
    }
}
