//! Sign-in with the certified provider: the whole way, and each wrong turn of it.

mod exports;
mod machines;
mod renewal;
mod sign_in;
mod sign_out;
mod stand;
