//! The two listeners of a service, from its start to its end.

use super::{Service, assemble, chores};
use crate::{
    config::Config,
    http::{self, State},
};
use actix_web::{App, dev::Server, middleware::from_fn, web::Data};
use shared::{
    cors,
    observe::observed,
    problem::speak_problems,
    server::{self, Limits, Listeners, Serving, StopSignal},
};
use std::{io, net::TcpListener};

/// Serves until it is asked to stop.
///
/// # Errors
/// One sentence that says what to change.
pub async fn serve(config: Config, mut stop_signal: StopSignal) -> Result<(), String> {
    let (public, admin, limits) = (config.listen, config.admin_listen, config.connections);
    let Service { state, chores } = tokio::select! {
        service = assemble(config) => service?,
        () = stop_signal.received() => return Ok(()),
    };
    let state = Data::new(state);
    let feed = state.feed.clone();
    let mut stopping = StopSignal::listen();
    // Verifiers that wait would hold up the end.
    let waker = tokio::spawn(async move {
        stopping.received().await;
        feed.stop();
    });
    // Before anyone can log in, so that the duration of the first login reveals nothing.
    if let Err(error) = chores.housekeeping.notice_hashes().await {
        tracing::warn!(%error, "failed to read what the stored password hashes cost; will retry");
    }
    let listeners = Listeners::bind(public, admin)?;
    let address = |listener: &TcpListener| listener.local_addr().map_err(|error| error.to_string());
    let (public, admin) = (address(&listeners.public)?, address(&listeners.admin)?);
    let chores = chores::start(chores);

    let servers = serve_public(&state, limits, listeners.public).and_then(|public| {
        let admin = serve_admin(state, listeners.admin)?;
        Ok((public, admin))
    });
    let (public_server, admin_server) = servers.map_err(|error| error.to_string())?;
    tracing::info!("auth-service listens on http://{public}, health on http://{admin}");
    let ended = server::run(public_server, admin_server, stop_signal).await;
    waker.abort();
    chores.stop().await;
    ended.map_err(|error| error.to_string())
}

fn serve_public(state: &Data<State>, limits: Limits, listener: TcpListener) -> io::Result<Server> {
    let (proxies, state) = (state.clone(), state.clone());
    let admission = server::public(limits, move |address| proxies.site.trusts(address));
    let cors = Data::new(http::cors(&state.site));
    // Requests that a client gave up during a stall are not carried out: the client has moved on, and its own outdated
    // token would look like a theft.
    Serving { listener, admission, workers: None, serves_half_closed: false }.run(move || {
        App::new()
            .app_data(cors.clone())
            .configure(http::public(state.clone()))
            .wrap(from_fn(speak_problems))
            .wrap(from_fn(cors::answered))
            .wrap(http::default_headers())
            .wrap(from_fn(observed))
    })
}

fn serve_admin(state: Data<State>, listener: TcpListener) -> io::Result<Server> {
    Serving { listener, admission: server::admin(), workers: Some(1), serves_half_closed: true }.run(move || {
        App::new().configure(http::admin(state.clone())).wrap(http::default_headers()).wrap(from_fn(speak_problems))
    })
}
