//! Names that people give: to accounts, categories, roles, tokens, tenants and one another.
//!
//! Whoever reads one in a list must see it, and see what is there. What is allowed is as wide as that leaves it:
//! any script, signs and emoji, with the joiners and selectors that they are made of.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{BidiControl, DefaultIgnorableCodePoint, GeneralCategory, WhiteSpace},
};
use thiserror::Error;

/// The most characters of a tenant's name in addresses.
const SLUG_MAX: usize = 40;
/// Letters and symbols by Unicode that nothing is drawn for: the blank pattern of Braille, and the note without a
/// head.
const BLANK: [char; 2] = ['\u{2800}', '\u{1D159}'];

/// Why a text is no name. Each says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing but white space, or more than so many characters.
    #[error("give it a name of 1 to {0} characters")]
    Length(usize),
    /// See [`is_deceiving`].
    #[error(
        "give it a name without control characters: none that break the line or turn the direction of the text"
    )]
    Deceiving,
    /// Nothing of it can be seen.
    #[error("give it a name that can be seen: it has no visible character")]
    Invisible,
}

/// The name without white space around it, of 1 to `max` characters.
///
/// # Errors
/// A name that is too short or too long, that nobody can see, or that looks like what it is not.
pub fn checked(text: &str, max: usize) -> Result<&str, NameError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > max {
        return Err(NameError::Length(max));
    }
    if text.chars().any(is_deceiving) {
        return Err(NameError::Deceiving);
    }
    if !text.chars().any(is_visible) {
        return Err(NameError::Invisible);
    }
    Ok(text)
}

/// Whether a tenant may have that name in addresses: 2 to 40 lower-case letters of ASCII, digits and hyphens, no
/// hyphen at either end.
pub fn is_slug(text: &str) -> bool {
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().next_back()];
    (2..=SLUG_MAX).contains(&text.len())
        && ends.into_iter().flatten().all(is_end)
        && text.bytes().all(|byte| is_end(byte) || byte == b'-')
}

/// Whether a character controls what is around it: it breaks the line, or turns the direction of what follows
/// (UAX 9), so that a reader sees what is not there.
pub fn is_deceiving(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
        || c.is_control()
        || CodePointSetData::new::<BidiControl>().contains(c)
}

/// Whether something is drawn for a character that stands alone.
fn is_visible(c: char) -> bool {
    use GeneralCategory::{Control, EnclosingMark, Format, NonspacingMark};
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let is_drawn = !matches!(category, Control | Format | NonspacingMark | EnclosingMark);
    is_drawn
        && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        && !CodePointSetData::new::<WhiteSpace>().contains(c)
        && !BLANK.contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_any_script() {
        for (name, kept) in [
            ("Rent", "Rent"),
            (" Rent ", "Rent"),
            ("?", "?"),
            ("家賃", "家賃"),
            ("اجاره\u{200C}خانه", "اجاره\u{200C}خانه"),
            ("✈\u{FE0F}", "✈\u{FE0F}"),
            ("👩\u{200D}💻", "👩\u{200D}💻"),
            ("e\u{301}", "e\u{301}"),
        ] {
            assert_eq!(checked(name, 60), Ok(kept), "{name}");
        }
        assert_eq!(checked(&"家".repeat(60), 60), Ok("家".repeat(60).as_str()));
    }

    #[test]
    fn names_that_nobody_sees_are_refused() {
        for text in ["", " ", "\u{3000}\u{A0}", &"x".repeat(61)] {
            assert_eq!(checked(text, 60), Err(NameError::Length(60)), "{text:?}");
        }
        for text in [
            "\u{200B}",
            "\u{2060}",
            "\u{AD}",
            "\u{FEFF}",
            "\u{180E}",
            "\u{115F}",
            "\u{3164}",
            "\u{FFA0}",
            "\u{2800}",
            "\u{1D159}",
            "\u{FE0F}",
            "\u{E0100}",
            "\u{E0041}\u{E007F}",
            "\u{FFF9}",
            "\u{301}",
            "\u{200B} \u{200B}",
        ] {
            assert_eq!(checked(text, 60), Err(NameError::Invisible), "{text:?}");
        }
    }

    #[test]
    fn names_that_look_like_others_are_refused() {
        for text in [
            "Rent\u{202E}tneR",
            "\u{202A}Rent",
            "\u{2066}Rent\u{2069}",
            "Re\u{200F}nt",
            "Re\u{61C}nt",
            "Re\nnt",
            "Re\0nt",
            "Re\u{85}nt",
            "Re\u{2028}nt",
        ] {
            assert_eq!(checked(text, 60), Err(NameError::Deceiving), "{text:?}");
        }
    }

    #[test]
    fn names_in_addresses_are_plain() {
        for slug in ["ab", "a-b", "1a", "a--b", &"x".repeat(40)] {
            assert!(is_slug(slug), "{slug}");
        }
        for text in [
            "",
            "a",
            "-a",
            "a-",
            "A",
            "Acme",
            "a_b",
            "a b",
            "a\0",
            "é1",
            &"x".repeat(41),
        ] {
            assert!(!is_slug(text), "{text:?}");
        }
    }
}
