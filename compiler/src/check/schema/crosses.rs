//! Crossed columns: what two or more of the columns before are together is a category of its own.

use super::categories::rows;
use super::columns::names;
use super::{Reading, Says, called, one, only};
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::schema::{SparseColumn, Table, Type};
use crate::syntax::tree::{Arg, ExprKind, Name, SchemaLine, Written};

/// How the type of one begins.
pub(crate) const CROSS: &str = "cross";

impl Reading {
    /// `sparse user_city: cross(user, city) | hash(rows: 10_000)`
    pub(super) fn cross(&mut self, line: &SchemaLine, written: &Written) -> Result<(), Diagnostic> {
        only(line, &[Says::Written, Says::Steps])?;
        let columns = one(line)?;
        let [name] = &names(columns)?[..] else {
            return Err(Diagnostic::error(Code::Schema, "a crossed column is one column")
                .label(columns.name.span, "expected one name"));
        };
        let of = written.args.iter().map(|arg| self.crossed(arg)).collect::<Result<Vec<_>, _>>()?;
        if of.len() < 2 {
            return Err(Diagnostic::error(Code::Schema, "a crossed column is made of two columns or more")
                .label(written.name.span, "expected such as `cross(user, city)`"));
        }
        let twice = (1..of.len()).find(|&at| of[..at].contains(&of[at]));
        if let Some(arg) = twice.and_then(|at| written.args.get(at)) {
            return Err(Diagnostic::error(Code::Schema, "a column is crossed with others")
                .label(arg.span(), "it is there already"));
        }
        let rows = match &line.stages[..] {
            [(step, args)] if step.text == "hash" => crossed_rows(step, args)?,
            [] => {
                return Err(Diagnostic::error(Code::Schema, "how many rows has the table of a crossed column?")
                    .label(columns.name.span, "for this column")
                    .help("add `| hash(rows: 100_000)`"));
            }
            [(step, _)] | [_, (step, _), ..] => {
                return Err(Diagnostic::error(
                    Code::Schema,
                    "a crossed column is brought into its table by `hash` alone",
                )
                .label(step.span, "not this")
                .help("what its columns are is encoded already: `cross(user, city) | hash(rows: 100_000)`"));
            }
        };
        self.schema.sparse.push(SparseColumn {
            name: name.clone(),
            from: String::new(),
            kind: Type::Int,
            table: Table::Cross { of },
            rows,
            missing: 0,
            list: None,
            same: None,
        });
        Ok(())
    }

    /// A column that is crossed: a sparse one before, with one category in a row.
    fn crossed(&self, arg: &Arg) -> Result<String, Diagnostic> {
        let place = arg.value.span;
        let (None, ExprKind::Name(wanted) | ExprKind::Text(wanted)) = (&arg.name, &arg.value.kind) else {
            return Err(Diagnostic::error(Code::Schema, "`cross` takes the names of columns")
                .label(arg.span(), "expected one, such as `cross(user, city)`"));
        };
        let Some(column) = self.schema.sparse.iter().find(|column| column.name == *wanted) else {
            let message = format!("there is no sparse column `{wanted}` before this line");
            let is_number = self.schema.dense.iter().any(|column| column.name == *wanted);
            let near = nearest(wanted, self.schema.sparse.iter().map(|column| column.name.as_str()));
            let diagnostic = Diagnostic::error(Code::Schema, message).label(place, "to be crossed");
            return Err(if is_number {
                let help =
                    format!("cross what is made of it: `sparse {wanted}_bin from {wanted}: number | quantiles(20)`");
                diagnostic.help(help)
            } else {
                diagnostic.did_you_mean(place, wanted, near)
            });
        };
        let wrong = |what: String, help: &str| {
            Err(Diagnostic::error(Code::Schema, what).label(place, "not this").help(help.to_owned()))
        };
        if column.list.is_some() {
            return wrong(
                format!("`{wanted}` has several categories in a row"),
                "columns with one category in a row are crossed",
            );
        }
        if let Table::Cross { of } = &column.table {
            let names = of.join(", ");
            return wrong(
                format!("`{wanted}` is crossed itself"),
                &format!("name the columns that it is made of: {names}"),
            );
        }
        Ok(wanted.clone())
    }
}

fn crossed_rows(step: &Name, args: &[Arg]) -> Result<usize, Diagnostic> {
    let called = called(step, args);
    called.only(&["rows"])?;
    rows(&called, &["rows"], None, 2, step)
}
