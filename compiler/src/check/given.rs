//! What is given from outside of the files: on a command line, or by a program that uses this crate.

use super::conflicts::conflict;
use super::elaborate::elaborate;
use super::program::{Item, ItemKind, Program};
use super::recipe::bound;
use super::{CheckedSearch, Overrides};
use crate::diagnostics::{Code, Diagnostic};
use crate::schema::Schema;
use crate::space::Space;
use crate::syntax;
use crate::syntax::tree::{Demand, Setting};

impl Program {
    /// Reads `path=value`, as given on a command line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_override(&mut self, text: &str) -> Result<Setting, Diagnostic> {
        syntax::parse_override(self.add_fragment("--set", text), text)
    }

    /// Reads a condition as it stands behind `require`, such as `macs <= 2M`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_condition(&mut self, text: &str) -> Result<Demand, Diagnostic> {
        syntax::parse_demand(self.add_fragment("--require", text), text)
    }

    /// A space by name, with arguments as source, over a schema: what `search … on NAME(blocks: 2) with SCHEMA` searches.
    ///
    /// # Errors
    /// The findings: there is no such space, an argument does not fit, or the schema does not.
    pub fn space(&mut self, name: &str, arguments: &[(&str, &str)], schema: &Schema) -> Result<Space, Vec<Diagnostic>> {
        let mut given = Overrides::new();
        for (parameter, value) in arguments {
            let value = syntax::parse_value(self.add_fragment(parameter, value), value);
            given.insert((*parameter).to_owned(), value.map_err(|found| vec![found])?);
        }
        match self.find(ItemKind::Space, name) {
            Some(item) => self.over(&item, &given, &[], schema),
            None => {
                let spaces: Vec<String> = self.visible(ItemKind::Space).into_iter().map(|item| item.name).collect();
                let offered = (!spaces.is_empty()).then(|| format!("there is {}", spaces.join(", ")));
                Err(vec![Diagnostic::error(Code::UnknownName, format!("there is no space `{name}`")).help_if(offered)])
            }
        }
    }

    /// A space with its default parameters, over a schema, as far as it meets these conditions.
    ///
    /// # Errors
    /// The findings.
    pub fn space_with(&self, item: &Item, conditions: &[Demand], schema: &Schema) -> Result<Space, Vec<Diagnostic>> {
        self.over(item, &Overrides::new(), conditions, schema)
    }

    /// A search with these conditions in place of its own.
    ///
    /// # Errors
    /// The findings.
    pub fn search_with(&self, item: &Item, conditions: &[Demand]) -> Result<CheckedSearch, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let Some(mut search) = self.extended(item, &mut Vec::new(), &mut found) else { return Err(found) };
        search.demands = conditions.to_vec();
        self.searched(item.kind, &search, &[], found)
    }

    fn over(
        &self,
        item: &Item,
        given: &Overrides,
        conditions: &[Demand],
        schema: &Schema,
    ) -> Result<Space, Vec<Diagnostic>> {
        let (checked, mut found) = elaborate(self, item, &[], given, conditions);
        let Some(checked) = checked else { return Err(found) };
        found.extend(conflict(&checked, Some(checked.graph.sizes_of(schema))));
        if found.is_empty() {
            let space = bound(&checked, schema, item.span).map_err(|unbound| vec![unbound])?;
            found.extend(self.exhausted(&space));
            if found.is_empty() {
                return Ok(space);
            }
        }
        Diagnostic::sort(&mut found);
        Err(found)
    }
}
