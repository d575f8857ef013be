//! The matrix as a page that stands alone: it runs nothing and fetches nothing.

use std::fmt::Write as _;

use super::table::{Cell, Column, Line, Table};

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Who may what · Countersign</title>
<style>
:root { color-scheme: light dark; --bg: #fcfcfa; --text: #20242c; --muted: #5b6270; --line: #dddcd8;
  --head: #f1f0ec; --yes: #1d6b46; --row: #2f5aa8; --tint: #e6eefb }
@media (prefers-color-scheme: dark) { :root { --bg: #14161b; --text: #e9e8e4; --muted: #a3a8b3;
  --line: #33373f; --head: #1d2027; --yes: #7fd6a8; --row: #9dbdf5; --tint: #1f2a3f } }
body { margin: 0; background: var(--bg); color: var(--text); font: 13px/20px system-ui, sans-serif }
header { padding: 20px 24px 12px; max-width: 75ch }
h1 { margin: 0 0 4px; font-size: 20px; line-height: 28px }
p { margin: 0 0 8px; color: var(--muted) }
dl { display: grid; grid-template-columns: auto 1fr; gap: 2px 12px; margin: 0 }
dt, .row { font-weight: 600; color: var(--row) }
dd { margin: 0 }
.table { overflow: auto; height: 100vh; border-top: 1px solid var(--line) }
table { border-collapse: separate; border-spacing: 0 }
th, td { border-bottom: 1px solid var(--line); padding: 3px 8px; text-align: left; white-space: nowrap }
td { text-align: center }
thead th { position: sticky; top: 0; z-index: 2; background: var(--head); vertical-align: bottom; font-weight: 500 }
thead tr + tr th { top: 27px }
thead tr:first-child th { color: var(--muted); height: 20px }
thead .name { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; padding: 8px 3px }
tbody th { position: sticky; left: 0; z-index: 1; background: var(--bg); font: 12px/20px ui-monospace, monospace }
thead .corner { left: 0; z-index: 3 }
tbody .group { background: var(--head); font: 600 13px/20px system-ui, sans-serif }
.first { border-left: 1px solid var(--line) }
.yes { color: var(--yes) }
.row { background: var(--tint) }
.no { color: var(--muted); opacity: .6 }
tbody tr:hover td { background: var(--head) }
abbr { text-decoration: none; cursor: help }
</style>
</head>
<body>
"#;

pub(super) fn write(table: &Table) -> String {
    let mut out = String::from(HEAD);
    let conditions = table.conditions();
    legend(&mut out, &conditions);
    out.push_str("<div class=\"table\" tabindex=\"0\">\n<table>\n");
    heads(&mut out, table);
    for (name, lines) in table.groups() {
        let _ = writeln!(
            out,
            "<tbody>\n<tr><th class=\"group\" scope=\"rowgroup\">{}</th><td class=\"group\" \
             colspan=\"{}\"></td></tr>",
            escaped(name),
            table.columns.len(),
        );
        for line in lines {
            row(&mut out, table, line, &conditions);
        }
        out.push_str("</tbody>\n");
    }
    out.push_str("</table>\n</div>\n</body>\n</html>\n");
    out
}

fn legend(out: &mut String, conditions: &[&str]) {
    out.push_str(
        "<header>\n<h1>Who may what</h1>\n<p>Every action of the product, in the groups that policies \
         speak of: for a person of each role without capabilities who has given a second factor, and for a machine \
         with each one scope. A letter says on which rows of the tenant; a dot is never. Generated from the policies \
         by <code>cargo generate</code>.</p>\n<dl>\n<dt>yes</dt><dd>on every row of the tenant</dd>\n",
    );
    for (letter, words) in letters().zip(conditions) {
        let _ = writeln!(
            out,
            "<dt>{letter}</dt><dd>on rows that are {}</dd>",
            escaped(words)
        );
    }
    out.push_str("</dl>\n</header>\n");
}

fn heads(out: &mut String, table: &Table) {
    let humans = table
        .columns
        .iter()
        .filter(|column| column.is_human())
        .count();
    let machines = table.columns.len().saturating_sub(humans);
    let _ = writeln!(
        out,
        "<thead>\n<tr><th class=\"corner\"></th><th class=\"first\" colspan=\"{humans}\">People, by \
         role</th><th class=\"first\" colspan=\"{machines}\">Machines, by scope</th></tr>\n<tr>\
         <th class=\"corner\" scope=\"col\">Action</th>"
    );
    for (i, column) in table.columns.iter().enumerate() {
        let first = first(table, i);
        let name = match column {
            Column::Machine(None) => "without a scope",
            other => other.name(),
        };
        let _ = writeln!(
            out,
            "<th scope=\"col\"{first}><div class=\"name\">{}</div></th>",
            escaped(name)
        );
    }
    out.push_str("</tr>\n</thead>\n");
}

fn row(out: &mut String, table: &Table, line: &Line, conditions: &[&str]) {
    let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(&line.action));
    for (i, cell) in line.cells.iter().enumerate() {
        let at_edge = if first(table, i).is_empty() {
            ""
        } else {
            " first"
        };
        let _ = match cell {
            Cell::Allow => write!(out, "<td class=\"yes{at_edge}\">yes</td>"),
            Cell::Deny => write!(out, "<td class=\"no{at_edge}\">·</td>"),
            Cell::Row(words) => {
                let mut known = letters().zip(conditions);
                let letter = known.find(|(_, known)| *known == words);
                let letter = letter.map_or('?', |(letter, _)| letter);
                write!(
                    out,
                    "<td class=\"row{at_edge}\"><abbr title=\"{}\">{letter}</abbr></td>",
                    escaped(words)
                )
            }
        };
    }
    out.push_str("</tr>\n");
}

/// The edge of a kind of principals.
fn first(table: &Table, column: usize) -> &'static str {
    let kind = |i: usize| table.columns.get(i).map(|column| column.is_human());
    let before = column.checked_sub(1).and_then(kind);
    if kind(column) == before {
        ""
    } else {
        " class=\"first\""
    }
}

fn letters() -> impl Iterator<Item = char> {
    'A'..='Z'
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
