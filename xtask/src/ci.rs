//! `cargo ci`: every check and test, in the order in which they fail fastest.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use countersign_stand::process::Process;

use crate::{
    demo, generate,
    prove::{self, ProveArgs},
    tools::{self, say},
};

/// The version of cargo-deny that the configuration was written for.
const CARGO_DENY: &str = "0.20.2";
/// The version of Cedar's own program: that of the library.
const CEDAR: &str = "4.14.1";

/// What the tests take from the system.
const PACKAGES: [tools::Package; 5] = [
    ("postgresql", has_postgres),
    ("pgbouncer", || {
        Path::new("/usr/sbin/pgbouncer").exists() || tools::is_installed("pgbouncer")
    }),
    ("redis-server", || tools::is_installed("redis-server")),
    ("chromium", || tools::is_installed("chromium")),
    // Debian's Python has the module `venv` without what fills an environment.
    ("python3-venv", || {
        tools::ends_well("python3", &["-c", "import ensurepip, venv"])
    }),
];

/// Whether the server itself is there, and not its client alone, which Debian has in the same folder.
fn has_postgres() -> bool {
    if std::env::var_os("PG_BIN").is_some() || tools::is_installed("postgres") {
        return true;
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut servers = versions
        .flatten()
        .map(|version| version.path().join("bin/postgres"));
    servers.any(|server| server.exists())
}

/// How long the demo may take to load its books, the build left out.
const DEMO_TIMEOUT: Duration = Duration::from_mins(10);

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct CiArgs {
    /// Begin at the step of this name, or else at the first whose name has this text
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

impl Totals {
    /// Adds a runner's own line: `12 passed; 0 failed`.
    fn count(&mut self, line: &str) {
        let number = |word: &str| -> u64 {
            let before = line.split(word).next().unwrap_or_default();
            let last = before.split_whitespace().last();
            last.and_then(|n| n.parse().ok()).unwrap_or_default()
        };
        self.passed += number(" passed");
        self.failed += number(" failed");
    }
}

const STEPS: [Step; 13] = [
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
        name: "documentation",
        run: |_| tools::cargo(&["doc", "--workspace", "--no-deps", "--quiet"]),
    },
    Step {
        name: "tests",
        run: tests,
    },
    Step {
        name: "cases, by Cedar's own program",
        run: cases,
    },
    Step {
        name: "proofs of the policies",
        run: |_| prove::run(&ProveArgs { check: true }),
    },
    Step {
        name: "derived files",
        run: |_| generate::check(),
    },
    Step {
        name: "browser, on the demo",
        run: browser,
    },
];

/// Runs every step; stops at the first that fails.
pub(crate) fn run(arguments: &CiArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut totals = Totals::default();
    let mut durations = Vec::new();
    for step in STEPS.into_iter().skip(first(arguments.from.as_deref())?) {
        say(&format!("\n==== {} ====", step.name));
        let begun = Instant::now();
        (step.run)(&mut totals).with_context(|| {
            format!(
                "step `{}`; begin with it by `cargo ci --from \"{}\"`",
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

/// Where to begin. A name that no step has is a mistake, and not a run in which nothing failed.
fn first(from: Option<&str>) -> anyhow::Result<usize> {
    let Some(from) = from else {
        return Ok(0);
    };
    let exact = STEPS.iter().position(|step| step.name == from);
    let found = exact.or_else(|| STEPS.iter().position(|step| step.name.contains(from)));
    let Some(found) = found else {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("no step is named `{from}`; these are: {}", names.join("; "));
    };
    Ok(found)
}

fn shown(duration: Duration) -> String {
    format!(
        "{:>4} min {:02} s",
        duration.as_secs() / 60,
        duration.as_secs() % 60
    )
}

fn system_packages() -> anyhow::Result<()> {
    tools::packages(&PACKAGES)
}

/// The cases of the policies, by the program that Cedar's makers publish.
fn cases(totals: &mut Totals) -> anyhow::Result<()> {
    let program = tools::cargo_installed("cedar-policy-cli", "cedar", CEDAR, &["--debug"])?;
    let folder = tools::root().join("policies");
    let mut files: Vec<_> = std::fs::read_dir(folder.join("cases"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.file_name().is_some_and(|name| name != "entities.json"));
    files.sort();
    for file in files {
        let mut command = Command::new(&program);
        command
            .arg("run-tests")
            .args(["--policies", "snapshots/whole.cedar"])
            .args(["--schema", "snapshots/whole.cedarschema"])
            .arg("--tests")
            .arg(file)
            .current_dir(&folder);
        for line in tools::run_and_read(&mut command)? {
            totals.count(&line);
        }
    }
    Ok(())
}

/// Bans, licences and sources. Advisories need a database that is fetched by git, which a machine
/// behind registries alone has not.
fn deny() -> anyhow::Result<()> {
    let program = tools::cargo_installed("cargo-deny", "cargo-deny", CARGO_DENY, &[])?;
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
    let denied = ["--", "-D", "warnings"];
    let lint = |what: &[&str]| {
        let all = [&["clippy", "--all-targets"], what, &denied].concat();
        tools::cargo(&all)
    };
    lint(&["--workspace"])?;
    // Whoever builds the program without the keepers and the bucket has no fewer checks.
    lint(&["--package", "countersign", "--no-default-features"])
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
        totals.count(rest);
    }
    Ok(())
}

/// Runs the demo from nothing on ports of its own, and the journeys in Chromium against it.
fn browser(totals: &mut Totals) -> anyhow::Result<()> {
    let own = std::env::current_exe()?;
    let folder = tools::root().join(".data/browser");
    // What an earlier run has left would be taken for this one's.
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let port = countersign_stand::postgres::free_port()?;
    let log = std::env::temp_dir().join("countersign-browser-demo.log");
    let mut command = Command::new(own);
    command
        .args(["demo", "--data", ".data/browser", "--port"])
        .arg(port.to_string());
    let mut demo = Process::spawn(&mut command, &log, "TERM")?;
    let deadline = Instant::now() + DEMO_TIMEOUT;
    while !folder.join("loaded").exists() {
        if !demo.is_running() || Instant::now() > deadline {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            anyhow::bail!("the demo did not start: {said}");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut journeys = Command::new("node");
    journeys
        .args(["tests/browser/run.mjs", &format!("http://localhost:{port}")])
        .arg(folder.join("pictures"))
        .env("COUNTERSIGN", demo::target_folder().join("countersign"))
        .current_dir(tools::root());
    let ran = tools::run_and_read(&mut journeys);
    demo.stop();
    let ran = ran.with_context(|| format!("pictures are in `{}`", folder.display()))?;
    let total = ran.last().map(String::as_str).unwrap_or_default();
    totals.count(total);
    Ok(())
}
