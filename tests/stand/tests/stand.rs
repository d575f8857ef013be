//! What the stand starts answers, survives what tests do to it, and leaves nothing running.

#![expect(clippy::expect_used, reason = "a test says what went wrong by failing")]

use std::{
    env, fs,
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use countersign_stand::{
    pgbouncer::PgBouncer,
    postgres::{Cluster, ClusterOptions},
    process::{Process, children, is_alive},
    provider::Provider,
};
use serde_json::{Value, json};

/// A folder that is removed with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("countersign-test-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn cluster(&self, durable: bool) -> Cluster {
        let options = ClusterOptions {
            data_dir: self.0.join("data"),
            port: None,
            durable,
        };
        Cluster::start(&options).expect("a cluster")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs SQL by `psql`, which is installed wherever the server is.
fn psql(url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new("psql")
        .args([
            "-X",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            url,
            "-c",
            sql,
        ])
        .output()
        .expect("psql");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn postmaster(cluster: &Cluster) -> u32 {
    let pid = fs::read_to_string(cluster.data_dir().join("postmaster.pid")).expect("a pid file");
    pid.lines().next().expect("a line").parse().expect("an id")
}

fn ends(pid: u32) -> bool {
    let deadline = Instant::now() + Duration::from_secs(15);
    while is_alive(pid) {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
    true
}

#[test]
fn cluster_survives_a_crash_with_what_was_committed_and_stops_without_a_trace() {
    let folder = Folder::new("crash");
    let cluster = folder.cluster(true);
    let url = cluster.admin_url("postgres");
    psql(
        &url,
        "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)",
    )
    .expect("written");

    let first = postmaster(&cluster);
    let family = children(first);
    assert!(!family.is_empty());
    cluster.kill();
    assert!(
        psql(&url, "SELECT 1").is_err(),
        "it answers after its death"
    );
    assert!(family.iter().all(|child| !is_alive(*child)));
    assert!(
        cluster.data_dir().join("postmaster.pid").exists(),
        "a crash leaves its file, which must not be taken for the next server's"
    );

    cluster.restart().expect("it starts on the same files");
    let second = postmaster(&cluster);
    assert_ne!(first, second);
    assert_eq!(psql(&url, "SELECT n FROM kept").as_deref(), Ok("7"));

    let family = children(second);
    cluster.stop();
    assert!(!is_alive(second) && family.iter().all(|child| !is_alive(*child)));
    drop(cluster);

    let again = folder.cluster(true);
    let kept = psql(&again.admin_url("postgres"), "SELECT n FROM kept");
    assert_eq!(kept.as_deref(), Ok("7"), "files are kept between runs");
}

#[test]
fn cluster_lets_in_by_a_password_that_nobody_else_reads() {
    let folder = Folder::new("password");
    let cluster = folder.cluster(false);
    let url = cluster.admin_url("postgres");
    let role = "CREATE ROLE countersign_books LOGIN PASSWORD 'right'";
    psql(&url, role).expect("a role");
    let (_, place) = url.split_once('@').expect("an address");
    for who in ["postgres", "postgres:wrong", "countersign_books:wrong"] {
        let refused = psql(&format!("postgres://{who}@{place}"), "SELECT 1");
        assert!(refused.is_err(), "{who} is let in");
    }
    let right = format!("postgres://countersign_books:right@{place}");
    assert_eq!(psql(&right, "SELECT 1").as_deref(), Ok("1"));

    let file = folder.0.join("data.password");
    let mode = fs::metadata(&file).expect("the password").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let names = fs::read_dir(&folder.0).expect("a folder").flatten();
    let names: Vec<_> = names.map(|entry| entry.file_name()).collect();
    assert!(
        !names.iter().any(|name| name == "data.initial"),
        "what `initdb` read is gone: {names:?}"
    );
    drop(cluster);

    // As data of a release before has none.
    fs::remove_file(&file).expect("removed");
    let options = ClusterOptions {
        data_dir: folder.0.join("data"),
        port: None,
        durable: false,
    };
    let refused = Cluster::start(&options).expect_err("without a password");
    assert!(format!("{refused:#}").contains("`cargo demo --fresh`"));
}

#[test]
fn cluster_of_root_moves_out_of_a_folder_that_nobody_else_reaches() {
    let folder = Folder::new("hidden");
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).expect("permissions");
    let wanted = folder.0.join("data");
    let cluster = folder.cluster(true);
    let me = Command::new("id").arg("-u").output().expect("id");
    if me.stdout.trim_ascii() != b"0" {
        assert_eq!(cluster.data_dir(), wanted, "it is reached: it stays");
        return;
    }
    let elsewhere = cluster.data_dir().to_owned();
    assert_ne!(elsewhere, wanted);
    assert_eq!(fs::read_link(&wanted).expect("a link"), elsewhere);
    let url = cluster.admin_url("postgres");
    psql(&url, "CREATE TABLE kept (n int)").expect("written");
    drop(cluster);

    let cluster = folder.cluster(true);
    let url = cluster.admin_url("postgres");
    assert_eq!(psql(&url, "SELECT n FROM kept").as_deref(), Ok(""));
    drop(cluster);

    fs::remove_file(&wanted).expect("the link goes");
    let cluster = folder.cluster(true);
    let url = cluster.admin_url("postgres");
    assert!(
        psql(&url, "SELECT n FROM kept").is_err(),
        "without the link it starts over"
    );
    drop(cluster);
    fs::remove_dir_all(elsewhere).expect("removed");
}

#[test]
fn process_ends_with_whoever_started_it() {
    let folder = Folder::new("watcher");
    let mut sleeper = Process::spawn(
        Command::new("sleep").arg("300"),
        &folder.0.join("log"),
        // Not `INT`, which whatever is started in the background ignores.
        "TERM",
    )
    .expect("a process");
    assert!(sleeper.is_running());
    let pid = sleeper.id();
    // What the kernel does to a process that dies: its end of the pipe closes.
    sleeper.release_watcher();
    assert!(ends(pid), "the watcher did not end it");
    drop(sleeper);
}

#[test]
fn pooler_shares_few_connections_and_stops_without_a_trace() {
    let folder = Folder::new("pooler");
    let cluster = folder.cluster(false);
    let admin = cluster.admin_url("postgres");
    let role = "CREATE ROLE countersign_books LOGIN PASSWORD 'countersign_books'";
    psql(&admin, role).expect("a role");
    let pooler = PgBouncer::start(&cluster, 2).expect("a pooler");
    let url = pooler.url("postgres", "countersign_books");
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let url = url.clone();
            thread::spawn(move || psql(&url, "SELECT pg_backend_pid() FROM pg_sleep(0.2)"))
        })
        .collect();
    let mut servers: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().expect("a thread").expect("an answer"))
        .collect();
    servers.sort();
    servers.dedup();
    assert!(servers.len() <= 2, "{servers:?}");
    assert!(
        psql(&pooler.url("postgres", "stranger"), "SELECT 1").is_err(),
        "only the product's roles are let in"
    );
    let (pid, port) = (pooler.id(), pooler.port());
    drop(pooler);
    assert!(!is_alive(pid));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn provider_issues_tokens_for_machines_and_stops_without_a_trace() {
    let folder = Folder::new("provider");
    let port = countersign_stand::postgres::free_port().expect("a port");
    let issuer = format!("http://127.0.0.1:{port}");
    let settings = json!({
        "port": port,
        "issuer": issuer,
        "audience": "http://localhost:8080/graphql",
        "machineScopes": ["basic:read"],
        "people": [],
        "keysFile": folder.0.join("keys.json"),
        "clients": [{
            "client_id": "machine", "client_secret": "secret", "redirect_uris": [],
            "response_types": [], "grant_types": ["client_credentials"],
        }],
    });
    let log = folder.0.join("log");
    let mut provider = Provider::start(&settings, &log).expect("a provider");
    assert_eq!(provider.port(), port);
    let get = |path: &str| -> Value {
        let answer = ureq::get(&format!("{issuer}{path}")).call().expect(path);
        answer.into_body().read_json().expect("JSON")
    };
    let discovery = get("/.well-known/openid-configuration");
    assert_eq!(discovery["issuer"], issuer);
    assert_eq!(discovery["backchannel_logout_supported"], true);
    let keys = get("/jwks");
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(2));

    let token = |secret: &str| {
        ureq::post(&format!("{issuer}/token")).send_form([
            ("grant_type", "client_credentials"),
            ("client_id", "machine"),
            ("client_secret", secret),
            ("resource", "http://localhost:8080/graphql"),
            ("scope", "basic:read"),
        ])
    };
    assert!(token("another").is_err());
    let token = token("secret").expect("a token");
    let token: Value = token.into_body().read_json().expect("JSON");
    assert_eq!(token["scope"], "basic:read");
    let jwt = token["access_token"].as_str().expect("a token");
    assert_eq!(jwt.split('.').count(), 3, "a JWT: {jwt}");

    let pid = provider.id();
    provider.stop();
    assert!(!is_alive(pid));

    // The keys are kept, so that tokens outlive a restart.
    let again = Provider::start(&settings, &log).expect("a provider");
    assert_eq!(get("/jwks"), keys);
    drop(again);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
