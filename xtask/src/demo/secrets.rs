//! Secrets of this machine's demo: made once, kept in a file that only its owner reads.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;
use serde_json::{Value, json};

/// Random text for each use.
#[derive(Debug)]
pub(crate) struct Secrets {
    pub(crate) kek: String,
    pub(crate) client_secret: String,
    pub(crate) entry_password: String,
    pub(crate) books_password: String,
}

impl Secrets {
    /// Those of the file, which is made where it is missing.
    pub(crate) fn of(file: &Path) -> anyhow::Result<Self> {
        if !file.exists() {
            let made = json!({
                "kek": base64(&random()?),
                "client_secret": hex(&random()?),
                "entry_password": hex(&random()?),
                "books_password": hex(&random()?),
            });
            let mut to = fs::File::options()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(file)?;
            to.write_all(made.to_string().as_bytes())?;
        }
        let kept: Value = serde_json::from_slice(&fs::read(file)?)?;
        let text = |name: &str| {
            let found = kept.get(name).and_then(Value::as_str).map(str::to_owned);
            found.with_context(|| format!("`{}` has no `{name}`: use --fresh", file.display()))
        };
        Ok(Self {
            kek: text("kek")?,
            client_secret: text("client_secret")?,
            entry_password: text("entry_password")?,
            books_password: text("books_password")?,
        })
    }
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// Standard Base64 (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let part = |i: usize| u32::from(chunk.get(i).copied().unwrap_or_default());
        let number = part(0) << 16 | part(1) << 8 | part(2);
        for i in 0..4_u32 {
            let digit = usize::try_from(number >> (18 - 6 * i) & 63).ok();
            let digit = digit
                .and_then(|digit| DIGITS.get(digit))
                .copied()
                .unwrap_or(b'A');
            let padding = usize::try_from(i).is_ok_and(|i| i > chunk.len());
            text.push(if padding { '=' } else { char::from(digit) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_the_standard() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
