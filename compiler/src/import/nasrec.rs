//! The released NASRec implementation's notation (<https://github.com/facebookresearch/NasRec>): an architecture as
//! JSON, and the names of its tensors.

use serde::Deserialize;

use crate::ir::{Choice, Made, Takes, Word};
use crate::space::Architecture;

/// An architecture in the released notation.
#[derive(Clone, Debug, Deserialize)]
pub struct NasrecNet {
    /// What the file calls it, where it says.
    pub name: Option<String>,
    /// The table it was found on, where the file says.
    pub dataset: Option<String>,
    num_blocks: usize,
    use_layernorm: Option<u8>,
    embedding_dim: Option<usize>,
    /// Numeric columns of the recorded inputs.
    pub num_dense: Option<usize>,
    /// Rows of each embedding table of the recorded inputs.
    pub vocab: Option<Vec<usize>>,
    choice: ChoiceTable,
    ops_config: Option<OpsConfig>,
    node_names: Option<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
struct ChoiceTable {
    #[serde(rename = "macro")]
    inputs: Vec<Inputs>,
    #[serde(rename = "micro")]
    operators: Vec<Operators>,
}

/// The sources that a block reads: 0 is the stem, `j` is block `j`.
#[derive(Clone, Debug, Deserialize)]
struct Inputs {
    dense_idx: Vec<usize>,
    sparse_idx: Vec<usize>,
    dense_left_idx: Vec<usize>,
    dense_right_idx: Vec<usize>,
}

#[derive(Clone, Debug, Deserialize)]
struct Operators {
    active_nodes: Vec<usize>,
    dense_in_dims: i64,
    sparse_in_dims: i64,
    dense_sparse_interact: u8,
    deep_fm: u8,
}

#[derive(Clone, Debug, Deserialize)]
struct OpsConfig {
    node_names: Vec<String>,
    dense_node_dims: Vec<usize>,
    sparse_node_dims: Vec<usize>,
}

/// Why a file is not understood.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportError(pub String);

impl std::fmt::Display for ImportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ImportError {}

/// Released operator, ours.
const OPERATORS: [(&str, &str); 6] = [
    ("linear-2d", "fc"),
    ("dot-product", "dot"),
    ("sigmoid-gating", "gating"),
    ("sum", "plus"),
    ("transformer", "attention"),
    ("linear-3d", "efc"),
];

impl NasrecNet {
    /// Reads the JSON text.
    ///
    /// # Errors
    /// Text that is not of this notation, or whose parts do not fit together.
    pub fn read(text: &str) -> Result<Self, ImportError> {
        let net: Self =
            serde_json::from_str(text).map_err(|e| ImportError(format!("not in NASRec's notation: {e}")))?;
        let (inputs, operators) = (net.choice.inputs.len(), net.choice.operators.len());
        if inputs != net.num_blocks || operators != net.num_blocks {
            let blocks = net.num_blocks;
            return Err(ImportError(format!(
                "`num_blocks` is {blocks}, but `macro` has {inputs} blocks and `micro` has {operators}"
            )));
        }
        if net.nodes().is_empty() {
            return Err(ImportError("the file names no operators (`node_names`)".to_owned()));
        }
        Ok(net)
    }

    fn nodes(&self) -> &[String] {
        match (&self.ops_config, &self.node_names) {
            (Some(config), _) => &config.node_names,
            (None, Some(names)) => names,
            (None, None) => &[],
        }
    }

    /// The parameters of the space that the file sets, as source.
    pub fn arguments(&self) -> Vec<(String, String)> {
        let mut arguments = vec![("blocks".to_owned(), self.num_blocks.to_string())];
        if let Some(dim) = self.embedding_dim {
            arguments.push(("dim".to_owned(), dim.to_string()));
        }
        if let Some(on) = self.use_layernorm {
            arguments.push(("normalise".to_owned(), if on != 0 { "on" } else { "off" }.to_owned()));
        }
        if let Some(config) = &self.ops_config {
            arguments.push(("counts".to_owned(), format!("{:?}", config.sparse_node_dims)));
            arguments.push(("widths".to_owned(), format!("{:?}", config.dense_node_dims)));
        }
        arguments
    }

    /// The values of a space's choices.
    ///
    /// # Errors
    /// A choice that the notation does not decide, or a value that the space does not offer.
    pub fn architecture(&self, choices: &[Choice]) -> Result<Architecture, ImportError> {
        let made = choices.iter().map(|choice| self.value(choice).map(Some)).collect::<Result<_, _>>()?;
        Ok(Architecture::new(made))
    }

    fn value(&self, choice: &Choice) -> Result<Made, ImportError> {
        let unknown = || ImportError(format!("NASRec's notation does not decide `{}`", choice.name));
        let block = choice.block.as_deref().ok_or_else(unknown)?;
        let index = block.trim_end_matches(']').rsplit('[').next().and_then(|i| i.parse::<usize>().ok());
        let index = index.filter(|i| (1..=self.num_blocks).contains(i)).ok_or_else(unknown)? - 1;
        let (inputs, operators) = (&self.choice.inputs[index], &self.choice.operators[index]);
        let refused = |value: String| ImportError(format!("`{}` cannot be {value} in this space", choice.name));
        let offer = &choice.offer;
        match (choice.key(), offer.word(), offer.takes()) {
            (key @ ("x" | "s" | "left" | "right"), Word::Pick, Takes::Set { lo, hi }) => {
                let picked = match key {
                    "x" => &inputs.dense_idx,
                    "s" => &inputs.sparse_idx,
                    "left" => &inputs.dense_left_idx,
                    _ => &inputs.dense_right_idx,
                };
                if !(lo..=hi).contains(&picked.len()) || picked.iter().any(|&i| i >= offer.positions()) {
                    return Err(refused(format!("{picked:?}")));
                }
                Ok(Made::Set(picked.iter().fold(0, |mask, &i| mask | 1 << i)))
            }
            (key @ ("w" | "n"), Word::Width, _) => {
                let width = if key == "w" { operators.dense_in_dims } else { operators.sparse_in_dims };
                let at = offer.numbers().iter().position(|&v| v == width).ok_or_else(|| refused(width.to_string()))?;
                Ok(Made::One(at as u32))
            }
            ("d" | "t", Word::Choose, Takes::One) => {
                let active = operators.active_nodes.iter().filter_map(|&node| self.nodes().get(node));
                let ours = active.filter_map(|node| OPERATORS.iter().find(|(theirs, _)| theirs == node));
                let mut found = ours.filter_map(|(_, ours)| offer.position(ours));
                found
                    .next()
                    .map(|at| Made::One(at as u32))
                    .ok_or_else(|| refused(format!("{:?}", operators.active_nodes)))
            }
            ("add_fm", Word::Maybe, _) => Ok(Made::One(u32::from(operators.deep_fm != 0))),
            ("add_dense", Word::Maybe, _) => Ok(Made::One(u32::from(operators.dense_sparse_interact != 0))),
            _ => Err(unknown()),
        }
    }

    /// What the released implementation calls one of our parameters.
    pub fn foreign_name(&self, ours: &str) -> Option<String> {
        foreign_name(ours, self.nodes())
    }
}

/// Ours within an operator, theirs within its node.
const PARAMETERS: [(&str, &str, &str); 31] = [
    ("fc", "linear", "_linear"),
    ("fc", "norm.layer_norm", "_layernorm"),
    ("gating", "g.linear", "_left_self_linear._linear"),
    ("gating", "fit.linear", "_linear_proj"),
    ("gating", "norm.layer_norm", "_layernorm"),
    ("plus", "fit.linear", "_linear_proj"),
    ("plus", "norm.layer_norm", "_layernorm"),
    ("dot", "q.linear", "_dense_proj"),
    ("dot", "q.norm.layer_norm", "_dense_layernorm"),
    ("dot", "y.linear_fields", "_sparse_inp_proj"),
    ("dot", "y.norm_fields.layer_norm_fields", "_sparse_inp_proj_layernorm"),
    ("dot", "fit.linear", "_linear_proj"),
    ("dot", "norm.layer_norm", "_linear_layernorm"),
    ("efc", "linear_fields", "_linear"),
    ("efc", "norm_fields.layer_norm_fields", "_layernorm"),
    ("attention", "p.linear_fields", "_linear_proj"),
    ("attention", "p.norm_fields.layer_norm_fields", "_proj_ln"),
    ("attention", "a.multi_head_attention.in_weight", "_mha.in_proj_weight"),
    ("attention", "a.multi_head_attention.in_bias", "_mha.in_proj_bias"),
    ("attention", "a.multi_head_attention.out_weight", "_mha.out_proj.weight"),
    ("attention", "a.multi_head_attention.out_bias", "_mha.out_proj.bias"),
    ("attention", "a.layer_norm", "_attn_ln"),
    ("attention", "f.linear", "attn_fc1"),
    ("attention", "f.linear_2", "attn_fc2"),
    ("attention", "layer_norm", "_attn_fc_ln"),
    ("fm", "linear", "deep_fm._linear_proj"),
    ("fm", "norm.layer_norm", "deep_fm._linear_layernorm"),
    ("to_sparse", "flat.linear", "project_emb_dim"),
    ("to_sparse", "flat.norm.layer_norm", "project_emb_dim_layernorm"),
    ("logit", "linear", "_final"),
    ("stem", "sparse.embed.table", "_embedding"),
];

/// What the released implementation, whose operators are `nodes`, calls the parameter `ours`.
fn foreign_name(ours: &str, nodes: &[String]) -> Option<String> {
    let within = |owner: &str, rest: &str| -> Option<String> {
        PARAMETERS.iter().filter(|(of, ..)| *of == owner).find_map(|(_, mine, theirs)| {
            let leaf = rest.strip_prefix(mine)?;
            match leaf {
                "" => Some((*theirs).to_owned()),
                ".weight" | ".scale" => Some(format!("{theirs}.weight")),
                ".bias" | ".shift" => Some(format!("{theirs}.bias")),
                _ => None,
            }
        })
    };
    if let Some(rest) = ours.strip_prefix("logit.") {
        return within("logit", rest);
    }
    if let Some(column) = ours.strip_prefix("stem.sparse.embed.table.") {
        let field: usize = column.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().ok()?;
        return Some(format!("_embedding.{}.weight", field.checked_sub(1)?));
    }
    let (block, rest) = ours.strip_prefix("b[")?.split_once("].")?;
    let block = block.parse::<usize>().ok()?.checked_sub(1)?;
    let (choice, rest) = rest.split_once('.')?;
    match choice {
        "d" | "t" => {
            // NASRec-Small's one sparse operator is no alternative, but a call like one.
            let (operator, rest) = rest.split_once('.')?;
            let theirs = OPERATORS.iter().find(|(_, ours)| *ours == operator)?.0;
            let node = nodes.iter().position(|node| node == theirs)?;
            Some(format!("_blocks.{block}._nodes.{node}.{}", within(operator, rest)?))
        }
        "add_fm" => Some(format!("_blocks.{block}.{}", within("fm", rest.strip_prefix("fm.")?)?)),
        "add_dense" => Some(format!("_blocks.{block}.{}", within("to_sparse", rest.strip_prefix("to_sparse.")?)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_translate() {
        let nodes: Vec<String> = OPERATORS.iter().map(|(theirs, _)| (*theirs).to_owned()).collect();
        let theirs = |ours: &str| foreign_name(ours, &nodes).unwrap_or_default();
        assert_eq!(theirs("b[1].d.fc.linear.weight"), "_blocks.0._nodes.0._linear.weight");
        assert_eq!(theirs("b[3].t.attention.layer_norm.shift"), "_blocks.2._nodes.4._attn_fc_ln.bias");
        assert_eq!(theirs("b[3].t.attention.f.linear_2.bias"), "_blocks.2._nodes.4.attn_fc2.bias");
        assert_eq!(theirs("stem.sparse.embed.table.C6"), "_embedding.5.weight");
        assert_eq!(theirs("logit.linear.bias"), "_final.bias");
        assert_eq!(theirs("b[1].d.other.linear.weight"), "");
    }
}
