//! What the policies come to, held against Cedar itself, against cases, and against the domain.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod consequences;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod files;
#[cfg(test)]
mod judged;
#[cfg(test)]
mod mutation;
#[cfg(test)]
mod support;
