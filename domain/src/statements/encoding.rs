//! From bytes to text, by what the file says of itself.

use std::{borrow::Cow, str};

use super::StatementError;

/// Where a declaration of the encoding may stand.
const PROLOG_MAX: usize = 1024;

/// The text of an XML file: UTF-8, or the single-byte encoding that the prolog declares.
pub(super) fn xml(bytes: &[u8]) -> Result<Cow<'_, str>, StatementError> {
    let bytes = without_mark(bytes);
    let declared = declared_by_prolog(bytes).unwrap_or_else(|| "UTF-8".to_owned());
    match declared.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" | "US-ASCII" | "ASCII" => utf8(bytes),
        "ISO-8859-1" | "LATIN1" | "LATIN-1" | "WINDOWS-1252" | "CP1252" => Ok(windows_1252(bytes)),
        _ => Err(unsupported(&declared)),
    }
}

/// The text of an OFX 1 file.
///
/// Many banks declare `CHARSET:1252` and send UTF-8. Text in another encoding that has a letter
/// beyond ASCII is practically never valid UTF-8 by chance, so that valid UTF-8 is taken as such.
pub(super) fn ofx(bytes: &[u8]) -> Result<Cow<'_, str>, StatementError> {
    let bytes = without_mark(bytes);
    if let Ok(text) = str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    match declared_by_header(bytes, b"CHARSET:").as_deref() {
        None | Some("" | "NONE" | "1252" | "ISO-8859-1" | "8859-1" | "WINDOWS-1252") => {
            if declared_by_header(bytes, b"ENCODING:").is_some_and(|name| name.starts_with("UTF")) {
                utf8(bytes)
            } else {
                Ok(windows_1252(bytes))
            }
        }
        Some(other) => Err(unsupported(other)),
    }
}

/// The text of a file whose format has no place for a declaration: UTF-8, else Windows-1252.
pub(super) fn undeclared(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = without_mark(bytes);
    str::from_utf8(bytes).map_or_else(|_| windows_1252(bytes), Cow::Borrowed)
}

/// The line of a byte, as errors name it.
pub(super) fn line(bytes: &[u8], offset: usize) -> String {
    let before = bytes.get(..offset).unwrap_or(bytes);
    format!("line {}", before.split(|byte| *byte == b'\n').count())
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, StatementError> {
    str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        StatementError::new(
            line(bytes, error.valid_up_to()),
            "the text is not valid UTF-8",
        )
    })
}

fn unsupported(name: &str) -> StatementError {
    StatementError::file(format!(
        "the character encoding {} is not supported: save the file as UTF-8",
        super::field::quoted(name)
    ))
}

/// ISO 8859-1 and its superset Windows-1252, which differ only where the former has control codes.
fn windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    const UPPER: [char; 32] = [
        '\u{20AC}', '\u{81}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}',
        '\u{2021}', '\u{2C6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8D}', '\u{17D}',
        '\u{8F}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}',
        '\u{2014}', '\u{2DC}', '\u{2122}', '\u{161}', '\u{203A}', '\u{153}', '\u{9D}', '\u{17E}',
        '\u{178}',
    ];
    let decoded = |byte: u8| match byte.checked_sub(0x80).map(usize::from) {
        Some(place) => UPPER.get(place).copied().unwrap_or(char::from(byte)),
        None => char::from(byte),
    };
    Cow::Owned(bytes.iter().copied().map(decoded).collect())
}

/// `encoding="…"` of `<?xml …?>`.
fn declared_by_prolog(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..PROLOG_MAX).unwrap_or(bytes).trim_ascii_start();
    let prolog = head.strip_prefix(b"<?xml")?;
    let end = prolog.windows(2).position(|part| part == b"?>")?;
    let prolog = String::from_utf8_lossy(prolog.get(..end)?).into_owned();
    let (_, rest) = prolog.split_once("encoding")?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = value
        .chars()
        .next()
        .filter(|mark| matches!(mark, '"' | '\''))?;
    value.split(quote).nth(1).map(str::to_owned)
}

/// The value of a `KEY:VALUE` pair of the header that precedes the first element.
fn declared_by_header(bytes: &[u8], key: &[u8]) -> Option<String> {
    let head = bytes.get(..PROLOG_MAX).unwrap_or(bytes);
    let header = head.split(|byte| *byte == b'<').next()?;
    let at = header.windows(key.len()).position(|part| part == key)?;
    let value = header.get(at + key.len()..)?;
    let value = value.split(u8::is_ascii_whitespace).next()?;
    Some(String::from_utf8_lossy(value).to_ascii_uppercase())
}
