//! Statements of every format from their bytes, good and bad. Every file is made here.

#![cfg(test)]

mod camt;
mod csv;
mod dedup;
mod hostile;
mod mt940;
mod ofx;
mod reading;
mod round_trip;

use reading::{bad, balanced, good, lines, one};
