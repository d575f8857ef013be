//! What a proof of the policies is worth.

#[cfg(test)]
mod claims;
#[cfg(test)]
mod comparison;
