//! What the architectures of a space can cost: its least and its most, proved, and the architectures that come nearest.

use nasrec_compiler::Space;
use nasrec_compiler::format::value;
use nasrec_compiler::plan::Cost;
use nasrec_compiler::space::{Effort, End, Extreme, Witness};
use serde_json::{Map, Value, json};

use crate::output::{grouped, table};

/// The costs that are bounded: the bytes of weights follow from their number. In this order, as all share one effort: what is
/// like another one comes last.
const BOUNDED: [Cost; 5] = [Cost::Macs, Cost::DenseParams, Cost::EmbeddingParams, Cost::ActivationBytes, Cost::Ops];

/// The least and the most of each cost; none where the constraints allow no architecture, or no effort is left.
pub(crate) struct Bounds(Vec<(Cost, Extreme, Extreme)>);

impl Bounds {
    pub(crate) fn of(space: &Space) -> Bounds {
        Self::within(space, &mut Effort::default())
    }

    /// With no more effort than is left of what all bounds of a command share.
    pub(crate) fn within(space: &Space, effort: &mut Effort) -> Bounds {
        let mut one = |cost| {
            if effort.is_spent() {
                return None;
            }
            let mut extreme = |end| space.extreme_within(cost, end, effort);
            Some((cost, extreme(End::Least)?, extreme(End::Most)?))
        };
        let mut bounds: Vec<_> = BOUNDED.into_iter().filter_map(&mut one).collect();
        bounds.sort_by_key(|&(cost, ..)| cost);
        Bounds(bounds)
    }

    /// One line a cost, such as `macs 3,810 (optimal) to at most 40,000 (proved; 39,120 found)`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |(cost, least, most): &(Cost, Extreme, Extreme)| {
            if least.is_optimal() && most.is_optimal() && least.proved == most.proved {
                return format!("{} {}", cost.words(), grouped(least.proved));
            }
            format!("{} {} to {}", cost.words(), told(least, "at least"), told(most, "at most"))
        };
        self.0.iter().map(line).collect()
    }

    pub(crate) fn table(&self, columns: Option<usize>) -> String {
        let mut table = table(["cost", "least, proved", "found", "most, proved", "found"]);
        for (cost, least, most) in &self.0 {
            let mut row = vec![cost.words().to_owned()];
            for extreme in [least, most] {
                row.push(grouped(extreme.proved));
                row.push(match &extreme.witness {
                    _ if extreme.is_optimal() => "optimal".to_owned(),
                    Some(witness) => grouped(witness.value),
                    None => "none".to_owned(),
                });
            }
            table.add_row(row);
        }
        table.right(1);
        format!(
            "{}\nNo architecture that is allowed costs less, or more. An optimal bound is attained by one: JSON has it.\n",
            table.laid_out(columns)
        )
    }

    pub(crate) fn json(&self, space: &Space) -> Value {
        let witness = |witness: &Witness| {
            let made = space.choices().iter().zip(witness.architecture.made());
            let choices: Map<String, Value> = made
                .filter(|(_, made)| made.is_some())
                .map(|(choice, made)| (choice.name.clone(), value(choice, *made).into()))
                .collect();
            json!({ "value": witness.value, "choices": choices, "encoding": witness.architecture })
        };
        let extreme = |extreme: &Extreme| {
            json!({
                "proved": extreme.proved, "optimal": extreme.is_optimal(), "found": extreme.witness.as_ref().map(witness),
            })
        };
        let all = self.0.iter().map(|(cost, least, most)| {
            (cost.words().to_owned(), json!({ "least": extreme(least), "most": extreme(most) }))
        });
        Value::Object(all.collect())
    }
}

fn told(extreme: &Extreme, bound: &str) -> String {
    let proved = grouped(extreme.proved);
    match &extreme.witness {
        _ if extreme.is_optimal() => format!("{proved} (optimal)"),
        Some(witness) => format!("{bound} {proved} (proved; {} found)", grouped(witness.value)),
        None => format!("{bound} {proved} (proved)"),
    }
}
