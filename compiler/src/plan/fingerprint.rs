//! What an architecture computes, as a hash: two plans with one fingerprint have the same primitives, attributes,
//! sizes, parameter names and ordered inputs. Paths, places, positions and stored shapes make no difference.

use std::sync::Arc;

use super::Plan;

/// Identity of a computation within its space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Plan {
    /// The fingerprint of what the logit is computed from: each node's from those of its inputs.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hashes: Vec<blake3::Hash> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let mut hasher = blake3::Hasher::new();
            let mut part = |bytes: &[u8]| {
                hasher.update(&(bytes.len() as u64).to_le_bytes());
                hasher.update(bytes);
            };
            let primitive = serde_json::to_vec(&node.primitive).expect("a primitive always serialises");
            part(&primitive);
            for &size in &node.shape {
                part(&(size as u64).to_le_bytes());
            }
            for &param in &node.params {
                let name: &Arc<str> = &self.params[param].name;
                part(name.as_bytes());
            }
            // Only what plans said from the beginning is always a part, so that those stay what they are called.
            for &column in &node.columns {
                part(format!("column {column}").as_bytes());
            }
            for lookup in &node.lookups {
                part(format!("field {}", lookup.field).as_bytes());
                if let Some(place) = lookup.place {
                    part(format!("place {place}").as_bytes());
                }
            }
            part(b"inputs");
            for &input in &node.inputs {
                part(hashes[input].as_bytes());
            }
            hashes.push(hasher.finalize());
        }
        Fingerprint(*hashes[self.logit].as_bytes())
    }
}
