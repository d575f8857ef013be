//! Books that look like those of three real firms, made anew in the same way every time.
//!
//! Nothing here knows the product's own code: amounts are whole cents, dates are counted by hand and
//! statements are written by hand, so that what the product reads of them is checked by another hand.

pub mod calendar;
pub mod statement;
mod tenants;

pub use self::{calendar::Day, statement::camt053};
pub use calendar::Month;

/// One firm and its accounts.
#[derive(Debug, Clone)]
pub struct TenantBooks {
    /// The short name in addresses.
    pub slug: &'static str,
    /// The name that people read.
    pub name: &'static str,
    /// Its accounts.
    pub accounts: Vec<AccountBooks>,
}

/// One account with all of its entries.
#[derive(Debug, Clone)]
pub struct AccountBooks {
    /// What the firm calls it.
    pub name: &'static str,
    /// ISO 4217 code. All of them have two digits after the point.
    pub currency: &'static str,
    /// An IBAN whose check digits are right.
    pub number: String,
    /// A personal account of the owner's household.
    pub personal: bool,
    /// The member who has it in their care.
    pub custodian_email: Option<&'static str>,
    /// Cents before the first entry.
    pub opening: i64,
    /// In the order of their days.
    pub entries: Vec<BookEntry>,
}

/// One booked movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookEntry {
    /// The day the bank booked it.
    pub booked_on: Day,
    /// Cents: positive in, negative out.
    pub amount: i64,
    /// The other party.
    pub counterparty: String,
    /// What the payer wrote.
    pub description: String,
    /// The bank's reference, unique on its account.
    pub reference: String,
    /// Where [`category`] sorts it.
    pub category: Option<&'static str>,
}

impl AccountBooks {
    /// The entries of a month.
    pub fn of(&self, month: Month) -> impl Iterator<Item = &BookEntry> {
        self.entries
            .iter()
            .filter(move |entry| entry.booked_on.month == month)
    }

    /// Cents before the first entry of a month.
    pub fn balance_before(&self, month: Month) -> i64 {
        let earlier = self
            .entries
            .iter()
            .filter(|entry| entry.booked_on.month < month);
        self.opening + earlier.map(|entry| entry.amount).sum::<i64>()
    }
}

/// The twelve months that the books cover, to October 2026.
pub fn months() -> Vec<Month> {
    let first = Month {
        year: 2025,
        number: 11,
    };
    std::iter::successors(Some(first), |month| Some(month.next()))
        .take(12)
        .collect()
}

/// The books of the three tenants of the demonstration.
pub fn demo_books() -> Vec<TenantBooks> {
    tenants::all()
}

/// Every category that [`category`] knows.
pub const CATEGORIES: [&str; 18] = [
    "Sales",
    "Payroll",
    "Rent",
    "Suppliers",
    "Utilities",
    "Software",
    "Insurance",
    "Taxes",
    "Travel",
    "Meals",
    "Office",
    "Equipment",
    "Marketing",
    "Bank fees",
    "Interest",
    "Transfers",
    "Groceries",
    "Household",
];

/// Words in the other party's name or in the description, and what they mean. The first one counts.
const RULES: [(&str, &str); 52] = [
    ("internal transfer", "Transfers"),
    ("card settlement", "Transfers"),
    ("tax reserve", "Transfers"),
    ("salary", "Payroll"),
    ("wages", "Payroll"),
    ("social insurance", "Payroll"),
    ("invoice paid", "Sales"),
    ("takings", "Sales"),
    ("card sales", "Sales"),
    ("cash deposit", "Sales"),
    ("rent ", "Rent"),
    ("lease", "Rent"),
    ("electricity", "Utilities"),
    ("gas ", "Utilities"),
    ("water", "Utilities"),
    ("broadband", "Utilities"),
    ("mobile plan", "Utilities"),
    ("waste", "Utilities"),
    ("subscription", "Software"),
    ("hosting", "Software"),
    ("licence", "Software"),
    ("insurance", "Insurance"),
    ("taxi", "Travel"),
    ("tax", "Taxes"),
    ("vat", "Taxes"),
    ("customs", "Taxes"),
    ("fuel", "Travel"),
    ("rail", "Travel"),
    ("hotel", "Travel"),
    ("parking", "Travel"),
    ("flight", "Travel"),
    ("toll", "Travel"),
    ("lunch", "Meals"),
    ("restaurant", "Meals"),
    ("coffee", "Meals"),
    ("stationery", "Office"),
    ("postage", "Office"),
    ("cleaning", "Office"),
    ("printing", "Office"),
    ("tools", "Equipment"),
    ("equipment", "Equipment"),
    ("repair", "Equipment"),
    ("advertising", "Marketing"),
    ("fair stand", "Marketing"),
    ("account fee", "Bank fees"),
    ("card fees", "Bank fees"),
    ("interest", "Interest"),
    ("groceries", "Groceries"),
    ("pharmacy", "Household"),
    ("household", "Household"),
    ("school", "Household"),
    ("purchase order", "Suppliers"),
];

/// The category of an entry, by simple rules as a bookkeeper would write them down.
pub fn category(counterparty: &str, description: &str) -> Option<&'static str> {
    let text = format!("{counterparty} {description} ").to_lowercase();
    RULES
        .iter()
        .find(|(word, _)| text.contains(word))
        .map(|(_, category)| *category)
}

/// A sequence of numbers that is the same for the same seed (splitmix64, Steele and others 2014).
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = (high - low).unsigned_abs() + 1;
        low + i64::try_from(self.next() % width).unwrap_or_default()
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let last = i64::try_from(from.len()).ok()? - 1;
        from.get(usize::try_from(self.between(0, last)).ok()?)
    }
}

/// An IBAN of that country with its check digits (ISO 7064, mod 97-10).
pub fn iban(country: &str, account: &str) -> String {
    let remainder =
        account
            .bytes()
            .chain(country.bytes())
            .chain(*b"00")
            .fold(0_u32, |rest, byte| match byte {
                b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
                _ => (rest * 100 + u32::from(byte.to_ascii_uppercase() - b'A') + 10) % 97,
            });
    format!("{country}{:02}{account}", 98 - remainder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iban_of_the_standards_example_has_its_check_digits() {
        assert_eq!(iban("GB", "WEST12345698765432"), "GB82WEST12345698765432");
        assert_eq!(iban("DE", "370400440532013000"), "DE89370400440532013000");
    }

    #[test]
    fn books_are_the_same_every_time_and_of_a_plausible_size() {
        let (books, again) = (demo_books(), demo_books());
        for (tenant, other) in books.iter().zip(&again) {
            for (account, other) in tenant.accounts.iter().zip(&other.accounts) {
                assert_eq!(account.entries, other.entries);
                let count = account.entries.len();
                assert!((280..=900).contains(&count), "{} {count}", account.name);
                let sorted = account.entries.is_sorted_by_key(|entry| entry.booked_on);
                assert!(sorted, "{}", account.name);
            }
        }
        let slugs: Vec<_> = books.iter().map(|tenant| tenant.slug).collect();
        assert_eq!(slugs, ["northwind", "alder", "lumen"]);
    }

    #[test]
    fn no_current_account_is_overdrawn_at_the_end_of_a_month() {
        for account in demo_books().iter().flat_map(|tenant| &tenant.accounts) {
            for month in months().into_iter().map(Month::next) {
                let balance = account.balance_before(month);
                assert!(
                    balance > 0 || account.name == "Field card",
                    "{} {balance}",
                    account.name
                );
            }
        }
    }

    #[test]
    fn nearly_every_entry_has_a_category_and_every_category_is_known() {
        for account in demo_books().iter().flat_map(|tenant| &tenant.accounts) {
            let sorted = account
                .entries
                .iter()
                .filter(|entry| entry.category.is_some())
                .count();
            assert!(
                sorted * 10 >= account.entries.len() * 8,
                "{} {sorted}",
                account.name
            );
        }
        assert!(
            RULES
                .iter()
                .all(|(_, category)| CATEGORIES.contains(category))
        );
    }
}
