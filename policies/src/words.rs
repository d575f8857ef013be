//! Conditions on rows, in words.

use crate::predicate::{Literal, Predicate, SELF};

/// The condition as it is said of a row: `in their own care, or not of the household`. Whoever asks
/// must stand in it as [`SELF`].
pub(crate) fn words(predicate: &Predicate) -> String {
    say(&plain(predicate, true), false)
}

/// The same with every `not` brought down to what it is said of, and without what another part of
/// it says already. That an attribute is there goes without saying beside its value.
fn plain(predicate: &Predicate, holds: bool) -> Predicate {
    match (predicate, holds) {
        (Predicate::Not(inner), _) => plain(inner, !holds),
        (Predicate::And(parts), true) | (Predicate::Or(parts), false) => {
            let parts: Vec<_> = valued(parts).map(|part| plain(part, holds)).collect();
            absorbed(&parts, Predicate::and)
        }
        (Predicate::Or(parts), true) | (Predicate::And(parts), false) => {
            let parts: Vec<_> = valued(parts).map(|part| plain(part, holds)).collect();
            absorbed(&parts, Predicate::or)
        }
        (other, true) => other.clone(),
        (other, false) => other.clone().negate(),
    }
}

/// The parts without those that only say that an attribute is there of which another part speaks.
fn valued(parts: &[Predicate]) -> impl Iterator<Item = &Predicate> {
    let spoken_of = |name: &str| {
        let mut others = parts.iter();
        others.any(|other| matches!(other, Predicate::Is(n) | Predicate::Equals(n, _) | Predicate::OneOf(n, _) if n == name))
    };
    parts
        .iter()
        .filter(move |part| !matches!(part, Predicate::Has(name) if spoken_of(name)))
}

/// `a and (a or b)` is `a`, and `a or (a and b)` is too.
fn absorbed(parts: &[Predicate], join: fn(Vec<Predicate>) -> Predicate) -> Predicate {
    let is_said = |part: &Predicate| match part {
        Predicate::And(inner) | Predicate::Or(inner) => inner.iter().any(|one| parts.contains(one)),
        _ => false,
    };
    let kept = parts
        .iter()
        .filter(|part| !is_said(part))
        .cloned()
        .collect();
    join(kept)
}

fn say(predicate: &Predicate, is_part: bool) -> String {
    let list = |parts: &[Predicate], word: &str| {
        let mut said: Vec<_> = parts.iter().map(|part| say(part, true)).collect();
        // A `not` said first would seem to be said of all that follows.
        said.sort_by_cached_key(|text| (text.starts_with("not "), text.clone()));
        let said = said.join(&format!(", {word} "));
        if is_part { format!("({said})") } else { said }
    };
    match predicate {
        Predicate::True => "any row".to_owned(),
        Predicate::False => "no row".to_owned(),
        Predicate::And(parts) => list(parts, "and"),
        Predicate::Or(parts) => list(parts, "or"),
        Predicate::Not(inner) => format!("not {}", say(inner, true)),
        Predicate::Is(name) if name == "personal" => "of the household".to_owned(),
        Predicate::Equals(name, Literal::Id(id)) if name == "custodian" && *id == SELF => {
            "in their own care".to_owned()
        }
        Predicate::Has(name) if name == "custodian" => "in somebody's care".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custodian() -> Predicate {
        Predicate::And(vec![
            Predicate::Has("custodian".into()),
            Predicate::Equals("custodian".into(), Literal::Id(SELF)),
        ])
    }

    fn hidden() -> Predicate {
        Predicate::And(vec![
            Predicate::Has("personal".into()),
            Predicate::Is("personal".into()),
            Predicate::Not(Box::new(custodian())),
        ])
    }

    #[test]
    fn what_is_not_forbidden_is_said_as_what_is_open() {
        let open = Predicate::Not(Box::new(hidden()));
        assert_eq!(words(&open), "in their own care, or not of the household");
    }

    #[test]
    fn what_another_part_says_already_is_left_out() {
        let both = Predicate::And(vec![custodian(), Predicate::Not(Box::new(hidden()))]);
        assert_eq!(words(&both), "in their own care");
    }

    #[test]
    fn what_is_known_by_no_words_is_said_as_it_is_written() {
        let less = Predicate::Less("size".into(), 5);
        assert_eq!(words(&less), "size < 5");
        let not = Predicate::Not(Box::new(Predicate::Or(vec![
            less,
            Predicate::Has("x".into()),
        ])));
        assert_eq!(words(&not), "not has x, and not size < 5");
        assert_eq!(
            words(&Predicate::Has("custodian".into())),
            "in somebody's care"
        );
    }
}
