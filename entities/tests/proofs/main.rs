//! Proofs of the storage floor against a real PostgreSQL.

mod audit;
mod books;
mod catalogue;
mod cluster;
mod entrance;
mod faults;
mod isolation;
mod migrations;
mod people;
mod pooler;
mod world;
