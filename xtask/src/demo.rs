//! `cargo demo`: the whole product on this machine, with three tenants' books.

mod backups;
mod http;
mod load;
mod people;
mod secrets;

use std::{
    fs,
    io::Write,
    net::TcpListener,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use countersign_stand::{
    postgres::{self, Cluster, ClusterOptions},
    process::Process,
    provider::Provider,
};
use serde_json::json;

use self::secrets::Secrets;
use crate::tools::{self, say};

/// How the demo is run.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Throw the data of earlier runs away first
    #[arg(long)]
    fresh: bool,
    /// The port of the product; the sign-in provider takes the next one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where the demo's data is kept, below the repository
    #[arg(long, default_value = ".data/demo")]
    data: PathBuf,
    /// Stop again as soon as everything runs, for tests of the demo itself
    #[arg(long, hide = true)]
    once: bool,
}

/// Where things are.
#[derive(Debug)]
pub(crate) struct Demo {
    folder: PathBuf,
    program: PathBuf,
    /// The product's address.
    pub(crate) url: String,
    /// The provider's address.
    pub(crate) issuer: String,
    /// Where the server answers its operator.
    management: String,
    pub(crate) secrets: Secrets,
}

pub(crate) fn run(arguments: &DemoArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let port = arguments.port;
    let provider_port = port.checked_add(1).context("choose a lower port")?;
    let management_port = port.checked_add(2).context("choose a lower port")?;
    for taken in [port, provider_port, management_port] {
        if TcpListener::bind(("127.0.0.1", taken)).is_err() {
            bail!("port {taken} is in use: stop what listens there, or choose another by `--port`");
        }
    }
    let folder = tools::root().join(&arguments.data);
    let port_file = folder.join("port");
    refuse_other_port(&port_file, port, arguments.fresh)?;
    if arguments.fresh && folder.exists() {
        say("throwing the data of earlier runs away");
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    fs::write(&port_file, port.to_string())?;

    build()?;
    let demo = Demo {
        program: target_folder().join("countersign"),
        url: format!("http://localhost:{port}"),
        issuer: format!("http://localhost:{provider_port}"),
        management: format!("http://localhost:{management_port}"),
        secrets: Secrets::of(&folder.join("secrets.json"))?,
        folder,
    };
    say("starting PostgreSQL");
    let cluster = Cluster::start(&ClusterOptions {
        data_dir: demo.folder.join("postgres"),
        port: None,
        durable: true,
    })?;
    demo.write_configuration(port, &cluster)?;
    say("starting the OpenID provider");
    let provider = Provider::start(
        &demo.provider_settings(provider_port),
        &demo.log("provider"),
    )?;
    say("bringing the database to its newest shape");
    demo.command(&["migrate"])
        .context("the kept data may be of another version: `cargo demo --fresh` starts over")?;
    let loaded = demo.folder.join("loaded");
    if !loaded.exists() {
        people::admit(&demo)?;
    }
    say("starting the server");
    let mut server = demo.serve()?;
    if !loaded.exists() {
        load::books(&demo)?;
        people::own_roles(&demo)?;
        fs::write(&loaded, "")?;
    }
    welcome(&demo, started.elapsed());
    if !arguments.once {
        demo.wait(&mut server)?;
    }
    server.stop();
    drop(provider);
    drop(cluster);
    Ok(())
}

/// People and machines are known by their provider's address, so that kept data goes with its port.
/// A demo that runs on the data is not to lose it either.
fn refuse_other_port(port_file: &Path, port: u16, fresh: bool) -> anyhow::Result<()> {
    let text = fs::read_to_string(port_file).unwrap_or_default();
    let Some(kept) = text.trim().parse().ok().filter(|kept| *kept != port) else {
        return Ok(());
    };
    if TcpListener::bind(("127.0.0.1", kept)).is_err() {
        bail!(
            "the data is of the demo at port {kept}, and something listens there: stop it first, \
             or name another folder by `--data`"
        );
    }
    ensure!(
        fresh,
        "the data was made for port {kept}, where its people sign in: run with `--port {kept}`, \
         start over by `--fresh`, or name another folder by `--data`"
    );
    Ok(())
}

/// Cargo shows its own progress.
fn build() -> anyhow::Result<()> {
    let web = tools::root().join("web");
    if web.join("package.json").exists() {
        let mut sources = tools::files_below(&web.join("src"));
        sources.extend(["package-lock.json", "index.html", "vite.config.ts"].map(|f| web.join(f)));
        let built = tools::newest(&[web.join("dist/.built")]);
        if built < tools::newest(&sources) {
            say("building the web app");
            tools::npm_ci(&web)?;
            tools::npm(&web, &["run", "--silent", "build"])?;
            fs::write(web.join("dist/.built"), "")?;
        }
    }
    say("building the server (the first time takes some minutes)");
    tools::cargo(&["build", "--package", "countersign"])
}

pub(crate) fn target_folder() -> PathBuf {
    // This program was built into the same folder.
    let own = std::env::current_exe().ok();
    let folder = own.as_deref().and_then(Path::parent).map(Path::to_path_buf);
    folder.unwrap_or_else(|| tools::root().join("target/debug"))
}

impl Demo {
    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("countersign.toml")
    }

    fn write_configuration(&self, port: u16, cluster: &Cluster) -> anyhow::Result<()> {
        let database = |role: &str, password: &str| {
            format!(
                "postgres://{role}:{password}@127.0.0.1:{}/postgres",
                cluster.port()
            )
        };
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"{}\"\n\
             management_listen = \"{}\"\n\n\
             [database]\nentry_url = \"{}\"\nbooks_url = \"{}\"\nowner_url = \"{}\"\n\n\
             [oidc]\nissuer = \"{}\"\nclient_id = \"countersign\"\nclient_secret = \"{}\"\n\n\
             [keys]\nkek = \"{}\"\n\n[log]\nformat = \"text\"\n\n\
             [policies]\nuncertified = true\n\n\
             [backups]\nkeys = {}\npg_dump = \"{}\"\n",
            self.url,
            self.management
                .trim_start_matches("http://")
                .replace("localhost", "127.0.0.1"),
            database("countersign_entry", &self.secrets.entry_password),
            database("countersign_books", &self.secrets.books_password),
            cluster.admin_url("postgres"),
            self.issuer,
            self.secrets.client_secret,
            self.secrets.kek,
            backups::keys(self)?,
            postgres::client("pg_dump")?.display(),
        );
        let path = self.configuration();
        let mut file = fs::File::options()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        Ok(file.write_all(text.as_bytes())?)
    }

    fn provider_settings(&self, port: u16) -> serde_json::Value {
        let web = json!({
            "client_id": "countersign",
            "client_secret": self.secrets.client_secret,
            "redirect_uris": [format!("{}/bff/callback", self.url)],
            "post_logout_redirect_uris": [format!("{}/", self.url)],
            "backchannel_logout_uri": format!("{}/bff/backchannel", self.url),
            "backchannel_logout_session_required": true,
            "grant_types": ["authorization_code", "refresh_token"],
        });
        let machines = people::MACHINES.iter().map(|machine| {
            json!({
                "client_id": machine.client_id,
                "client_secret": self.secrets.client_secret,
                "grant_types": ["client_credentials"],
                "response_types": [],
                "redirect_uris": [],
            })
        });
        let mut clients = vec![web];
        clients.extend(machines);
        json!({
            "port": port,
            "issuer": self.issuer,
            "clients": clients,
            "people": people::accounts(),
            "audience": format!("{}/graphql", self.url),
            "machineScopes": people::MACHINE_SCOPES,
            "keysFile": self.folder.join("provider-keys.json"),
            "showPasswords": people::PASSWORD,
            "oneTimeCode": people::ONE_TIME_CODE,
        })
    }

    /// Runs an operator's command.
    pub(crate) fn command(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = Command::new(&self.program)
            .arg("--config")
            .arg(self.configuration())
            .args(arguments)
            .output()
            .with_context(|| format!("`{}` can not be run", self.program.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let fault = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`countersign {}` failed: {}",
            arguments.join(" "),
            fault.trim()
        )
    }

    fn serve(&self) -> anyhow::Result<Process> {
        let mut command = Command::new(&self.program);
        command
            .arg("--config")
            .arg(self.configuration())
            .arg("serve");
        let mut server = Process::spawn(&mut command, &self.log("server"), "TERM")?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while !http::is_ready(&self.management) {
            if !server.is_running() || Instant::now() > deadline {
                bail!(
                    "the server did not start: see `{}`",
                    self.log("server").display()
                );
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Until Ctrl-C, which ends this program and with it, by their watchers, all that it started.
    fn wait(&self, server: &mut Process) -> anyhow::Result<()> {
        while server.is_running() {
            thread::sleep(Duration::from_millis(500));
        }
        bail!(
            "the server has stopped: see `{}`",
            self.log("server").display()
        )
    }
}

fn welcome(demo: &Demo, took: Duration) {
    say(&format!(
        "\nCountersign runs, after {} s:\n\n    {}\n",
        took.as_secs(),
        demo.url
    ));
    say(&format!(
        "Sign in as any of these; everybody's password is `{}`, and the code `{}` is a second factor.\n",
        people::PASSWORD,
        people::ONE_TIME_CODE
    ));
    for line in people::table() {
        say(&format!("    {line}"));
    }
    say(&format!(
        "\nCheck the audit chains: {} --config {} ledger verify",
        tools::short(&demo.program),
        tools::short(&demo.configuration()),
    ));
    say("Stop everything with Ctrl-C; the data is kept, and `cargo demo --fresh` starts over.");
}
