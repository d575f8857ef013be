//! Proofs of the storage floor against a real PostgreSQL.

#[cfg(test)]
mod at_once;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod audit_storage;
#[cfg(test)]
mod books;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod checkpoints;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod entrance;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod faults_audit;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod lanes;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod people;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod plans_of_the_log;
#[cfg(test)]
mod pooler;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod token_names;
#[cfg(test)]
mod vault;
#[cfg(test)]
mod world;
