//! What makes one booked entry the same as another, across files.

use sha2::{Digest, Sha256};

use super::Entry;
use crate::id::AccountId;

/// The name and version of the encoding, so that no other hash of the product can equal one.
const DOMAIN: &[u8] = b"countersign.transaction.v1";

/// The fingerprint by which an entry of an overlapping file is recognised.
///
/// SHA-256 over the account, both dates, the exact amount, the currency, the texts, and the
/// occurrence. Each field is preceded by its length and each optional one by whether it is there, so
/// that no two entries have the same encoding. The format is left out: an intraday report and the
/// statement that follows it may name the same entry in the same words.
///
/// Banks do not promise a unique reference (MT940 says `NONREF`), and two card payments of the same
/// amount at the same till on the same day are two payments. `occurrence` keeps them apart: it is
/// the number, from 0, of an entry among those of its file and account that are equal to it (and so
/// of the same day). Whoever imports counts over the whole file, for a day may be spread over
/// several statements. A file that overlaps an earlier one lists the same entries, so it numbers
/// them alike and each is recognised; a later file with one more of them has one occurrence that is
/// new. What this can not tell apart are equal entries without a reference where one day of one
/// account is cut into two files that do not overlap.
pub fn fingerprint(account: AccountId, entry: &Entry, occurrence: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    field(&mut hash, DOMAIN);
    field(&mut hash, account.uuid().as_bytes());
    field(&mut hash, entry.booked_on.to_string().as_bytes());
    optional(
        &mut hash,
        entry.value_on.map(|day| day.to_string()).as_deref(),
    );
    field(&mut hash, entry.amount.amount().to_string().as_bytes());
    field(&mut hash, entry.amount.currency().code().as_bytes());
    optional(&mut hash, entry.counterparty.as_deref());
    field(&mut hash, entry.description.as_bytes());
    optional(&mut hash, entry.reference.as_deref());
    field(&mut hash, &occurrence.to_be_bytes());
    hash.finalize().into()
}

fn field(hash: &mut Sha256, bytes: &[u8]) {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    hash.update(length.to_be_bytes());
    hash.update(bytes);
}

fn optional(hash: &mut Sha256, text: Option<&str>) {
    match text {
        Some(text) => {
            hash.update([1]);
            field(hash, text.as_bytes());
        }
        None => hash.update([0]),
    }
}
