//! The vocabulary of Countersign and the rules of books, as pure functions.
//!
//! Nothing in this crate reads a clock, makes an identifier, or touches a file, a socket or a
//! database: time, identifiers and randomness are arguments. Every other floor speaks in the words
//! defined here.
//!
//! | module | is |
//! |---|---|
//! | [`id`] | typed, prefixed identifiers (`txn_…`) |
//! | [`money`] | exact decimal amounts, currencies, magnitude buckets |
//! | [`name`] | what may be a name |
//! | [`principal`] | humans and machines, which are different types from the first line |
//! | [`access`] | roles, capabilities and scopes |
//! | [`token`] | API tokens: plain, shown once, and hashed, stored |
//! | [`audit`] | the audit event and the link function of its chain |
//! | [`books`] | accounts, transactions, categories |
//! | [`credentials`] | credentials at outside providers, in the open for one call only |
//! | [`sealed`] | text that stands sealed in the books |
//! | [`statements`] | bank statement formats, from bytes to a checked statement |

pub mod access;
pub mod audit;
pub mod books;
pub mod credentials;
pub mod id;
pub mod money;
pub mod name;
pub mod principal;
pub mod sealed;
pub mod statements;
pub mod token;
