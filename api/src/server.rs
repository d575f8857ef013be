//! Puts the server together and runs it.

mod opening;
mod start_error;

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{HttpServer, dev, web};
use countersign_entities::{Clock, Database, Ids, ToldBy};
use tokio::signal::unix::{SignalKind, signal};
use uuid::Uuid;

pub use self::start_error::StartError;

use self::opening::{check, tell, wait_until_open};
use crate::{
    app::{audit_exports::ExportPlaces, import_progress::ImportBoard},
    aws::Machine,
    checkpoints::{self, CheckpointPlace},
    config::Config,
    graphql::{Endpoint, Limits},
    http::{self, limited::SeenTokens, management, problem::Problem},
    identity::{Identity, IdentitySettings},
    kms,
    metrics::Metrics,
    places,
    policies::{ReloadError, Reloaded, ServingPolicies},
    providers::Providers,
    rate_limit::RateLimits,
    replicas::RedisFault,
    tls,
};

/// What handlers share.
#[derive(Debug)]
pub struct State {
    /// The storage floor.
    pub database: Database,
    /// The policies that serve.
    pub policies: Arc<ServingPolicies>,
    /// The GraphQL endpoint.
    pub graphql: Endpoint,
    /// Sign-in.
    pub identity: Identity,
    /// Rate limits.
    pub rate_limits: Arc<RateLimits>,
    /// What monitoring reads.
    pub metrics: Arc<Metrics>,
    /// Exports of the audit log that are under way.
    pub exports: ExportPlaces,
    /// Tokens that were used lately.
    pub seen_tokens: SeenTokens,
    /// The configuration.
    pub config: Arc<Config>,
    open: AtomicBool,
    stopping: AtomicBool,
}

impl State {
    /// Whether the books are open: the schema is this program's, and the isolation of tenants was
    /// checked and found whole.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Whether the process was told to stop: who balances load sends nobody here any more.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Whether the product is called by https.
    pub fn is_https(&self) -> bool {
        self.config.http.public_url.scheme() == "https"
    }

    /// Reads the policies again.
    pub async fn reload(&self, by: ToldBy<'_>) -> Result<Reloaded, ReloadError> {
        let reloaded = self.policies.reload(&self.database, by).await;
        self.metrics.reloaded(reloaded.is_ok());
        reloaded
    }

    /// Nothing is read or written before the books are open.
    pub fn open(&self) -> Result<(), Problem> {
        if self.is_open() {
            Ok(())
        } else {
            Err(Problem::unavailable(
                "the service is starting: try again in a moment",
            ))
        }
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    state: web::Data<State>,
    checkpoints: Option<CheckpointPlace>,
    listener: TcpListener,
    address: SocketAddr,
    management: Option<(TcpListener, SocketAddr)>,
}

/// How long requests under way have, once the server is told to stop.
const SHUTDOWN_SECONDS: u64 = 10;

impl Server {
    /// Starts every floor and listens. The books stay closed until the isolation check has passed.
    pub async fn build(
        config: Config,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, StartError> {
        let policies = Arc::new(ServingPolicies::new(config.policies.clone())?);
        let machine = Machine::new(&config.aws, &clock);
        let keys = kms::ring(&config.keys, &machine, &clock)?;
        let checkpoints = checkpoints::place(&config.audit, &machine, &clock)?;
        let providers = Providers::new(&config.providers)?;
        let rate_limits = RateLimits::new(config.limits.quotas(), config.limits.redis(), &clock)?;
        let (rate_limits, metrics) = (Arc::new(rate_limits), Arc::new(Metrics::new()));
        let replica = ids.uuid();
        let database = Database::connect(config.storage(), keys, clock, ids).await?;
        let imports = import_board(&config, &database, replica)?;
        let graphql = Endpoint::new(
            database.clone(),
            Arc::clone(&policies),
            Limits {
                time_max: Duration::from_millis(config.graphql.time_ms),
                streams_of_a_tenant_max: places::most(config.limits.streams_at_once),
                streams_max: places::most(config.limits.streams_at_once_in_all),
                ..Limits::default()
            },
            providers,
            imports,
            Arc::clone(&rate_limits),
            Arc::clone(&metrics),
        )?;
        for path in &config.graphql.documents {
            publish(&graphql, path)?;
        }
        let identity = Identity::new(identity_settings(&config), database.clone())?;
        let patience = config.limits.patience_of_connections();
        let (listener, address) = listen(config.http.listen, patience)?;
        let management = config.http.management_listen;
        let management = management.map(|address| listen(address, patience));
        let management = management.transpose()?;
        let state = web::Data::new(State {
            database,
            policies,
            graphql,
            identity,
            rate_limits,
            metrics,
            exports: ExportPlaces::new(
                config.limits.exports_at_once,
                config.limits.exports_at_once_in_all,
            ),
            seen_tokens: SeenTokens::default(),
            config: Arc::new(config),
            open: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        });
        Ok(Self {
            state,
            checkpoints,
            listener,
            address,
            management,
        })
    }

    /// The address that is listened on; the port was chosen where it was given as 0.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the operator's port, if there is one.
    pub fn management_address(&self) -> Option<SocketAddr> {
        self.management.as_ref().map(|(_, address)| *address)
    }

    /// What handlers share.
    pub fn state(&self) -> web::Data<State> {
        web::Data::clone(&self.state)
    }

    /// Checks the isolation of tenants, waiting for PostgreSQL where it is away, and then serves
    /// until told to stop. Refuses where the check finds a fault.
    pub async fn run_until_stopped(self) -> Result<(), StartError> {
        let server = self.start(true)?;
        let handle = server.handle();
        self.start_management()?;
        let state = web::Data::clone(&self.state);
        let mut served = tokio::spawn(server);
        let checked = tokio::select! {
            checked = wait_until_open(&state) => checked,
            // Told to stop while PostgreSQL was away.
            ended = &mut served => return stopped(ended),
        };
        if let Err(error) = checked {
            handle.stop(false).await;
            return Err(error);
        }
        tell(&state.config.http, self.address, self.management_address());
        tokio::spawn(close_streams_when_stopped(web::Data::clone(&self.state)));
        if let Err(error) = reload_on_hangup(web::Data::clone(&self.state)) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "no signal reloads the policies");
        }
        let audit = &state.config.audit;
        tokio::spawn(checkpoints::keep_making(
            state.database.clone(),
            self.checkpoints,
            Duration::from_secs(u64::from(audit.checkpoint_minutes) * 60),
            audit.checkpoint_rows,
            Arc::clone(&state.metrics),
        ));
        let ended = stopped(served.await);
        state.database.close().await;
        ended
    }

    /// Serves without signal handlers, for tests; the isolation check comes first.
    pub async fn serve_in_background(self) -> Result<dev::ServerHandle, StartError> {
        let state = web::Data::clone(&self.state);
        check(&state).await?;
        let server = self.start(false)?;
        let handle = server.handle();
        self.start_management()?;
        tokio::spawn(server);
        Ok(handle)
    }

    /// Ends with the process: what monitoring reads may be read to the last.
    fn start_management(&self) -> Result<(), StartError> {
        let Some((listener, address)) = &self.management else {
            return Ok(());
        };
        let state = web::Data::clone(&self.state);
        let server = HttpServer::new(move || management::app(&state));
        let listener = listener.try_clone().map_err(StartError::Stopped)?;
        let server = server.disable_signals().workers(1).listen(listener);
        let listened = server.map_err(|source| StartError::Listen {
            address: *address,
            source,
        })?;
        tokio::spawn(listened.run());
        Ok(())
    }

    fn start(&self, signals: bool) -> Result<dev::Server, StartError> {
        let state = web::Data::clone(&self.state);
        let server = HttpServer::new(move || http::app(&state));
        let server = if signals {
            server
        } else {
            server.disable_signals().workers(1)
        };
        let listener = self.listener.try_clone().map_err(StartError::Stopped)?;
        let server = server
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .client_request_timeout(Duration::from_secs(30));
        let listening = match &self.state.config.http.tls {
            Some(settings) => server.listen_rustls_0_23(listener, tls::server(settings)?),
            None => server.listen(listener),
        };
        let server = listening.map_err(|source| StartError::Listen {
            address: self.address,
            source,
        })?;
        Ok(server.run())
    }
}

fn publish(graphql: &Endpoint, path: &Path) -> Result<(), StartError> {
    let fault = |cause: String| StartError::Documents {
        path: path.display().to_string(),
        cause,
    };
    let json = fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    let published = graphql.publish_manifest(&json);
    let published = published.map_err(|error| fault(error.to_string()))?;
    tracing::info!(published, path = %path.display(), "documents of a manifest are published");
    Ok(())
}

/// The board of this replica, shared with others where they meet.
fn import_board(
    config: &Config,
    database: &Database,
    replica: Uuid,
) -> Result<ImportBoard, RedisFault> {
    let Some(address) = config.limits.redis() else {
        return Ok(ImportBoard::new());
    };
    Ok(ImportBoard::shared(database, address.client()?, replica))
}

/// Listens; a connection whose peer takes nothing of what is sent for that long is closed.
fn listen(
    address: SocketAddr,
    patience: Duration,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        // Connections have it from their listener. The kernel's, because it alone knows what was taken: a
        // server sees no more than that a buffer is full.
        #[cfg(target_os = "linux")]
        socket2::SockRef::from(&listener).set_tcp_user_timeout(Some(patience))?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    listen().map_err(|source| StartError::Listen { address, source })
}

fn stopped(ended: Result<std::io::Result<()>, tokio::task::JoinError>) -> Result<(), StartError> {
    ended
        .map_err(std::io::Error::other)
        .flatten()
        .map_err(StartError::Stopped)
}

/// A stream would keep the server from stopping until its listener leaves.
async fn close_streams_when_stopped(state: web::Data<State>) {
    let mut terminated = match signal(SignalKind::terminate()) {
        Ok(terminated) => terminated,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "no signals to wait for"
            );
            return;
        }
    };
    tokio::select! {
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    state.stopping.store(true, Ordering::Release);
    state.graphql.close_streams();
}

/// Reads the policies again whenever the process is told to by SIGHUP. From when it returns on the signal
/// ends no process.
pub fn reload_on_hangup(state: web::Data<State>) -> std::io::Result<()> {
    let mut told = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while told.recv().await.is_some() {
            // What came of it is in the log of the process, and in the operator's own audit log.
            drop(state.reload(ToldBy::Signal).await);
        }
    });
    Ok(())
}

/// What sign-in takes of the configuration.
pub(crate) fn identity_settings(config: &Config) -> IdentitySettings {
    let mut redirect_uri = config.http.public_url.clone();
    redirect_uri.set_path("/bff/callback");
    IdentitySettings {
        issuer: config.oidc.issuer.clone(),
        client_id: config.oidc.client_id.clone(),
        client_secret: config.oidc.client_secret.clone(),
        scopes: config.oidc.scopes.clone(),
        audience: config.audience(),
        redirect_uri,
        post_logout_uri: config.http.public_url.clone(),
        session_lifetime: chrono::Duration::days(i64::from(config.session.lifetime_days)),
        unconfirmed: chrono::Duration::hours(i64::from(config.session.unconfirmed_hours)),
    }
}
