//! What the server's answer means, in words.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::plain;

/// What is printed: results to standard output, faults to standard error.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) out: String,
    /// Empty where the import is done.
    pub(super) faults: String,
}

#[derive(Debug, Deserialize)]
struct Answer {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    import_statement: Option<Payload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    already_imported: bool,
    import: Option<Import>,
    statements: Option<Vec<Statement>>,
    #[serde(default)]
    user_errors: Vec<UserError>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Import {
    id: Option<String>,
    format: Option<String>,
    added_count: Option<u64>,
    duplicate_count: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    reference: Option<String>,
    currency: Option<String>,
    period_start: Option<String>,
    period_end: Option<String>,
    opening: Option<String>,
    closing: Option<String>,
    balance_check: Option<String>,
    transaction_count: Option<u64>,
    account: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct UserError {
    code: String,
    message: String,
    field: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct GraphqlError {
    message: String,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Extensions {
    code: Option<String>,
    request_id: Option<String>,
    rule: Option<String>,
}

/// An answer that is not of GraphQL (RFC 9457).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    title: String,
    detail: Option<String>,
    code: Option<String>,
    request_id: Option<String>,
}

/// Reads an answer. What is no answer of a Countersign server is an error.
pub(super) fn of(status: u16, body: &str) -> anyhow::Result<Summary> {
    let answer = serde_json::from_str::<Answer>(body).ok();
    let Some(answer) = answer.filter(|answer| answer.data.is_some() || !answer.errors.is_empty())
    else {
        let problem: Problem = serde_json::from_str(body).with_context(|| {
            format!("the answer (HTTP {status}) is not one of a Countersign server")
        })?;
        let extensions = Extensions {
            code: problem.code,
            request_id: problem.request_id,
            rule: None,
        };
        let message = problem.detail.unwrap_or(problem.title);
        let mut summary = Summary::default();
        fault(&mut summary, &message, &extensions);
        return Ok(summary);
    };
    let mut summary = Summary::default();
    for error in &answer.errors {
        fault(&mut summary, &error.message, &error.extensions);
    }
    match answer.data.and_then(|data| data.import_statement) {
        Some(payload) => payload_lines(&mut summary, &payload),
        None if answer.errors.is_empty() => bail!("the answer (HTTP {status}) has no result"),
        None => {}
    }
    Ok(summary)
}

fn fault(summary: &mut Summary, message: &str, extensions: &Extensions) {
    let mut line = format!("error: {}", plain(message));
    let facts = [
        ("code", &extensions.code),
        ("rule", &extensions.rule),
        ("request", &extensions.request_id),
    ];
    for (name, fact) in facts {
        if let Some(fact) = fact {
            let _ = write!(line, "; {name} {}", plain(fact));
        }
    }
    line.push('\n');
    summary.faults.push_str(&line);
}

fn payload_lines(summary: &mut Summary, payload: &Payload) {
    for error in &payload.user_errors {
        let field = error.field.as_deref().unwrap_or_default().join(".");
        let place = if field.is_empty() {
            String::new()
        } else {
            format!(" ({})", plain(&field))
        };
        let (message, code) = (plain(&error.message), plain(&error.code));
        let _ = writeln!(summary.faults, "error: {message}{place}; code {code}");
    }
    let Some(import) = &payload.import else {
        if summary.faults.is_empty() {
            summary
                .faults
                .push_str("error: the server imported nothing and gave no reason\n");
        }
        return;
    };
    let out = &mut summary.out;
    if payload.already_imported {
        out.push_str("this file was imported before, nothing changed\n");
    }
    for statement in payload.statements.as_deref().unwrap_or_default() {
        statement_line(out, statement);
    }
    if !payload.already_imported {
        let new = import.added_count.unwrap_or_default();
        let known = import.duplicate_count.unwrap_or_default();
        let _ = writeln!(
            out,
            "{new} new transactions, {known} that the books already had"
        );
    }
    let id = shown(import.id.as_deref());
    let _ = writeln!(
        out,
        "import {id}, format {}",
        shown(import.format.as_deref())
    );
}

fn statement_line(out: &mut String, statement: &Statement) {
    let account = statement
        .account
        .as_ref()
        .and_then(|account| account.name.as_deref());
    let _ = write!(out, "{}", shown(account));
    if let Some(reference) = &statement.reference {
        let _ = write!(out, ", statement {}", plain(reference));
    }
    if let (Some(start), Some(end)) = (&statement.period_start, &statement.period_end) {
        let _ = write!(out, ", {} to {}", plain(start), plain(end));
    }
    let count = statement.transaction_count.unwrap_or_default();
    let currency = statement.currency.as_deref().map(plain).unwrap_or_default();
    let _ = write!(out, ", {count} transactions, {currency} ");
    let balanced = statement.balance_check.as_deref() == Some("BALANCED");
    let line = match (&statement.opening, &statement.closing) {
        (Some(opening), Some(closing)) if balanced => {
            format!("{} to {}, balances agree", plain(opening), plain(closing))
        }
        (_, Some(closing)) => format!("closing at {}, no opening balance to check", plain(closing)),
        _ if balanced => "balances agree (hidden from this token)".to_owned(),
        _ => "no balances to check".to_owned(),
    };
    let _ = writeln!(out, "{line}");
}

fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "(hidden)".to_owned(), plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: &str = r#"{"data":{"importStatement":{"alreadyImported":false,
        "import":{"id":"imp_1","format":"CAMT_053","addedCount":2,"duplicateCount":1},
        "statements":[{"reference":"S1","currency":"EUR","periodStart":"2026-01-01",
            "periodEnd":"2026-01-31","opening":"10.00","closing":"25.50",
            "balanceCheck":"BALANCED","transactionCount":3,"account":{"name":"Operating"}}],
        "userErrors":[]}}}"#;

    fn read(status: u16, body: &str) -> Summary {
        of(status, body).unwrap()
    }

    #[test]
    fn import_is_told_with_its_balances_and_counts() {
        let summary = read(200, DONE);
        assert_eq!(summary.faults, "");
        assert_eq!(
            summary.out,
            "Operating, statement S1, 2026-01-01 to 2026-01-31, 3 transactions, \
             EUR 10.00 to 25.50, balances agree\n\
             2 new transactions, 1 that the books already had\nimport imp_1, format CAMT_053\n"
        );
    }

    #[test]
    fn second_import_says_that_nothing_changed() {
        let summary = read(
            200,
            &DONE.replace("\"alreadyImported\":false", "\"alreadyImported\":true"),
        );
        assert_eq!(summary.faults, "");
        assert!(
            summary
                .out
                .starts_with("this file was imported before, nothing changed\n")
        );
        assert!(!summary.out.contains("new transactions"));
    }

    #[test]
    fn hidden_balances_are_told_from_missing_ones() {
        let hidden = DONE
            .replace("\"10.00\"", "null")
            .replace("\"25.50\"", "null");
        assert!(
            read(200, &hidden)
                .out
                .contains("balances agree (hidden from this token)")
        );
        let missing = hidden.replace("BALANCED", "NOT_STATED");
        assert!(read(200, &missing).out.contains("no balances to check"));
    }

    #[test]
    fn faults_of_every_kind_fail_the_command() {
        let user = r#"{"data":{"importStatement":{"alreadyImported":false,"import":null,
            "statements":null,"userErrors":[{"code":"STATEMENT_BROKEN",
            "message":"Stmt[1]/Ntry[2]/Amt: `x` is not an amount","field":["content"]}]}}}"#;
        assert_eq!(
            read(200, user).faults,
            "error: Stmt[1]/Ntry[2]/Amt: `x` is not an amount (content); code STATEMENT_BROKEN\n"
        );
        let refused = r#"{"data":null,"errors":[{"message":"not permitted",
            "extensions":{"code":"FORBIDDEN","requestId":"req_7","rule":"fence.tenant"}}]}"#;
        assert_eq!(
            read(403, refused).faults,
            "error: not permitted; code FORBIDDEN; rule fence.tenant; request req_7\n"
        );
        let problem = r#"{"type":"about:blank","title":"Unauthorized","status":401,
            "detail":"the token is not valid","code":"UNAUTHENTICATED","requestId":"req_8"}"#;
        assert_eq!(
            read(401, problem).faults,
            "error: the token is not valid; code UNAUTHENTICATED; request req_8\n"
        );
        let nothing = r#"{"data":{"importStatement":{"alreadyImported":false,"import":null,
            "statements":null,"userErrors":[]}}}"#;
        assert!(!read(200, nothing).faults.is_empty());
    }

    #[test]
    fn answer_of_something_else_is_an_error() {
        assert!(of(502, "<html>bad gateway</html>").is_err());
        assert!(of(200, "{}").is_err());
        assert!(of(200, r#"{"data":{}}"#).is_err());
    }
}
