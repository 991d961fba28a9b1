//! What a schema says of each row beside what a model reads: how much it counts, whose it is, when it was, which part it is in.

use super::columns::names;
use super::{Reading, Says, one, only, types};
use crate::diagnostics::{Code, Diagnostic};
use crate::schema::{TimeColumn, Type};
use crate::syntax::tree::SchemaLine;

impl Reading {
    /// `weight importance`
    pub(super) fn weight(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        only(line, &[])?;
        self.schema.weight = Some(self.only_one(line, self.schema.weight.is_some())?);
        Ok(())
    }

    /// `group user`
    pub(super) fn group(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        only(line, &[])?;
        self.schema.group = Some(self.only_one(line, self.schema.group.is_some())?);
        Ok(())
    }

    /// `time timestamp: seconds`
    pub(super) fn time(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        only(line, &[Says::Written])?;
        let kind = match &line.written {
            None => Type::Number,
            Some(written) => match types::read(written)? {
                kind @ (Type::Number | Type::Int | Type::Time(_)) => kind,
                _ => {
                    let message = format!("`{}` has no order in time", written.name.text);
                    return Err(Diagnostic::error(Code::Schema, message).label(
                        written.name.span,
                        "expected `number`, `int`, `seconds`, `milliseconds`, or a pattern such as \"%Y-%m-%d\"",
                    ));
                }
            },
        };
        let column = self.only_one(line, self.schema.time.is_some())?;
        self.schema.time = Some(TimeColumn { column, kind });
        Ok(())
    }

    /// `part fold`
    pub(super) fn part(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        only(line, &[])?;
        self.schema.part = Some(self.only_one(line, self.schema.part.is_some())?);
        Ok(())
    }

    /// The column of a line that a schema has once.
    fn only_one(&mut self, line: &SchemaLine, there: bool) -> Result<String, Diagnostic> {
        let keyword = &line.keyword.text;
        if there {
            return Err(Diagnostic::error(Code::Duplicate, format!("a schema has one `{keyword}`"))
                .label(line.span, "a second one"));
        }
        let columns = one(line)?;
        let [name] = &names(columns)?[..] else {
            return Err(Diagnostic::error(Code::Duplicate, format!("a schema has one `{keyword}`"))
                .label(columns.name.span, "several columns"));
        };
        self.mention(std::slice::from_ref(name));
        Ok(name.clone())
    }
}
