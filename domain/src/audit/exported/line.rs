//! A line as `json_line` writes it, judged where it stands, without making anything of it.
//!
//! Whatever is not exactly of that form, or does not verify, is judged by way of [`super::Exported`], which
//! alone says what is wrong. So nothing here may accept what would be refused there.

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use crate::{
    audit::{Hash, Head, Outcome},
    id::{AuditEntryId, RequestId, TenantId},
};

/// The values of hexadecimal digits as rows have them, in lower case; [`NONE`] for what is none.
const DIGITS: [u8; 256] = {
    let mut digits = [NONE; 256];
    let mut value: u8 = 0;
    while value < 16 {
        let digit = if value < 10 {
            b'0' + value
        } else {
            b'a' - 10 + value
        };
        #[expect(
            clippy::indexing_slicing,
            reason = "a byte is below 256, as compiling shows"
        )]
        {
            digits[digit as usize] = value;
        }
        value += 1;
    }
    digits
};
const NONE: u8 = 0xff;

/// Judges lines; keeps what they are judged by.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The bytes of the row that are hashed.
    hashed: Vec<u8>,
    /// The policies of the row before, as they are written and as bytes: they are seldom others.
    policies: Option<([u8; 64], Hash)>,
}

/// What a line is that verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judged {
    /// The row's place.
    pub(super) here: Head,
    /// What it links to.
    pub(super) previous: Hash,
}

/// A row, its texts as they stand in its line.
struct Row<'l> {
    owner: [u8; 16],
    seq: i64,
    id: [u8; 16],
    request: [u8; 16],
    at: i64,
    policies: Option<Hash>,
    /// Kind and id of the actor, action, permission, outcome.
    texts: [&'l [u8]; 5],
    source: Option<&'l [u8]>,
    /// How many, and where they stand.
    targets: (u32, Rest<'l>),
    /// With its escapes.
    payload: &'l [u8],
    previous: Hash,
    hash: Hash,
}

impl Lines {
    /// The row of a line, where it is of the newest encoding, of that tenant, and says what was hashed.
    pub(super) fn judge(&mut self, tenant: TenantId, line: &[u8]) -> Option<Judged> {
        let row = self.read(line)?;
        let says = self.hash(&row)?;
        let here = Head {
            seq: row.seq,
            hash: row.hash,
        };
        let is_good = row.owner == *tenant.uuid().as_bytes() && says == row.hash;
        is_good.then_some(Judged {
            here,
            previous: row.previous,
        })
    }

    fn read<'l>(&mut self, line: &'l [u8]) -> Option<Row<'l>> {
        let mut rest = Rest(line);
        rest.skip(b"{\"tenant\":\"")?;
        let owner = rest.id(TenantId::PREFIX)?;
        rest.skip(b"\",\"seq\":")?;
        let seq = rest.number()?;
        rest.skip(b",\"encoding\":2,\"id\":\"")?;
        let id = rest.id(AuditEntryId::PREFIX)?;
        rest.skip(b"\",\"occurredAt\":\"")?;
        let at = rest.instant()?;
        let actor_kind = rest.text_after(b"\",\"actorKind\":\"")?;
        let actor_id = rest.text_after(b",\"actorId\":\"")?;
        let action = rest.text_after(b",\"action\":\"")?;
        let permission = rest.text_after(b",\"permission\":\"")?;
        rest.skip(b",\"policies\":")?;
        let mut policies = None;
        self.policies(&mut rest, &mut policies)?;
        let outcome = rest.text_after(b",\"outcome\":\"")?;
        let known = [Outcome::Done, Outcome::Refused, Outcome::Failed];
        known
            .iter()
            .find(|known| known.name().as_bytes() == outcome)?;
        rest.skip(b",\"targets\":[")?;
        let targets = rest.targets()?;
        rest.skip(b",\"requestId\":\"")?;
        let request = rest.id(RequestId::PREFIX)?;
        rest.skip(b"\",\"source\":")?;
        let source = if rest.skips(b"null") {
            None
        } else {
            Some(rest.text_after(b"\"")?)
        };
        rest.skip(b",\"payload\":\"")?;
        let payload = rest.escaped()?;
        rest.skip(b",\"previous\":\"")?;
        let previous = rest.hex()?;
        rest.skip(b"\",\"hash\":\"")?;
        let hash = rest.hex()?;
        rest.skip(b"\",\"signature\":\"")?;
        let _: Hash = rest.hex()?;
        rest.skip(b"\"}\n")?;
        rest.0.is_empty().then_some(Row {
            owner,
            seq,
            id,
            request,
            at,
            policies,
            texts: [actor_kind, actor_id, action, permission, outcome],
            source,
            targets,
            payload,
            previous,
            hash,
        })
    }

    /// SHA-256 of the row, by its encoding.
    fn hash(&mut self, row: &Row<'_>) -> Option<Hash> {
        let out = &mut self.hashed;
        out.clear();
        out.extend_from_slice(b"countersign-audit-v2");
        out.extend_from_slice(&row.seq.to_be_bytes());
        let at = row.at.to_be_bytes();
        for part in [&row.previous[..], &row.owner, &row.id, &row.request, &at] {
            out.extend_from_slice(part);
        }
        out.push(u8::from(row.policies.is_some()));
        out.extend_from_slice(row.policies.as_ref().map_or(&[], |policies| &policies[..]));
        for text in row.texts {
            put(out, text)?;
        }
        put_unescaped(out, row.payload)?;
        out.push(u8::from(row.source.is_some()));
        if let Some(source) = row.source {
            put(out, source)?;
        }
        let (count, mut targets) = row.targets;
        out.extend_from_slice(&count.to_be_bytes());
        for _ in 0..count {
            targets.skips(b",");
            put(out, targets.text_after(b"\"")?)?;
        }
        Some(Sha256::digest(&*out).into())
    }

    fn policies(&mut self, rest: &mut Rest<'_>, policies: &mut Option<Hash>) -> Option<()> {
        if rest.skips(b"null") {
            return Some(());
        }
        rest.skip(b"\"")?;
        let written = *rest.0.first_chunk::<64>()?;
        let found = match self.policies {
            Some((before, found)) if before == written => {
                rest.0 = rest.0.get(64..)?;
                found
            }
            _ => rest.hex()?,
        };
        self.policies = Some((written, found));
        *policies = Some(found);
        rest.skip(b"\"")
    }
}

/// A text behind its length.
fn put(out: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    out.extend_from_slice(&u32::try_from(text.len()).ok()?.to_be_bytes());
    out.extend_from_slice(text);
    Some(())
}

/// The same of a text as it stands in JSON.
fn put_unescaped(out: &mut Vec<u8>, escaped: &[u8]) -> Option<()> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut parts = escaped.split(|byte| *byte == b'\\');
    out.extend_from_slice(parts.next()?);
    while let Some(part) = parts.next() {
        // Nothing stands between two backslashes of which the second is what was escaped.
        let (escaped, plain) = match part.split_first() {
            Some((b'"', plain)) => (b'"', plain),
            Some((b'n', plain)) => (b'\n', plain),
            Some((b't', plain)) => (b'\t', plain),
            None => (b'\\', parts.next()?),
            Some(_) => return None,
        };
        out.push(escaped);
        out.extend_from_slice(plain);
    }
    let length = out.len().checked_sub(start)?.checked_sub(4)?;
    let length = u32::try_from(length).ok()?.to_be_bytes();
    out.get_mut(start..)?
        .first_chunk_mut::<4>()?
        .copy_from_slice(&length);
    Some(())
}

/// What is left of a line.
#[derive(Clone, Copy)]
struct Rest<'l>(&'l [u8]);

impl<'l> Rest<'l> {
    fn skips(&mut self, what: &[u8]) -> bool {
        self.skip(what).is_some()
    }

    fn skip(&mut self, what: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(what)?;
        Some(())
    }

    fn text_after(&mut self, what: &[u8]) -> Option<&'l [u8]> {
        self.skip(what)?;
        self.text()
    }

    /// How many texts there are until the bracket, and what they are read from.
    fn targets(&mut self) -> Option<(u32, Self)> {
        let (mut count, all) = (0_u32, *self);
        while !self.skips(b"]") {
            if count > 0 {
                self.skip(b",")?;
            }
            self.text_after(b"\"")?;
            count = count.checked_add(1)?;
        }
        Some((count, all))
    }

    /// A text without escapes, and the quote behind it.
    fn text(&mut self) -> Option<&'l [u8]> {
        let end = self
            .0
            .iter()
            .position(|byte| *byte == b'"' || *byte == b'\\' || *byte < b' ')?;
        let (text, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.strip_prefix(b"\"")?;
        str::from_utf8(text).ok().map(str::as_bytes)
    }

    /// A text with escapes, as it stands, and the quote behind it.
    fn escaped(&mut self) -> Option<&'l [u8]> {
        let mut end = 0;
        loop {
            let from = self.0.get(end..)?;
            let stop = from
                .iter()
                .position(|byte| *byte == b'"' || *byte == b'\\' || *byte < b' ')?;
            end += stop;
            match self.0.get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                _ => return None,
            }
        }
        let (text, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.strip_prefix(b"\"")?;
        str::from_utf8(text).ok().map(str::as_bytes)
    }

    /// A whole number above zero, as it is written.
    fn number(&mut self) -> Option<i64> {
        let end = self.0.iter().position(|byte| !byte.is_ascii_digit())?;
        let (digits, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        if end == 0 || end > 18 || digits.first() == Some(&b'0') {
            return None;
        }
        Some(decimal(digits))
    }

    /// An instant as `2026-09-21T14:13:20.000001Z`, in microseconds since 1970.
    fn instant(&mut self) -> Option<i64> {
        let (text, rest) = self.0.split_first_chunk::<27>()?;
        self.0 = rest;
        let form = b"0000-00-00T00:00:00.000000Z";
        let fits = text.iter().zip(form).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        });
        if !fits {
            return None;
        }
        let part = |from: usize, to: usize| text.get(from..to).map(decimal);
        let small = |from, to| u32::try_from(part(from, to)?).ok();
        let day = NaiveDate::from_ymd_opt(
            i32::try_from(part(0, 4)?).ok()?,
            small(5, 7)?,
            small(8, 10)?,
        )?;
        let at = day.and_hms_micro_opt(
            small(11, 13)?,
            small(14, 16)?,
            small(17, 19)?,
            small(20, 26)?,
        )?;
        Some(at.and_utc().timestamp_micros())
    }

    /// The sixteen bytes of an id.
    fn id(&mut self, prefix: &str) -> Option<[u8; 16]> {
        self.skip(prefix.as_bytes())?;
        self.skip(b"_")?;
        self.hex()
    }

    fn hex<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (digits, rest) = self.0.split_at_checked(N.checked_mul(2)?)?;
        self.0 = rest;
        let (mut bytes, mut all) = ([0; N], 0);
        let (pairs, _) = digits.as_chunks::<2>();
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let (high, low) = (digit(*high), digit(*low));
            all |= high | low;
            *byte = high.wrapping_shl(4) | (low & 0x0f);
        }
        // Only what is no digit has the upper half set.
        (all < 16).then_some(bytes)
    }
}

fn digit(byte: u8) -> u8 {
    DIGITS.get(usize::from(byte)).copied().unwrap_or(NONE)
}

fn decimal(digits: &[u8]) -> i64 {
    digits.iter().fold(0, |number, digit| {
        number * 10 + i64::from(digit.wrapping_sub(b'0'))
    })
}

#[cfg(test)]
mod tests;
