//! Who the firms are, whom they pay, and who pays them.

use super::{
    AccountBooks, BookEntry, Dice, TenantBooks,
    calendar::{Day, Month},
    category, iban, months,
};

mod alder;
mod lumen;
mod northwind;

pub(super) fn all() -> Vec<TenantBooks> {
    vec![northwind::books(), alder::books(), lumen::books()]
}

/// A payment of every month, or of every so many months: signed cents from `low` to `high`. In the
/// text, `{month}` is the month and `{number}` a running number.
#[derive(Debug, Clone, Copy)]
struct Standing {
    day: u32,
    every: u32,
    low: i64,
    high: i64,
    party: &'static str,
    text: &'static str,
}

/// A monthly payment of that sum.
const fn monthly(day: u32, cents: i64, party: &'static str, text: &'static str) -> Standing {
    Standing {
        day,
        every: 1,
        low: cents,
        high: cents,
        party,
        text,
    }
}

/// Payments that come as they come.
#[derive(Debug, Clone, Copy)]
struct Stream {
    /// The fewest and the most of a month.
    count: (i64, i64),
    parties: &'static [Party],
    /// Whether weekends have them too.
    weekends: bool,
}

/// A party with the signed cents of its payments, and what they say.
#[derive(Debug, Clone, Copy)]
struct Party(&'static str, i64, i64, &'static str);

/// An account while its books are written.
struct Writer {
    dice: Dice,
    number: u32,
    entries: Vec<BookEntry>,
}

impl Writer {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            number: 0,
            entries: Vec::new(),
        }
    }

    fn add(&mut self, day: Day, amount: i64, party: &str, text: &str) {
        self.number += 1;
        let month = format!("{} {}", day.month.name(), day.month.year);
        let description = text
            .replace("{month}", &month)
            .replace("{number}", &format!("{:05}", 41_200 + self.number));
        let compact = day.to_string().replace('-', "");
        self.entries.push(BookEntry {
            booked_on: day,
            amount,
            counterparty: party.to_owned(),
            reference: format!("{compact}{:06}", self.number * 37 + 1_000),
            category: category(party, &description),
            description,
        });
    }

    fn standing(&mut self, month: Month, orders: &[Standing]) {
        for order in orders
            .iter()
            .filter(|order| month.number.is_multiple_of(order.every))
        {
            let amount = self.dice.between(order.low, order.high);
            self.add(
                month.banking_day(order.day),
                amount,
                order.party,
                order.text,
            );
        }
    }

    fn stream(&mut self, month: Month, stream: &Stream) {
        for _ in 0..self.dice.between(stream.count.0, stream.count.1) {
            let number = self.dice.between(1, i64::from(month.days()));
            let number = u32::try_from(number).unwrap_or(1);
            let day = if stream.weekends {
                month.day(number)
            } else {
                month.banking_day(number)
            };
            if let Some(Party(party, low, high, text)) = self.dice.choose(stream.parties).copied() {
                let amount = self.dice.between(low, high);
                self.add(day, amount, party, text);
            }
        }
    }

    /// Every month from its standing orders and streams.
    fn year(&mut self, orders: &[Standing], streams: &[Stream]) {
        for month in months() {
            self.standing(month, orders);
            for stream in streams {
                self.stream(month, stream);
            }
        }
    }

    fn finish(
        mut self,
        name: &'static str,
        currency: &'static str,
        number: String,
        opening: i64,
    ) -> AccountBooks {
        self.entries.sort_by_key(|entry| entry.booked_on);
        AccountBooks {
            name,
            currency,
            number,
            personal: false,
            custodian_email: None,
            opening,
            entries: self.entries,
        }
    }
}
