//! Months and days of the Gregorian calendar.

use std::fmt;

/// A month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// The year, as `2026`.
    pub year: u32,
    /// From 1 to 12.
    pub number: u32,
}

impl Month {
    /// The month after this one.
    #[must_use]
    pub fn next(self) -> Self {
        match self.number {
            12 => Self {
                year: self.year + 1,
                number: 1,
            },
            number => Self {
                number: number + 1,
                ..self
            },
        }
    }

    /// How many days it has.
    pub fn days(self) -> u32 {
        let leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        match self.number {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 31,
        }
    }

    /// The English name.
    pub fn name(self) -> &'static str {
        match self.number {
            1 => "January",
            2 => "February",
            3 => "March",
            4 => "April",
            5 => "May",
            6 => "June",
            7 => "July",
            8 => "August",
            9 => "September",
            10 => "October",
            11 => "November",
            _ => "December",
        }
    }

    /// A day of this month, or its last day if it has fewer.
    pub fn day(self, number: u32) -> Day {
        Day {
            month: self,
            number: number.clamp(1, self.days()),
        }
    }

    /// That day, or the next one of this month on which banks book, or else the last.
    pub fn banking_day(self, number: u32) -> Day {
        let open = |day: &Day| day.weekday() < 5;
        let later = (number..=self.days())
            .map(|number| self.day(number))
            .find(open);
        let earlier = || {
            (1..=self.days())
                .rev()
                .map(|number| self.day(number))
                .find(open)
        };
        later.or_else(earlier).unwrap_or(self.day(number))
    }
}

/// A day. Shown as `2026-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// Its month.
    pub month: Month,
    /// From 1 to 31.
    pub number: u32,
}

impl Day {
    /// From 0 for Monday to 6 for Sunday, by Sakamoto's method.
    pub fn weekday(self) -> u32 {
        let shift = match self.month.number {
            1 | 5 => 0,
            8 => 1,
            3 | 11 => 2,
            2 | 6 => 3,
            9 | 12 => 4,
            4 | 7 => 5,
            _ => 6,
        };
        // January and February count with the year before, so that a leap day is behind them.
        let year = self.month.year - u32::from(self.month.number < 3);
        (year + year / 4 - year / 100 + year / 400 + shift + self.number + 6) % 7
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{:02}-{:02}",
            self.month.year, self.month.number, self.number
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_and_lengths_are_those_of_known_days() {
        let month = |year, number| Month { year, number };
        assert_eq!(month(2026, 1).day(1).weekday(), 3);
        assert_eq!(month(2024, 2).day(29).weekday(), 3);
        assert_eq!(month(2025, 11).day(30).weekday(), 6);
        assert_eq!(month(2026, 10).day(19).weekday(), 0);
        assert_eq!((month(2024, 2).days(), month(2026, 2).days()), (29, 28));
        assert_eq!(month(2026, 8).banking_day(1).to_string(), "2026-08-03");
        assert_eq!(month(2026, 10).banking_day(31).to_string(), "2026-10-30");
    }
}
