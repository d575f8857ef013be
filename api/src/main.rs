//! The `countersign` binary.

use std::process::ExitCode;

/// Small allocations by the thousand are what answering GraphQL is made of.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    countersign::command::run()
}
