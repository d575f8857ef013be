//! What is wrong with a configuration, in words: which key, what is wanted there, and where it stands.
//!
//! No value is repeated: it may be a secret. Of what serde says only that part is passed on that comes from
//! types and not from what was read.

use std::path::Path;

use figment::{
    Error, Figment, Metadata, Source,
    error::{Actual, Kind},
};
use url::ParseError;

use super::{super::EXAMPLE, PREFIX, aws, environment};

/// How the fault of a secret's file begins. Other texts of serde may quote a value.
pub(super) const FILE_FAULT: &str = "names a file that can not be read";
/// How faults begin whose words are this program's own, and quote no secret.
const OWN: [&str; 5] = [
    FILE_FAULT,
    "is no network:",
    "is a secret key,",
    "is no public key",
    "is no day,",
];
/// What serde expects of a secret.
pub(super) const SECRET: &str =
    "text in quotes, or the file that has it, such as `{ file = \"/run/secrets/it\" }`";

const ADDRESS: &str = "address with its scheme, such as `https://books.example`";
const LISTEN: &str = "address and port, such as `127.0.0.1:8080`";

/// What was read beside the environment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    /// A file.
    File(&'a Path),
    /// Nothing.
    Environment,
    /// Text of this program's own.
    Text,
}

/// One fault that reading met.
pub(super) fn describe(error: &Error, origin: Origin<'_>) -> String {
    let path = error.path.join(".");
    let place = error.metadata.as_ref().and_then(|from| place(from, &path));
    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
    match &error.kind {
        Kind::MissingField(field) => return missing(&path, field, origin),
        Kind::UnknownField(field, known) => {
            return format!("`{path}` is no key{place}: {}", meant(&path, field, known));
        }
        _ if path.is_empty() => return no_toml(&error.kind, &place),
        _ => {}
    }
    format!("`{path}` {}{place}", fault(&error.kind, &path, &place))
}

/// Where the value of a key stands, for whoever looks for it.
pub(super) fn place_of(figment: &Figment, path: &str) -> Option<String> {
    place(figment.find_metadata(path)?, path)
}

fn place(from: &Metadata, path: &str) -> Option<String> {
    match &from.source {
        Some(Source::File(file)) => Some(format!("in `{}`", file.display())),
        Some(Source::Code(_)) => {
            aws::variable(path).map(|variable| format!("in the environment variable `{variable}`"))
        }
        None if from.name.contains(PREFIX) => {
            // A variable may hold a whole table, or a list.
            let within = |key: &str| {
                path.strip_prefix(key)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let variable = environment()
                .iter()
                .map(|(key, _)| key.to_string())
                .find(|key| within(key));
            let variable = variable.map_or(format!("{PREFIX}…"), |key| variable_of(&key));
            Some(format!("in the environment variable `{variable}`"))
        }
        _ => None,
    }
}

fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "__"))
}

fn missing(table: &str, field: &str, origin: Origin<'_>) -> String {
    let (what, path) = if table.is_empty() {
        (format!("the section `[{field}]`"), field.to_owned())
    } else {
        let path = format!("{table}.{field}");
        (format!("`{path}`"), path)
    };
    let is_listed = path.split('.').any(|part| part.parse::<usize>().is_ok());
    let variable = variable_of(&path) + if table.is_empty() { "__…" } else { "" };
    match origin {
        Origin::Environment => format!(
            "{what} is missing: neither is there a `countersign.toml` in this folder, nor does `--config` name a \
             file, nor is there an environment variable `{variable}`"
        ),
        Origin::File(file) if is_listed => format!("{what} is missing (in `{}`)", file.display()),
        Origin::File(file) => format!(
            "{what} is missing: give it in `{}`, or by the environment variable `{variable}`",
            file.display()
        ),
        Origin::Text => format!("{what} is missing"),
    }
}

/// The parser's own words show the line, and a secret may stand in it: its place must do.
fn no_toml(kind: &Kind, place: &str) -> String {
    let text = kind.to_string();
    let mut lines = text.lines();
    let at = lines.find_map(|line| line.split(" at ").nth(1).map(str::to_owned));
    let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
    format!("it is not TOML{at}{place}")
}

/// Which key was probably meant, or which there are.
fn meant(path: &str, field: &str, known: &[&str]) -> String {
    let table = path.strip_suffix(field).unwrap_or_default();
    let beside = known.iter().map(|key| format!("{table}{key}"));
    let near = |key: &String| strsim::damerau_levenshtein(key, path);
    let nearest = beside.min_by_key(near);
    let nearest = nearest.filter(|key| near(key) <= 1 + field.len() / 4);
    // It may stand in another section than its own.
    let elsewhere = || {
        let name = field.split('.').next_back();
        let mut all = examples();
        all.find(|(_, key, _)| Some(*key) == name)
            .map(|(section, key, _)| format!("{section}.{key}"))
    };
    let known = known.join(", ");
    match nearest.or_else(elsewhere) {
        Some(key) => format!("`{key}` is probably meant"),
        None if table.is_empty() => format!("the sections are {known}"),
        None => format!("`{}` has {known}", table.trim_end_matches('.')),
    }
}

fn fault(kind: &Kind, path: &str, place: &str) -> String {
    match kind {
        // Variables are read as TOML's values are, so that a password of digits is a number.
        Kind::InvalidType(found, wanted)
            if matches!(&**wanted, "a string" | SECRET)
                && matches!(
                    found,
                    Actual::Bool(_) | Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_)
                )
                && place.contains(PREFIX) =>
        {
            "is no text: what could be a number, `true` or `false` stands in double quotes within the variable"
                .to_owned()
        }
        Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) => form(wanted, path),
        Kind::InvalidLength(_, wanted) => format!("has another number of parts than {wanted}"),
        Kind::UnknownVariant(_, names) => format!("is none of `{}`", names.join("`, `")),
        Kind::DuplicateField(_) => "is given twice".to_owned(),
        Kind::Message(text) if OWN.iter().any(|own| text.starts_with(own)) => text.clone(),
        Kind::Message(text) if text.starts_with("invalid socket address") => {
            format!("is no {LISTEN}")
        }
        Kind::Message(text) if address_fault(text).is_some() => {
            let why = address_fault(text).unwrap_or_default();
            format!("is no {ADDRESS}: {why}")
        }
        _ => format!("is not of the form that is wanted{}", such_as(path)),
    }
}

/// What a value is not, by what its type expects.
fn form(expected: &str, path: &str) -> String {
    match expected {
        "a string" => "is no text in quotes".to_owned(),
        "a boolean" => "is neither `true` nor `false`".to_owned(),
        "u8" => numbers(path, "from 0 to 255"),
        "u16" => numbers(path, "from 0 to 65535"),
        "u32" => numbers(path, "from 0 to 4294967295"),
        "u64" | "usize" => numbers(path, "of 0 or more"),
        "a nonzero u32" => numbers(path, "from 1 to 4294967295"),
        "path string" => "is no path of a file or folder, in quotes".to_owned(),
        "a string representing an URL" => format!("is no {ADDRESS}, in quotes"),
        "socket address" => format!("is no {LISTEN}, in quotes"),
        "a sequence" => format!("is no list in brackets{}", such_as(path)),
        _ if expected.starts_with("struct ") && path.contains('.') => {
            format!("is no table of keys{}", such_as(path))
        }
        _ if expected.starts_with("struct ") => {
            format!("is no section, whose keys follow a line `[{path}]`")
        }
        _ if expected.starts_with("enum ") => {
            format!("is none of the words that are known{}", such_as(path))
        }
        other => format!("is not {other}"),
    }
}

fn numbers(path: &str, range: &str) -> String {
    let units = [
        ("_ms", "milliseconds"),
        ("_seconds", "seconds"),
        ("_minutes", "minutes"),
        ("_days", "days"),
    ];
    let unit = units.iter().find(|(end, _)| path.ends_with(end));
    let unit = unit
        .map(|(_, unit)| format!(": {unit}"))
        .unwrap_or_default();
    format!("is no whole number {range}{unit}")
}

/// Why an address can not be read, where it is the parser of addresses that said so: it quotes the address
/// behind that.
fn address_fault(text: &str) -> Option<String> {
    [
        ParseError::EmptyHost,
        ParseError::IdnaError,
        ParseError::InvalidPort,
        ParseError::InvalidIpv4Address,
        ParseError::InvalidIpv6Address,
        ParseError::InvalidDomainCharacter,
        ParseError::RelativeUrlWithoutBase,
        ParseError::RelativeUrlWithCannotBeABaseBase,
        ParseError::SetHostOnCannotBeABaseUrl,
        ParseError::Overflow,
    ]
    .iter()
    .map(ToString::to_string)
    .find(|fault| text.starts_with(fault))
}

/// How the example has it.
fn such_as(path: &str) -> String {
    let mut all = examples();
    let found =
        all.find(|(section, key, _)| path.strip_prefix(section) == Some(&format!(".{key}")));
    found
        .map(|(_, _, value)| format!(", such as `{value}`"))
        .unwrap_or_default()
}

/// Section, key and value of every line of the example that has them, those that are commented out included.
pub(in crate::config) fn examples()
-> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let mut section = "";
    EXAMPLE.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            return None;
        }
        let line = line.strip_prefix("# ").unwrap_or(line);
        let (key, value) = line.split_once(" = ")?;
        let is_key = key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_key.then_some((section, key, value))
    })
}
