//! `countersign import`: sends a bank statement to a server, as a person or a partner would.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_domain::{id::AccountId, money::Currency, statements::BYTES_MAX};
use reqwest::{Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::arguments::UsageError;

mod summary;

/// Where the token is taken from: an argument would be seen in the list of processes.
const TOKEN_VARIABLE: &str = "COUNTERSIGN_TOKEN";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Reading a file of the greatest size takes a while.
const TIMEOUT: Duration = Duration::from_mins(2);

const MUTATION: &str = "\
mutation ImportStatement($input: ImportStatementInput!) {
  importStatement(input: $input) {
    alreadyImported
    import { id format addedCount duplicateCount }
    statements {
      reference currency periodStart periodEnd opening closing balanceCheck transactionCount
      account { name }
    }
    userErrors { code message field }
  }
}";

/// Import a bank statement: camt.053, camt.052, OFX, MT940, or CSV with a mapping
///
/// The API token is read from the environment variable `COUNTERSIGN_TOKEN`. It needs the scope
/// `statements:import`, and `basic:read` and `financial:read` to compare the entries with the books.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The server's address, such as `https://books.example.com`
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    server: Url,

    /// The account that the file belongs to; `none` where the file names its own
    #[arg(long, value_name = "ID", default_value = "none", value_parser = account)]
    account: Account,

    /// The file of the statement, as the bank gives it, of 8 MiB at the most
    file: PathBuf,

    #[command(flatten)]
    csv: CsvArgs,
}

/// The columns of a CSV file, by their headers.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "CSV files")]
#[expect(
    clippy::struct_field_names,
    reason = "the names of the fields are those of the options"
)]
struct CsvArgs {
    /// Column of the booking date; says that the file is CSV
    #[arg(long, value_name = "HEADER", requires = "csv_description")]
    csv_date: Option<String>,

    /// How dates are written
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "%Y-%m-%d",
        requires = "csv_date"
    )]
    csv_date_format: String,

    /// Column of the signed amounts
    #[arg(
        long,
        value_name = "HEADER",
        requires = "csv_date",
        conflicts_with_all = ["csv_credit", "csv_debit"]
    )]
    csv_amount: Option<String>,

    /// Column of money in, where amounts have two columns
    #[arg(long, value_name = "HEADER", requires = "csv_debit")]
    csv_credit: Option<String>,

    /// Column of money out, where amounts have two columns
    #[arg(long, value_name = "HEADER", requires = "csv_credit")]
    csv_debit: Option<String>,

    /// Column of the description
    #[arg(long, value_name = "HEADER", requires = "csv_date")]
    csv_description: Option<String>,

    /// Column of the other party
    #[arg(long, value_name = "HEADER", requires = "csv_date")]
    csv_counterparty: Option<String>,

    /// Column of the bank's reference
    #[arg(long, value_name = "HEADER", requires = "csv_date")]
    csv_reference: Option<String>,

    /// Column of the balance after each row, which is then checked
    #[arg(long, value_name = "HEADER", requires = "csv_date")]
    csv_balance: Option<String>,

    /// What stands between columns: `,` `;` `|` or a tab
    #[arg(
        long,
        value_name = "CHARACTER",
        default_value = ",",
        requires = "csv_date",
        value_parser = delimiter
    )]
    csv_delimiter: String,

    /// What stands before cents: `.` or `,`
    #[arg(
        long,
        value_name = "CHARACTER",
        default_value = ".",
        requires = "csv_date",
        value_parser = [".", ","],
        hide_possible_values = true
    )]
    csv_decimal_mark: String,

    /// The currency of the amounts, if it is not the account's
    #[arg(long, value_name = "CODE", requires = "csv_date", value_parser = currency)]
    csv_currency: Option<Currency>,
}

impl CsvArgs {
    /// Whether amounts are somewhere, where a mapping is given.
    fn check(&self) -> anyhow::Result<()> {
        let is_mapped = self.csv_amount.is_some() || self.csv_credit.is_some();
        if self.csv_date.is_none() || is_mapped {
            return Ok(());
        }
        Err(UsageError::of(
            "no column has the amounts: give `--csv-amount`, or `--csv-credit` and `--csv-debit`",
        ))
    }

    /// The GraphQL input, where a mapping is given. What is not given is left out.
    fn mapping(&self) -> Option<Value> {
        let date = self.csv_date.as_ref()?;
        let currency = self.csv_currency.map(|code| code.code().to_owned());
        let given = [
            ("date", Some(date)),
            ("dateFormat", Some(&self.csv_date_format)),
            ("amount", self.csv_amount.as_ref()),
            ("credit", self.csv_credit.as_ref()),
            ("debit", self.csv_debit.as_ref()),
            ("description", self.csv_description.as_ref()),
            ("counterparty", self.csv_counterparty.as_ref()),
            ("reference", self.csv_reference.as_ref()),
            ("balance", self.csv_balance.as_ref()),
            ("delimiter", Some(&self.csv_delimiter)),
            ("decimalMark", Some(&self.csv_decimal_mark)),
            ("currency", currency.as_ref()),
        ];
        let fields = given
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
        Some(Value::Object(fields.collect()))
    }
}

fn delimiter(text: &str) -> Result<String, &'static str> {
    let known = matches!(text, "," | ";" | "|" | "\t");
    known
        .then(|| text.to_owned())
        .ok_or("give one character: `,` `;` `|` or a tab, which a shell writes as $'\\t'")
}

fn currency(text: &str) -> Result<Currency, &'static str> {
    text.parse()
        .map_err(|_| "give a code of three capital letters, such as `EUR`")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account(Option<AccountId>);

fn account(text: &str) -> Result<Account, String> {
    match text {
        "none" => Ok(Account(None)),
        id => id
            .parse()
            .map(|id| Account(Some(id)))
            .map_err(|error| format!("{error}, or `none`")),
    }
}

/// Sends the file and prints what came of it.
///
/// Ends with failure where the server refuses the file; with an error where it can not be asked.
pub async fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    args.csv.check()?;
    let token = token()?;
    let input = input(&args).await?;
    let (status, body) = send(args.server, &token, &input).await?;
    let summary = summary::of(status, &body)?;
    io::stdout()
        .lock()
        .write_all(summary.out.as_bytes())
        .context("can not print")?;
    io::stderr()
        .lock()
        .write_all(summary.faults.as_bytes())
        .context("can not print")?;
    Ok(if summary.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the token is a secret of whoever calls, not configuration of this server"
)]
fn token() -> anyhow::Result<SecretString> {
    let given = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
    let token = given.trim();
    if token.is_empty() {
        let fault = format!("no API token: set the environment variable {TOKEN_VARIABLE}");
        return Err(UsageError::of(fault));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let fault = format!(
            "the environment variable {TOKEN_VARIABLE} has no API token: it has more than one word"
        );
        return Err(UsageError::of(fault));
    }
    Ok(SecretString::from(token))
}

/// `/graphql` of the server. The token is sent in the clear to this very machine only.
fn endpoint(server: &str) -> Result<Url, &'static str> {
    let fault = "give the server's address, such as `https://books.example.com`";
    let mut address = Url::parse(server).map_err(|_| fault)?;
    let host = address.host_str().ok_or(fault)?;
    let own = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let safe = address.scheme() == "https" || (address.scheme() == "http" && own);
    if !safe {
        return Err(
            "the address has to start with `https://`, so that the token is not read on the way",
        );
    }
    if !address.username().is_empty() || address.password().is_some() {
        return Err("the address has to be without a user or password");
    }
    let path = format!("{}/graphql", address.path().trim_end_matches('/'));
    address.set_path(&path);
    address.set_query(None);
    address.set_fragment(None);
    Ok(address)
}

async fn input(args: &ImportArgs) -> anyhow::Result<Value> {
    let shown = args.file.display();
    let meta = tokio::fs::metadata(&args.file)
        .await
        .with_context(|| format!("can not read `{shown}`"))?;
    ensure!(meta.is_file(), "`{shown}` is not a file");
    let limit = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX);
    if meta.len() > limit {
        bail!(
            "`{shown}` has {} bytes, and at most {limit} are taken: split it by month",
            meta.len()
        );
    }
    let content = tokio::fs::read(&args.file)
        .await
        .with_context(|| format!("can not read `{shown}`"))?;
    let name = args
        .file
        .file_name()
        .with_context(|| format!("`{shown}` has no name"))?;
    let mut input = json!({
        "fileName": name.to_string_lossy(),
        "content": STANDARD.encode(content),
    });
    if let Value::Object(fields) = &mut input {
        if let Account(Some(account)) = args.account {
            fields.insert("accountId".to_owned(), json!(account));
        }
        if let Some(mapping) = args.csv.mapping() {
            fields.insert("csv".to_owned(), mapping);
        }
    }
    Ok(input)
}

async fn send(address: Url, token: &SecretString, input: &Value) -> anyhow::Result<(u16, String)> {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        // The token is for this server, and for no other that it points to.
        .redirect(redirect::Policy::none())
        .build()
        .context("can not prepare the request")?;
    let shown = address.clone();
    let response = client
        .post(address)
        .bearer_auth(token.expose_secret())
        .header(
            "accept",
            "application/graphql-response+json, application/json;q=0.9",
        )
        .json(&json!({ "query": MUTATION, "variables": { "input": input } }))
        .send()
        .await
        .with_context(|| format!("the server at {shown} does not answer"))?;
    let status = response.status().as_u16();
    let body = response
        .text()
        .await
        .with_context(|| format!("the answer of {shown} broke off"))?;
    Ok((status, body))
}

/// Text from elsewhere on one line of a terminal, without its control sequences.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            let _ = write!(shown, "{}", character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(server: &str) -> Option<String> {
        endpoint(server).ok().map(|address| address.to_string())
    }

    #[test]
    fn token_goes_over_tls_or_stays_on_the_machine() {
        assert_eq!(
            address("https://books.example.com/").as_deref(),
            Some("https://books.example.com/graphql")
        );
        assert_eq!(
            address("https://example.com/books?x=1#y").as_deref(),
            Some("https://example.com/books/graphql")
        );
        assert_eq!(
            address("http://localhost:8080").as_deref(),
            Some("http://localhost:8080/graphql")
        );
        for unsafe_address in [
            "http://books.example.com",
            "ftp://localhost",
            "https://me:pass@example.com",
        ] {
            assert_eq!(address(unsafe_address), None, "{unsafe_address}");
        }
    }

    #[test]
    fn account_is_an_account_id_or_none() {
        assert_eq!(account("none"), Ok(Account(None)));
        assert!(account("acc_00000000000000000000000000000001").is_ok_and(|a| a.0.is_some()));
        assert!(account("txn_00000000000000000000000000000001").is_err());
        assert!(account("").is_err());
    }

    #[test]
    fn control_sequences_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
    }
}
