//! Which format a file has, by its first bytes.

use quick_xml::{Reader, events::Event};

use super::{Format, StatementError};

/// How much of a file is looked at.
const HEAD_MAX: usize = 16 * 1024;

/// The format of a file, by its content. CSV has no mark of its own, so it is never the answer.
pub fn recognise(bytes: &[u8]) -> Option<Format> {
    match kind(bytes) {
        Kind::Known(format) => Some(format),
        _ => None,
    }
}

/// Why a file that is of no known format is refused, in words that help its sender.
pub(super) fn refusal(bytes: &[u8]) -> StatementError {
    StatementError::file(match kind(bytes) {
        Kind::Notification => {
            "a camt.054 notification lists single movements, not the statement of an account: \
             send the camt.053 statement"
        }
        Kind::Utf16 => "the text is in UTF-16: save it as UTF-8",
        Kind::Archive => "the file is a ZIP archive or a spreadsheet: send the statement inside it",
        Kind::Pdf => "the file is a PDF document, which is not data: ask the bank for camt.053",
        Kind::Known(_) | Kind::Unknown => {
            "the format is not known: camt.053, camt.052, OFX and MT940 are recognised, \
             and CSV needs a mapping of its columns"
        }
    })
}

/// Whether the bytes are of a kind that can not be CSV either.
pub(super) fn is_foreign(bytes: &[u8]) -> bool {
    !matches!(kind(bytes), Kind::Known(_) | Kind::Unknown)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Known(Format),
    /// camt.054, debit and credit notification.
    Notification,
    Utf16,
    Archive,
    Pdf,
    Unknown,
}

fn kind(bytes: &[u8]) -> Kind {
    let head = bytes.get(..HEAD_MAX).unwrap_or(bytes);
    if head.starts_with(&[0xFE, 0xFF])
        || head.starts_with(&[0xFF, 0xFE])
        || head.starts_with(&[0, b'<'])
        || head.starts_with(&[b'<', 0])
    {
        return Kind::Utf16;
    }
    if head.starts_with(b"PK\x03\x04") {
        return Kind::Archive;
    }
    if head.starts_with(b"%PDF-") {
        return Kind::Pdf;
    }
    let head = head
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(head)
        .trim_ascii_start();
    if head.starts_with(b"OFXHEADER") {
        return Kind::Known(Format::Ofx);
    }
    if head.starts_with(b"<") {
        return root(head);
    }
    if is_mt940(head) {
        return Kind::Known(Format::Mt940);
    }
    Kind::Unknown
}

/// Follows the first elements of markup until one of them tells.
fn root(head: &[u8]) -> Kind {
    let mut reader = Reader::from_reader(head);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) => {
                match element.local_name().as_ref() {
                    b"BkToCstmrStmt" => return Kind::Known(Format::Camt053),
                    b"BkToCstmrAcctRpt" => return Kind::Known(Format::Camt052),
                    b"BkToCstmrDbtCdtNtfctn" => return Kind::Notification,
                    b"OFX" => return Kind::Known(Format::Ofx),
                    _ => {}
                }
            }
            Ok(Event::Eof) | Err(_) => return Kind::Unknown,
            Ok(_) => {}
        }
    }
}

/// Field 20 opens a message; field 25 names the account.
fn is_mt940(head: &[u8]) -> bool {
    let mut opened = false;
    for line in head.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let field = match line.windows(3).position(|part| part == b"{4:") {
            Some(at) => line.get(at + 3..).unwrap_or_default(),
            None => line,
        };
        if field.starts_with(b":20:") {
            opened = true;
        } else if opened && field.starts_with(b":25") {
            return true;
        }
    }
    false
}
