//! The one style of tables, and what becomes of it where a terminal is narrow.

use comfy_table::presets::{NOTHING, UTF8_FULL_CONDENSED};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width};

/// Columns between those of a table without lines.
const GAP: u16 = 2;

/// Rows under a header. It is laid out once it is known how wide it may be.
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

/// A table without rows.
pub(crate) fn table<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Table {
    let header: Vec<String> = header.into_iter().map(Into::into).collect();
    Table { right: vec![false; header.len()], rows: Vec::new(), header }
}

impl Table {
    pub(crate) fn add_row<T: Into<String>>(&mut self, row: impl IntoIterator<Item = T>) {
        self.rows.push(row.into_iter().map(Into::into).collect());
    }

    /// Aligns the columns from `first` on to the right.
    pub(crate) fn right(&mut self, first: usize) {
        self.right[first..].fill(true);
    }

    /// Aligns one column to the right.
    pub(crate) fn right_only(&mut self, column: usize) {
        self.right[column] = true;
    }

    /// The table, no wider than a terminal of so many columns if it can be: with lines, else without, else each row as
    /// a list; what has no lines ends with an empty one. Where there is no terminal, always the same.
    pub(crate) fn laid_out(&self, columns: Option<usize>) -> String {
        let mut whole = self.drawn();
        whole.load_style(UTF8_FULL_CONDENSED);
        let content: usize = whole.column_max_content_widths().iter().map(|&width| usize::from(width)).sum();
        let count = self.header.len();
        match columns {
            Some(columns) if content + 3 * count + 1 > columns => {
                if content + usize::from(GAP) * count.saturating_sub(1) <= columns {
                    self.without_lines() + "\n"
                } else {
                    self.as_lists(columns) + "\n"
                }
            }
            _ => whole.to_string(),
        }
    }

    fn drawn(&self) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table.set_header(&self.header);
        table.add_rows(&self.rows);
        for (column, _) in table.column_iter_mut().zip(&self.right).filter(|(_, right)| **right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn without_lines(&self) -> String {
        let mut table = self.drawn();
        table.load_style(NOTHING);
        let last = self.header.len().saturating_sub(1);
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if at == last { 0 } else { GAP }));
        }
        table.trim_fmt()
    }

    /// Each row as lines of a name and a value, with an empty line between rows.
    fn as_lists(&self, columns: usize) -> String {
        let names: Vec<String> = self.header.iter().map(|name| name.replace('\n', ", ")).collect();
        let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let name = u16::try_from(widest).unwrap_or(u16::MAX).saturating_add(GAP);
        let left = u16::try_from(columns).unwrap_or(u16::MAX).saturating_sub(name).max(10);
        let lists = self.rows.iter().map(|row| {
            let mut list = comfy_table::Table::new();
            list.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
            list.set_width(name.saturating_add(left));
            names.iter().zip(row).filter(|(_, value)| !value.is_empty()).for_each(|(name, value)| {
                list.add_row([name, value]);
            });
            for (at, column) in list.column_iter_mut().enumerate() {
                column.set_padding((0, if at == 0 { GAP } else { 0 }));
                if at == 0 {
                    column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(name)));
                }
            }
            list.trim_fmt()
        });
        lists.collect::<Vec<_>>().join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Table {
        let mut table = table(["model", "log loss\ntest", "parameters"]);
        table.add_row(["a model with a name", "0.51234", "1,234,567"]);
        table.add_row(["other", "", "89"]);
        table.right(1);
        table
    }

    #[test]
    fn a_table_takes_the_widest_layout_that_fits() {
        let whole = some().laid_out(None);
        assert_eq!(whole, some().laid_out(Some(49)));
        assert!(whole.starts_with("┌─────"), "{whole}");
        let plain = "model                log loss  parameters\n                         test\n\
                     a model with a name   0.51234   1,234,567\nother                                  89\n";
        assert_eq!(some().laid_out(Some(42)), plain);
        let lists = "model           a model with a name\nlog loss, test  0.51234\nparameters      1,234,567\n\n\
                     model           other\nparameters      89\n";
        assert_eq!(some().laid_out(Some(38)), lists);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for columns in [28, 30, 38, 41, 45, 60, 80, 120] {
            let text = some().laid_out(Some(columns));
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(columns), "{columns}:\n{text}");
            for value in ["0.51234", "1,234,567", "89"] {
                assert!(text.contains(value), "{columns}:\n{text}");
            }
        }
    }
}
