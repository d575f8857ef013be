//! The matrix for programs: a line for each action, so that a difference is read line by line.

use std::fmt::Write as _;

use super::table::{Cell, Line, Table};

/// `allow`, `deny`, or `{"row": …}` with the condition in words.
pub(super) fn write(table: &Table) -> String {
    let mut out = String::from("{\n\"actions\": [\n");
    for (i, line) in table.lines.iter().enumerate() {
        let end = if i + 1 == table.lines.len() { "" } else { "," };
        let _ = writeln!(
            out,
            "{{\"action\": {}, \"group\": {}, \"resource\": {}, \"human\": {{{}}}, \
             \"machine\": {{{}}}}}{end}",
            text(&line.action),
            text(&line.group),
            text(&line.resource),
            cells(table, line, true),
            cells(table, line, false),
        );
    }
    out.push_str("]\n}\n");
    out
}

fn cells(table: &Table, line: &Line, humans: bool) -> String {
    let cells = table.columns.iter().zip(&line.cells);
    let cells = cells.filter(|(column, _)| column.is_human() == humans);
    let cells = cells.map(|(column, cell)| {
        let cell = match cell {
            Cell::Allow => "\"allow\"".to_owned(),
            Cell::Deny => "\"deny\"".to_owned(),
            Cell::Row(words) => format!("{{\"row\": {}}}", text(words)),
        };
        format!("{}: {cell}", text(column.name()))
    });
    cells.collect::<Vec<_>>().join(", ")
}

fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
