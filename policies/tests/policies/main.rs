//! What the policies come to, held against Cedar itself, against cases, and against the domain.

mod cases;
mod consequences;
mod differential;
mod files;
mod support;
