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

impl Lines {
    /// The row of a line, where it is of the newest encoding, of that tenant, and says what was hashed.
    pub(super) fn judge(&mut self, tenant: TenantId, line: &[u8]) -> Option<Judged> {
        let mut rest = Rest(line);
        rest.skip(b"{\"tenant\":\"")?;
        let owner = rest.id(TenantId::PREFIX)?;
        rest.skip(b"\",\"seq\":")?;
        let seq = rest.number()?;
        rest.skip(b",\"encoding\":2,\"id\":\"")?;
        let id = rest.id(AuditEntryId::PREFIX)?;
        rest.skip(b"\",\"occurredAt\":\"")?;
        let at = rest.instant()?;
        let mut text = |name: &[u8]| {
            rest.skip(name)?;
            rest.text()
        };
        let actor_kind = text(b"\",\"actorKind\":\"")?;
        let actor_id = text(b",\"actorId\":\"")?;
        let action = text(b",\"action\":\"")?;
        let permission = text(b",\"permission\":\"")?;
        rest.skip(b",\"policies\":")?;
        let policies = self.policies(&mut rest)?;
        rest.skip(b",\"outcome\":\"")?;
        let outcome = rest.text()?;
        let known = [Outcome::Done, Outcome::Refused, Outcome::Failed];
        let is_known = |known: &Outcome| known.name().as_bytes() == outcome;
        known.iter().find(|known| is_known(known))?;
        rest.skip(b",\"targets\":[")?;
        let mut targets = rest;
        let mut count = 0_u32;
        while !rest.skips(b"]") {
            if count > 0 {
                rest.skip(b",")?;
            }
            rest.skip(b"\"")?;
            rest.text()?;
            count = count.checked_add(1)?;
        }
        rest.skip(b",\"requestId\":\"")?;
        let request = rest.id(RequestId::PREFIX)?;
        rest.skip(b"\",\"source\":")?;
        let source = if rest.skips(b"null") {
            None
        } else {
            rest.skip(b"\"")?;
            Some(rest.text()?)
        };
        rest.skip(b",\"payload\":\"")?;
        let payload = rest.escaped()?;
        rest.skip(b",\"previous\":\"")?;
        let previous: Hash = rest.hex()?;
        rest.skip(b"\",\"hash\":\"")?;
        let hash: Hash = rest.hex()?;
        rest.skip(b"\",\"signature\":\"")?;
        let _: Hash = rest.hex()?;
        rest.skip(b"\"}\n")?;
        if !rest.0.is_empty() || owner != *tenant.uuid().as_bytes() {
            return None;
        }

        let out = &mut self.hashed;
        out.clear();
        out.extend_from_slice(b"countersign-audit-v2");
        out.extend_from_slice(&seq.to_be_bytes());
        for part in [&previous[..], &owner, &id, &request, &at.to_be_bytes()] {
            out.extend_from_slice(part);
        }
        out.push(u8::from(policies.is_some()));
        out.extend_from_slice(policies.as_ref().map_or(&[], |policies| &policies[..]));
        for part in [actor_kind, actor_id, action, permission, outcome] {
            put(out, part)?;
        }
        put_unescaped(out, payload)?;
        out.push(u8::from(source.is_some()));
        if let Some(source) = source {
            put(out, source)?;
        }
        out.extend_from_slice(&count.to_be_bytes());
        for _ in 0..count {
            targets.skips(b",");
            targets.skip(b"\"")?;
            put(out, targets.text()?)?;
        }
        let says = Sha256::digest(&*out);
        let here = Head { seq, hash };
        (says[..] == hash).then_some(Judged { here, previous })
    }

    fn policies(&mut self, rest: &mut Rest<'_>) -> Option<Option<Hash>> {
        if rest.skips(b"null") {
            return Some(None);
        }
        rest.skip(b"\"")?;
        let written = *rest.0.first_chunk::<64>()?;
        let policies = match self.policies {
            Some((before, policies)) if before == written => {
                rest.0 = rest.0.get(64..)?;
                policies
            }
            _ => rest.hex()?,
        };
        self.policies = Some((written, policies));
        rest.skip(b"\"")?;
        Some(Some(policies))
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
