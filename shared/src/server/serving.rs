//! An app behind a socket: what actix-web's own server does, with our own connections. That server buffers all that a
//! client sends before it is answered, and waits for ever for clients that do not read.

use super::{
    DRAIN_SECONDS,
    admission::Admission,
    connection::Connection,
    descriptors::RESERVE_PER_WORKER,
    metrics::count_error,
    pieces::{InPieces, in_pieces},
    turn::Turn,
};
use actix_http::{
    ConnectionType, Extensions, HttpService, Protocol, Request, Response, body::MessageBody, error::DispatchError,
};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, apply_fn_factory, fn_service, map_config,
};
use actix_web::{Error, dev::AppConfig, rt::net::TcpStream};
use std::{
    fmt,
    io::{self, ErrorKind},
    net::TcpListener,
    rc::Rc,
    thread,
    time::Duration,
};

/// How long a connection is kept for another request.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How long to wait for a client to close its side.
const DISCONNECT: Duration = Duration::from_secs(1);

/// How many bytes of an answer wait to be written, before the next piece is added.
const WRITE_BUFFER: usize = 16 * 1024;

/// How many bytes of answers the system may hold for a connection. Its default goes up to megabytes, which count
/// towards a container's limit.
const SEND_BUFFER: usize = 64 * 1024;

/// A socket to serve.
pub struct Serving {
    /// The socket.
    pub listener: TcpListener,
    /// What it accepts.
    pub admission: Admission,
    /// How many threads answer; `None`: as many as there are cores.
    pub workers: Option<usize>,
    /// Whether a request is carried out although its client has closed its side of the connection.
    pub serves_half_closed: bool,
}

impl Serving {
    /// Serves an app, once the server is awaited. Keep-alive lasts 5 s; HTTP/1 only.
    ///
    /// # Errors
    /// When the socket cannot be used.
    pub fn run<F, I, S, B>(self, app: F) -> io::Result<Server>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error> + 'static,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>> + 'static,
        S::Service: 'static,
        <S::Service as Service<Request>>::Future: 'static,
        B: MessageBody + 'static,
    {
        let Self { listener, admission, workers, serves_half_closed } = self;
        limit_send_buffer(&listener);
        let workers = workers.unwrap_or_else(|| thread::available_parallelism().map_or(2, usize::from));
        let builder = Server::build()
            .workers(workers)
            .max_concurrent_connections(admission.total().div_ceil(workers) + RESERVE_PER_WORKER)
            .disable_signals()
            .shutdown_timeout(DRAIN_SECONDS);
        let draining = builder.graceful_shutdown_signal();
        let timeouts = admission.timeouts();
        let server = builder.listen(admission.socket(), listener, move || {
            let (admission, draining) = (admission.clone(), draining.clone());
            let app = app().into_factory().map_err(|error| error.into().error_response());
            let app = apply_fn_factory(map_config(app, |()| AppConfig::default()), answer);
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let draining = draining.clone();
                    async move { draining.notified().await }
                })
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(timeouts.head)
                .client_disconnect_timeout(DISCONNECT)
                .h1_allow_half_closed(serves_half_closed)
                .h1_write_buffer_size(WRITE_BUFFER)
                .on_connect_ext(|connection: &Connection, data: &mut Extensions| {
                    data.insert(connection.turn());
                    data.insert(connection.timeouts());
                })
                .finish(app);
            fn_service(move |stream: TcpStream| {
                let peer = stream.peer_addr().ok();
                let admitted = admission.admit(peer);
                async move {
                    let admitted = admitted.ok_or(DispatchError::Io(ErrorKind::QuotaExceeded.into()))?;
                    let connection = Connection::new(stream, timeouts, serves_half_closed, admitted);
                    Ok::<_, DispatchError>((connection, Protocol::Http1, peer))
                }
            })
            .and_then(http)
            .map_err(|error| count_error(&error))
        })?;
        Ok(server.run())
    }
}

/// Answers a request. The connection handles no other one meanwhile.
fn answer<S, B>(mut request: Request, app: &S) -> impl Future<Output = Result<Response<InPieces>, S::Error>> + use<S, B>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let turn = request.conn_data::<Rc<Turn>>().map(Rc::clone);
    let taken = turn.map(|turn| turn.take(&mut request));
    let answer = app.call(request);
    async move {
        let mut answer = answer.await.map(|answer| in_pieces(answer.into()));
        if let Ok(answer) = &mut answer
            && taken.is_some_and(|taken| taken.leaves_no_end())
        {
            answer.head_mut().set_connection_type(ConnectionType::Close);
        }
        answer
    }
}

#[cfg(unix)]
fn limit_send_buffer(listener: &TcpListener) {
    if let Err(error) = rustix::net::sockopt::set_socket_send_buffer_size(listener, SEND_BUFFER) {
        tracing::debug!(%error, "the system's buffers for answers stay as they are");
    }
}

#[cfg(not(unix))]
fn limit_send_buffer(_: &TcpListener) {}
