//! For whom, and about what, a request was decided: enough to decide it again (AUT-4, AUT-5).
//!
//! Both are short, because every row has them. Neither has room for a text that somebody wrote.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use serde::Deserialize;

use crate::{
    access::{Capability, Role, Scope},
    principal::{Actor, Principal},
};

/// Everything of an actor that policies can see, but for who it is and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DecidedFor {
    /// What the tenant decides of it.
    pub holds: Holds,
    /// Whether the tenant was suspended.
    pub tenant_suspended: bool,
}

/// What a principal holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holds {
    /// A person.
    Person {
        /// Their role, or the one that their custom role stands on.
        role: Role,
        /// All their capabilities, those of a custom role among them.
        capabilities: BTreeSet<Capability>,
        /// Whether a second factor was given.
        mfa: bool,
    },
    /// A machine with those scopes.
    Machine(BTreeSet<Scope>),
}

const MACHINE: &str = "machine";
const MFA: &str = "mfa";
const SUSPENDED: &str = "suspended";

impl DecidedFor {
    /// Of that actor.
    pub fn of(actor: &Actor) -> Self {
        let holds = match &actor.principal {
            Principal::Human(human) => Holds::Person {
                role: human.role,
                capabilities: human.capabilities.clone(),
                mfa: human.mfa,
            },
            Principal::Machine(machine) => Holds::Machine(machine.scopes.clone()),
        };
        Self {
            holds,
            tenant_suspended: actor.tenant_suspended,
        }
    }

    /// Reads what [`fmt::Display`] writes, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ').peekable();
        let first = words.next()?;
        let bits = words.next_if(|word| *word != MFA && *word != SUSPENDED);
        let bits = match bits {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => 0,
        };
        let mfa = words.next_if_eq(&MFA).is_some();
        let holds = if first == MACHINE {
            Holds::Machine(members(Scope::ALL, bits))
        } else {
            Holds::Person {
                role: first.parse().ok()?,
                capabilities: members(Capability::ALL, bits),
                mfa,
            }
        };
        let tenant_suspended = words.next_if_eq(&SUSPENDED).is_some();
        let read = Self {
            holds,
            tenant_suspended,
        };
        // One spelling each: what says more than this one understands is not guessed at.
        (read.to_string() == text).then_some(read)
    }
}

impl fmt::Display for DecidedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bits, mfa) = match &self.holds {
            Holds::Person {
                role,
                capabilities,
                mfa,
            } => (role.name(), bits(Capability::ALL, capabilities), *mfa),
            Holds::Machine(scopes) => (MACHINE, bits(Scope::ALL, scopes), false),
        };
        f.write_str(name)?;
        if bits != 0 {
            write!(f, " {bits:x}")?;
        }
        if mfa {
            write!(f, " {MFA}")?;
        }
        if self.tenant_suspended {
            write!(f, " {SUSPENDED}")?;
        }
        Ok(())
    }
}

/// One bit for each member of a closed set, by its place in it: a test holds the places, as rows are
/// read by them for ever.
fn bits<T: PartialEq + Ord>(all: &[T], held: &BTreeSet<T>) -> u32 {
    let places = (0..u32::BITS).zip(all);
    let held = places.filter(|(_, member)| held.contains(member));
    held.fold(0, |bits, (place, _)| bits | 1 << place)
}

fn members<T: Ord + Copy>(all: &[T], bits: u32) -> BTreeSet<T> {
    let places = (0..u32::BITS).zip(all);
    let held = places.filter(|(place, _)| bits >> place & 1 == 1);
    held.map(|(_, member)| *member).collect()
}

/// Digits of six bits: one says whether another digit follows, five count.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const GOES_ON: u16 = 32;

/// The actions that a request was decided about, by their numbers in the set of policies that decided,
/// of which the row has the SHA-256. It is written as the gaps between the numbers: a digit for most actions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Asked(String);

impl Asked {
    /// Those actions; their order and repetitions make no difference.
    pub fn of(numbers: impl IntoIterator<Item = u16>) -> Self {
        let numbers: BTreeSet<u16> = numbers.into_iter().collect();
        let mut text = String::new();
        let mut next: u16 = 0;
        for number in numbers {
            let mut gap = number.saturating_sub(next);
            while gap >= GOES_ON {
                push(&mut text, GOES_ON | gap & (GOES_ON - 1));
                gap >>= 5;
            }
            push(&mut text, gap);
            next = number.saturating_add(1);
        }
        Self(text)
    }

    /// As rows have it.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The numbers of what rows have, sorted; nothing where it is none of such a form.
    pub fn numbers(text: &str) -> Option<Vec<u16>> {
        let mut numbers = Vec::new();
        let mut digits = text.bytes();
        let mut next: u16 = 0;
        while let Some(first) = digits.next() {
            let (mut digit, mut gap, mut shift) = (value(first)?, 0_u16, 0_u32);
            loop {
                let part = (digit & (GOES_ON - 1)).checked_shl(shift)?;
                gap = gap.checked_add(part)?;
                if digit & GOES_ON == 0 {
                    break;
                }
                digit = value(digits.next()?)?;
                shift = shift.checked_add(5)?;
            }
            let number = next.checked_add(gap)?;
            numbers.push(number);
            next = number.checked_add(1)?;
        }
        (Self::of(numbers.iter().copied()).0 == text).then_some(numbers)
    }
}

/// What a row has of both, as it has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Decided<'a> {
    /// A [`DecidedFor`].
    #[serde(borrow, rename = "as")]
    pub decided_for: Cow<'a, str>,
    /// An [`Asked`].
    #[serde(borrow)]
    pub asked: Cow<'a, str>,
}

impl<'a> Decided<'a> {
    /// Looks for both in a row's payload; rows of before they were kept have neither.
    pub fn of(payload: &'a str) -> Option<Self> {
        serde_json::from_str(payload).ok()
    }
}

fn push(text: &mut String, digit: u16) {
    let digit = DIGITS.get(usize::from(digit)).copied();
    text.extend(digit.map(char::from));
}

fn value(digit: u8) -> Option<u16> {
    let place = DIGITS.iter().position(|known| *known == digit)?;
    u16::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::audit::{Facts, Payload};

    fn person(capabilities: &[Capability], mfa: bool, tenant_suspended: bool) -> DecidedFor {
        DecidedFor {
            holds: Holds::Person {
                role: Role::Worker,
                capabilities: capabilities.iter().copied().collect(),
                mfa,
            },
            tenant_suspended,
        }
    }

    #[test]
    fn whoever_a_request_was_decided_for_is_read_back() {
        let machine = |scopes: &[Scope]| DecidedFor {
            holds: Holds::Machine(scopes.iter().copied().collect()),
            tenant_suspended: true,
        };
        let cases = [
            (person(&[], false, false), "worker"),
            (person(&[], true, true), "worker mfa suspended"),
            (
                person(&[Capability::ReadBasic, Capability::ReadAudit], true, false),
                "worker 21 mfa",
            ),
            (machine(&[]), "machine suspended"),
            (
                machine(&[Scope::CredentialsRevoke]),
                "machine 80000 suspended",
            ),
        ];
        for (decided, text) in cases {
            assert_eq!(decided.to_string(), text);
            assert_eq!(DecidedFor::parse(text), Some(decided));
        }
        for other in [
            "",
            "nobody",
            "worker 0",
            "worker mfa 1",
            "worker 400",
            "worker  mfa",
            "machine mfa",
            "worker 21 mfa suspended more",
            "worker 021",
        ] {
            assert_eq!(DecidedFor::parse(other), None, "{other}");
        }
    }

    /// Rows are read by these places for ever: what comes new comes last.
    #[test]
    fn the_places_of_capabilities_and_scopes_stay() {
        let capabilities: Vec<_> = Capability::ALL.iter().map(|one| one.name()).collect();
        let known = [
            "read.basic",
            "read.financial",
            "read.pii",
            "read.member",
            "read.token",
            "read.audit",
            "write.basic",
            "write.financial",
            "admin.member",
            "admin.token",
        ];
        assert_eq!(capabilities[..known.len()], known);
        let scopes: Vec<_> = Scope::ALL.iter().map(|one| one.name()).collect();
        let known = [
            "basic:read",
            "financial:read",
            "pii:read",
            "members:read",
            "tokens:read",
            "audit:read",
            "accounts:create",
            "categories:create",
            "transactions:categorize",
            "statements:import",
            "members:update",
            "members:remove",
            "roles:create",
            "roles:update",
            "roles:delete",
            "api_tokens:create",
            "api_tokens:revoke",
            "credentials:store",
            "credentials:check",
            "credentials:revoke",
        ];
        assert_eq!(scopes[..known.len()], known);
        assert!(capabilities.len() <= 32 && scopes.len() <= 32);
    }

    #[test]
    fn a_payload_tells_both_and_one_of_before_neither() {
        let asked = Asked::of([1, 2]);
        let facts = Facts::new().count("hidden", 3);
        let before = Payload::from(facts.clone()).into_text();
        assert_eq!(Decided::of(&before), None);
        let told = facts.decided(&person(&[], true, false), &asked);
        let told = Payload::from(told).into_text();
        let whole: Value = serde_json::from_str(&told).unwrap();
        let expected = json!({ "as": "worker mfa", "asked": "BA", "hidden": 3 });
        assert_eq!(whole, expected);
        let decided = Decided::of(&told).unwrap();
        assert_eq!(decided.decided_for, "worker mfa");
        assert_eq!(Asked::numbers(&decided.asked), Some(vec![1, 2]));
    }

    #[test]
    fn what_was_asked_is_read_back() {
        for numbers in [
            vec![],
            vec![0],
            vec![31],
            vec![32],
            vec![0, 1, 2, 40, 41, 300, 1_500, u16::MAX - 1],
            (0..400).collect(),
        ] {
            let asked = Asked::of(numbers.iter().copied());
            assert_eq!(Asked::numbers(asked.text()), Some(numbers), "{asked:?}");
        }
        assert_eq!(Asked::of([7, 3, 3, 5]).text(), "DBB");
        // Cut off, of no alphabet, of another spelling.
        for other in ["g", "é", " ", "gA", "________"] {
            assert_eq!(Asked::numbers(other), None, "{other}");
        }
    }
}
