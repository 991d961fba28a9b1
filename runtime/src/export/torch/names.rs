//! What nodes and parameters of a plan are called in Python: modules with the names of the space, and the tensors of each.

use std::collections::{HashMap, HashSet};

use nasrec_compiler::plan::{Node, Plan};
use nasrec_compiler::primitives::Primitive;

use crate::Result;
use crate::error::ExportError;

/// Names that a value may not have: words of Python, and what the file and its modules have already.
const TAKEN: &str = "False None True and as assert async await break class continue def del elif else except finally for from global if \
    import in is lambda nonlocal not or pass raise return try while with yield numbers rows self torch nn pooled placed pathlib load_file \
    add_module apply bfloat16 buffers children compile cpu cuda double eval extra_repr float forward get_buffer get_extra_state \
    get_parameter get_submodule half ipu load load_state_dict modules mtia parameters probability requires_grad_ set_extra_state \
    set_submodule share_memory state_dict to to_empty train training type xpu zero_grad";

/// See the [module](self).
pub(in crate::export) struct Names {
    /// Of each node its value, and its module where it has one.
    pub values: Vec<String>,
    /// Of each node the module that it calls, or its parameter, where it has one; of a lookup nothing, as each table is a module.
    pub modules: Vec<Option<String>>,
    /// Of each parameter its key in `state_dict()`, and its shape there.
    pub tensors: Vec<(String, Vec<usize>)>,
    /// Keys of `state_dict()` that are no parameters: how many batches a norm has seen.
    pub counters: Vec<String>,
}

impl Names {
    /// # Errors
    /// [`ExportError::Beyond`]: two modules share a parameter.
    pub fn of(plan: &Plan) -> Result<Self> {
        let mut taken: HashSet<String> = TAKEN.split_whitespace().map(str::to_owned).collect();
        let mut values: Vec<String> = Vec::with_capacity(plan.nodes.len());
        let mut modules: Vec<Option<String>> = Vec::with_capacity(plan.nodes.len());
        let mut tensors: Vec<Option<(String, Vec<usize>)>> = vec![None; plan.params.len()];
        let mut counters = Vec::new();
        // Nodes that have the same parameters call the same module.
        let mut known: HashMap<&[usize], String> = HashMap::new();
        for node in &plan.nodes {
            let value = free(&mut taken, &identifier(&node.path));
            if matches!(node.primitive, Primitive::Embed(_)) {
                for &param in &node.params {
                    if tensors[param].is_none() {
                        let name = free(&mut taken, &identifier(&plan.params[param].name));
                        tensors[param] = Some((format!("{name}.weight"), plan.params[param].shape().to_vec()));
                    }
                }
                modules.push(None);
            } else if let Some(module) = known.get(node.params.as_slice()).filter(|_| !node.params.is_empty()) {
                modules.push(Some(module.clone()));
            } else if node.params.is_empty() {
                modules.push(matches!(node.primitive, Primitive::Dropout(_)).then(|| value.clone()));
            } else {
                for (&param, (tensor, shape)) in node.params.iter().zip(held(plan, node)) {
                    let key = if tensor.is_empty() { value.clone() } else { format!("{value}.{tensor}") };
                    if tensors[param].replace((key, shape)).is_some() {
                        let what = format!("parameter {} is of two layers", plan.params[param].name);
                        let remedy = "give each layer its own, or export it as onnx or c";
                        return Err(ExportError::Beyond { format: "PyTorch", what, remedy }.into());
                    }
                }
                if matches!(node.primitive, Primitive::BatchNorm(_)) {
                    counters.push(format!("{value}.num_batches_tracked"));
                }
                known.insert(&node.params, value.clone());
                modules.push(Some(value.clone()));
            }
            values.push(value);
        }
        let tensors = tensors.into_iter().flatten().collect();
        Ok(Self { values, modules, tensors, counters })
    }

    /// The module of a table.
    pub fn table(&self, param: usize) -> &str {
        self.tensors[param].0.trim_end_matches(".weight")
    }
}

/// What a module calls its tensors, and their shapes there.
fn held(plan: &Plan, node: &Node) -> Vec<(&'static str, Vec<usize>)> {
    let names: &[&str] = match node.primitive {
        Primitive::Linear(_) | Primitive::LinearEach(_) | Primitive::LayerNorm(_) => &["weight", "bias"],
        Primitive::BatchNorm(_) => &["weight", "bias", "running_mean", "running_var"],
        Primitive::Attention(_) => &["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"],
        _ => &[""],
    };
    let flat = matches!(node.primitive, Primitive::BatchNorm(_));
    // Of one layer a field a convolution of PyTorch's, whose kernels are of one place.
    let each = matches!(node.primitive, Primitive::LinearEach(_));
    let shape = |param: usize| match plan.params[param].shape() {
        shape if flat => vec![shape.iter().product()],
        shape if each && shape.len() == 2 => vec![shape[0], shape[1], 1],
        shape => shape.to_vec(),
    };
    names.iter().copied().zip(node.params.iter().map(|&param| shape(param))).collect()
}

/// A path as a name of Python: `b[2].d.fc.linear` is `b2_d_fc_linear`.
fn identifier(path: &str) -> String {
    let mut name = String::new();
    for character in path.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' => name.push(character),
            '[' | ']' => {}
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_matches('_');
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) { name.to_owned() } else { format!("x{name}") }
}

fn free(taken: &mut HashSet<String>, wanted: &str) -> String {
    let mut name = wanted.to_owned();
    for number in 2.. {
        if taken.insert(name.clone()) {
            break;
        }
        name = format!("{wanted}_{number}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_names_that_no_two_share() {
        assert_eq!(
            ["b[2].d.fc.linear", "stem.sparse.embed.table.a b", "_", "2x"].map(identifier),
            ["b2_d_fc_linear", "stem_sparse_embed_table_a_b", "x", "x2x"]
        );
        let mut taken = HashSet::from(["rows".to_owned()]);
        assert_eq!(["rows", "rows", "x"].map(|name| free(&mut taken, name)), ["rows_2", "rows_3", "x"]);
    }
}
