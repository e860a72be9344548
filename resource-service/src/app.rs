//! The composition root: what is made at start, and the two servers around it.

use crate::{agreement::Agreement, books::Books, config::Config, http, metrics::Counted, refusals};
use actix_web::{
    App,
    body::MessageBody,
    dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web,
};
use jeton_verifier::{
    guard::Authenticate,
    keys::{self, KeySource, PublishedKeys},
};
use shared::{
    clock::{Clock, SystemClock},
    cors,
    observe::observed,
    problem,
    server::{self, Limits, Listeners, Serving, StopSignal},
};
use std::{io, net::TcpListener, sync::Arc};

/// What the handlers work with.
#[derive(Clone)]
pub struct Parts {
    /// The keys that tokens are verified with.
    pub keys: Arc<PublishedKeys>,
    /// Whether the issuer is the one that the settings name.
    pub agreement: Arc<Agreement>,
    /// The protected data.
    pub books: Books,
    /// Browser origins that may call.
    pub allowed_origins: Vec<String>,
}

/// Puts together what the handlers work with, and begins to fetch keys.
///
/// # Errors
/// One sentence that says what to change.
pub async fn assemble(config: Config) -> Result<Parts, String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let agreement = Arc::new(Agreement::default());
    if let KeySource::Published { address, .. } = &config.keys {
        agreement.watch(address.clone(), config.issuer.clone(), Arc::clone(&clock))?;
    }
    let keys = keys::Config::new(config.issuer, config.audience, config.keys);
    let keys = config.revocations.applied_to(keys).clock(Arc::clone(&clock)).observer(Arc::new(Counted)).start().await;
    Ok(Parts {
        keys: keys.map_err(|error| error.to_string())?,
        agreement,
        books: Books::open(config.database, clock).await?,
        allowed_origins: config.allowed_origins,
    })
}

/// Runs the service until it is told to stop.
///
/// # Errors
/// One sentence that says why it did not start, or why it ended.
pub async fn serve(config: Config, mut stop_signal: StopSignal) -> Result<(), String> {
    let listeners = Listeners::bind(config.listen, config.admin_listen)?;
    let limits = config.connections;
    let parts = tokio::select! {
        parts = assemble(config) => parts?,
        () = stop_signal.received() => return Ok(()),
    };
    announce(&listeners).map_err(|error| error.to_string())?;
    refusals::watch();
    let public = public_server(parts.clone(), limits, listeners.public);
    let admin = admin_server(parts, listeners.admin);
    let servers = public.and_then(|public| Ok((public, admin?)));
    let (public, admin) = servers.map_err(|error| format!("cannot serve: {error}"))?;
    server::run(public, admin, stop_signal).await.map_err(|error| format!("a server ended: {error}"))
}

fn announce(listeners: &Listeners) -> io::Result<()> {
    let (public, admin) = (listeners.public.local_addr()?, listeners.admin.local_addr()?);
    tracing::info!("resource-service listens on http://{public}, for operators on http://{admin}");
    Ok(())
}

fn public_server(parts: Parts, limits: Limits, listener: TcpListener) -> io::Result<Server> {
    let admission = server::public(limits, |_| false);
    Serving { listener, admission, workers: None, serves_half_closed: true }.run(move || public_app(parts.clone()))
}

fn admin_server(parts: Parts, listener: TcpListener) -> io::Result<Server> {
    let admission = server::admin();
    Serving { listener, admission, workers: Some(1), serves_half_closed: true }.run(move || admin_app(parts.clone()))
}

/// The public API.
pub fn public_app(
    parts: Parts,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let authority: Arc<dyn Authenticate> = parts.keys;
    App::new()
        .app_data(web::Data::from(authority))
        .app_data(web::Data::new(parts.books))
        .app_data(web::Data::new(http::cors(parts.allowed_origins)))
        .configure(problem::configure)
        .configure(http::routes)
        .wrap(from_fn(problem::speak_problems))
        .wrap(from_fn(cors::answered))
        .wrap(http::never_stored())
        .wrap(from_fn(http::verify::nothing_but_a_verdict))
        .wrap(from_fn(observed))
}

/// The API for operators and their machines.
pub fn admin_app(
    parts: Parts,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(web::Data::from(parts.keys))
        .app_data(web::Data::from(parts.agreement))
        .configure(problem::configure)
        .configure(http::admin_routes)
        .wrap(from_fn(problem::speak_problems))
}
