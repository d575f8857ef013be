//! `cargo ci`: every check and test, in the order in which they fail fastest.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::tools::{self, say};

/// The version of cargo-deny that the configuration was written for.
const CARGO_DENY: &str = "0.20.2";

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct CiArgs {
    /// Begin at the step whose name has this text
    #[arg(long)]
    from: Option<String>,
}

struct Step {
    name: &'static str,
    run: fn(&mut Totals) -> anyhow::Result<()>,
}

/// What the test runners counted.
#[derive(Debug, Default)]
struct Totals {
    passed: u64,
    failed: u64,
}

const STEPS: [Step; 9] = [
    Step {
        name: "system packages",
        run: |_| system_packages(),
    },
    Step {
        name: "formatting",
        run: |_| tools::cargo(&["fmt", "--all", "--check"]),
    },
    Step {
        name: "dependencies and licences",
        run: |_| deny(),
    },
    Step {
        name: "web: types, lint, derived files",
        run: |_| web(&["check"]),
    },
    Step {
        name: "web: tests",
        run: |_| web(&["test"]),
    },
    Step {
        name: "web: build",
        run: |_| web(&["build"]),
    },
    Step {
        name: "clippy",
        run: |_| clippy(),
    },
    Step {
        name: "tests",
        run: tests,
    },
    Step {
        name: "derived files",
        run: |_| derived(),
    },
];

/// Runs every step; stops at the first that fails.
pub(crate) fn run(arguments: &CiArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut totals = Totals::default();
    let mut durations = Vec::new();
    let mut skipping = arguments.from.is_some();
    for step in STEPS {
        skipping &= !arguments
            .from
            .as_deref()
            .is_some_and(|from| step.name.contains(from));
        if skipping {
            continue;
        }
        say(&format!("\n==== {} ====", step.name));
        let begun = Instant::now();
        (step.run)(&mut totals).with_context(|| {
            format!(
                "step `{}`; run it alone by `cargo ci --from \"{}\"`",
                step.name, step.name
            )
        })?;
        durations.push((step.name, begun.elapsed()));
    }
    say("\n==== durations ====");
    for (name, duration) in durations {
        say(&format!("{name:34} {}", shown(duration)));
    }
    say(&format!("{:34} {}", "all", shown(started.elapsed())));
    say(&format!(
        "\n{} passed, {} failed",
        totals.passed, totals.failed
    ));
    Ok(())
}

fn shown(duration: Duration) -> String {
    format!(
        "{:>4} min {:02} s",
        duration.as_secs() / 60,
        duration.as_secs() % 60
    )
}

fn system_packages() -> anyhow::Result<()> {
    tools::packages(&[
        ("postgresql", "/usr/lib/postgresql"),
        ("pgbouncer", "/usr/sbin/pgbouncer"),
        ("chromium", "/usr/bin/chromium"),
    ])
}

/// Bans, licences and sources. Advisories need a database that is fetched by git, which a machine
/// behind registries alone has not.
fn deny() -> anyhow::Result<()> {
    let tools_folder = tools::root().join(".data/tools");
    let program = tools_folder.join("bin/cargo-deny");
    let current = Command::new(&program)
        .args(["deny", "--version"])
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(CARGO_DENY));
    if !current {
        let folder = tools_folder.to_string_lossy().into_owned();
        let install = [
            "install",
            "cargo-deny",
            "--locked",
            "--version",
            CARGO_DENY,
            "--root",
            &folder,
        ];
        tools::cargo(&install)?;
    }
    tools::run(
        Command::new(program)
            .args(["deny", "--log-level", "error", "check"])
            .args(["bans", "licenses", "sources"])
            .current_dir(tools::root()),
    )
}

fn web(script: &[&str]) -> anyhow::Result<()> {
    let folder = tools::root().join("web");
    tools::npm_ci(&folder)?;
    let mut arguments = vec!["run", "--silent"];
    arguments.extend(script);
    tools::npm(&folder, &arguments)
}

fn clippy() -> anyhow::Result<()> {
    tools::cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])
}

fn tests(totals: &mut Totals) -> anyhow::Result<()> {
    let provider = tools::root().join("tests/stand/provider");
    if provider.join("package-lock.json").exists() {
        tools::npm_ci(&provider)?;
    }
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .current_dir(tools::root());
    for line in tools::run_and_read(&mut command)? {
        let Some(rest) = line.strip_prefix("test result: ") else {
            continue;
        };
        let count = |word: &str| -> u64 {
            let before = rest.split(word).next().unwrap_or_default();
            before
                .split_whitespace()
                .last()
                .and_then(|n| n.parse().ok())
                .unwrap_or_default()
        };
        totals.passed += count(" passed");
        totals.failed += count(" failed");
    }
    Ok(())
}

fn derived() -> anyhow::Result<()> {
    tools::cargo(&[
        "run",
        "--quiet",
        "--package",
        "countersign",
        "--",
        "generate",
        "--check",
    ])
}
