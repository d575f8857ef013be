//! Signed notes (C2SP signed-note), and the checkpoints that they carry (C2SP tlog-checkpoint): the form in
//! which transparency logs publish what they hold, which tools of the field read.
//!
//! Nothing here signs: a note's text goes to whoever has the key, and what came back is written under it.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::Hash;
use crate::id::TenantId;

/// What tells Ed25519 from other kinds of signatures in a key's id.
const ED25519: u8 = 1;
/// Begins the line of a signature.
const DASH: &str = "\u{2014} ";

/// Why a text is no note, or no checkpoint, or no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoteError {
    /// It is not of the form.
    #[error("the text is no signed note")]
    Form,
    /// It is not signed under that key's name and id.
    #[error("the note is not signed with that key")]
    Unsigned,
    /// The text of the note is no checkpoint.
    #[error("the note is no checkpoint")]
    Checkpoint,
    /// The text is no key.
    #[error("the text is no key of Ed25519 in the form `<name>+<id>+<base64>`")]
    Key,
}

/// A public key of Ed25519 under the name that notes are signed by: `<name>+<id>+<base64>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    bytes: [u8; 32],
}

impl VerifierKey {
    /// The key of a tenant's log.
    pub fn of_tenant(tenant: TenantId, bytes: [u8; 32]) -> Self {
        Self {
            name: origin(tenant),
            bytes,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key itself.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Tells keys of one name apart, as it stands in the key's text and before each signature: eight
    /// hexadecimal digits.
    pub fn id_text(&self) -> String {
        hex::encode(self.id())
    }

    /// SHA-256 of the key itself, in hexadecimal: what two people compare.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.bytes))
    }

    fn id(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update(b"\n")
            .chain_update([ED25519])
            .chain_update(self.bytes);
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest.finalize());
        [a, b, c, d]
    }

    /// A note of that text, with what the key's owner signed it with.
    pub fn note(&self, text: &str, signature: &[u8; 64]) -> String {
        let signed: Vec<u8> = self.id().into_iter().chain(*signature).collect();
        format!("{text}\n{DASH}{} {}\n", self.name, STANDARD.encode(signed))
    }

    /// The text of a note, and the signature that was made with this key, which is yet to be verified.
    pub fn open<'n>(&self, note: &'n str) -> Result<(&'n str, [u8; 64]), NoteError> {
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let length = text.len().saturating_add(1);
        let text = note.get(..length).ok_or(NoteError::Form)?;
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::Form)?;
        let prefix = format!("{DASH}{} ", self.name);
        for line in lines.split('\n') {
            if !line.starts_with(DASH) {
                return Err(NoteError::Form);
            }
            let Some(encoded) = line.strip_prefix(&prefix) else {
                continue;
            };
            let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::Form)?;
            let Some((id, signature)) = bytes.split_first_chunk::<4>() else {
                return Err(NoteError::Form);
            };
            if *id == self.id() {
                let signature = signature.try_into().map_err(|_| NoteError::Form)?;
                return Ok((text, signature));
            }
        }
        Err(NoteError::Unsigned)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key: Vec<u8> = [ED25519].into_iter().chain(self.bytes).collect();
        let id = self.id_text();
        write!(f, "{}+{id}+{}", self.name, STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (name, id, key) = (parts.next(), parts.next(), parts.next());
        let (Some(name), Some(id), Some(key)) = (name, id, key) else {
            return Err(NoteError::Key);
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::Key)?;
        let bytes = match bytes.split_first() {
            Some((&ED25519, bytes)) => bytes.try_into().map_err(|_| NoteError::Key)?,
            _ => return Err(NoteError::Key),
        };
        let key = Self {
            name: name.to_owned(),
            bytes,
        };
        let is_whole = !name.is_empty() && !name.contains(char::is_whitespace);
        if is_whole && hex::encode(key.id()) == id {
            Ok(key)
        } else {
            Err(NoteError::Key)
        }
    }
}

/// What a tenant's log is called in notes.
pub fn origin(tenant: TenantId) -> String {
    format!("countersign/{tenant}")
}

/// What is said of a chain when it had that many rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose chain: [`origin`].
    pub origin: String,
    /// How many rows.
    pub size: u64,
    /// The root of the tree over the rows' hashes.
    pub root: Hash,
}

impl Checkpoint {
    /// The text of the note.
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.root);
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    /// Reads the text of a note.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(NoteError::Checkpoint);
        let (origin, size, root) = (line()?.to_owned(), line()?, line()?);
        let digits = size.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = digits && (size == "0" || !size.starts_with('0'));
        let root = STANDARD.decode(root).ok();
        let root = root.and_then(|root| root.try_into().ok());
        let size = size.parse().ok().filter(|_| is_plain);
        match (size, root) {
            (Some(size), Some(root)) if !origin.is_empty() => Ok(Self { origin, size, root }),
            _ => Err(NoteError::Checkpoint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of signed notes, by which its own implementation is tested.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_example_of_the_specification_opens() {
        let key: VerifierKey = KEY.parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        let (text, signature) = key.open(NOTE).unwrap();
        assert!(text.ends_with("what your problem is.\n"), "{text:?}");
        assert_eq!(key.note(text, &signature), NOTE);
        assert!(
            KEY.replace("c74f20a3", "c74f20a4")
                .parse::<VerifierKey>()
                .is_err()
        );
        let other = VerifierKey {
            name: "Somebody".to_owned(),
            ..key
        };
        assert_eq!(other.open(NOTE), Err(NoteError::Unsigned));
    }

    #[test]
    fn a_checkpoint_has_one_text() {
        let checkpoint = Checkpoint {
            origin: "countersign/ten_1".to_owned(),
            size: 20,
            root: [7; 32],
        };
        let text = checkpoint.text();
        assert_eq!(Checkpoint::parse(&text), Ok(checkpoint));
        for broken in ["", "a\n1\n", "a\n01\nAAAA\n", "\n1\nAAAA\n"] {
            assert!(Checkpoint::parse(broken).is_err(), "{broken:?}");
        }
        assert!(Checkpoint::parse(&text.replace("\n20\n", "\n020\n")).is_err());
    }
}
