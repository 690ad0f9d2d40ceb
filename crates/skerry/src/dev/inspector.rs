//! The inspector's port: what debuggers look for at `/json`, and a WebSocket for each Worker, on which a client of the DevTools protocol
//! talks with V8 (https://chromedevtools.github.io/devtools-protocol/#endpoints).

mod access;
mod target;
mod translate;

use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use http::{HeaderMap, StatusCode, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_service::Service;
use workers::{Inspector, InspectorClient};

use super::app::App;
pub use target::Target;

const CONNECTIONS: usize = 64;
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 32 << 10;
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// One message of a client.
const MAX_MESSAGE: usize = 16 << 20;
/// A client that takes nothing for so long is let go, and the Worker goes on.
const WRITE_STALL: Duration = Duration::from_secs(60);

/// The same as Node says of itself, so that clients which look for the V8 inspector alone find it.
const PROTOCOL: &str = "1.3";

#[derive(Clone)]
struct Port {
    apps: Arc<[Arc<App>]>,
}

/// Serves the inspector until `stop` fires: then what is paused goes on.
pub async fn serve(listener: TcpListener, apps: &[Arc<App>], stop: CancellationToken) {
    let port = Port { apps: apps.into() };
    let router = Router::new()
        .route("/json/version", get(version))
        .route("/json", get(list))
        .route("/json/list", get(list))
        .route("/{worker}", any(attach_to_worker))
        .route("/{worker}/{class}", any(attach_to_class))
        .layer(axum::middleware::from_fn(guard))
        .with_state(port.clone());
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = async {
                let permit = room.clone().acquire_owned().await;
                (listener.accept().await, permit)
            } => accepted,
        };
        match accepted {
            (Ok((stream, _)), Ok(permit)) => {
                let serving = connection(stream, router.clone());
                tokio::spawn(async move {
                    serving.await;
                    drop(permit);
                });
            }
            (Err(error), _) => {
                tracing::warn!(%error, "the inspector cannot accept connections for the moment");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            (_, Err(_)) => break,
        }
    }
    for target in port.apps.iter().filter_map(|app| app.target()) {
        target.close();
    }
}

async fn connection(stream: TcpStream, router: Router) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        router.clone().call(request.map(axum::body::Body::new))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the inspector ended");
    }
}

/// Refuses what another page in the developer's browser may have sent.
async fn guard(request: Request, next: Next) -> Response {
    match access::check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(why) => (StatusCode::FORBIDDEN, format!("{why}\n")).into_response(),
    }
}

async fn version() -> Json<Value> {
    let browser = concat!("skerry/", env!("CARGO_PKG_VERSION"));
    Json(json!({ "Browser": browser, "Protocol-Version": PROTOCOL, "V8-Version": workers::v8_version() }))
}

async fn list(State(port): State<Port>, headers: HeaderMap) -> Json<Value> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let targets = port.apps.iter().flat_map(|app| {
        let worker = described(app.name().to_owned(), format!("Worker {}", app.name()), app.name(), host);
        let classes = app.target().map(Target::classes).unwrap_or_default();
        let of_class = move |class: String| {
            let id = format!("{}/{class}", app.name());
            described(id, format!("Durable Objects {class} of {}", app.name()), app.name(), host)
        };
        iter::once(worker).chain(classes.into_iter().map(of_class))
    });
    Json(targets.collect())
}

/// A Worker, or its objects of one class, as clients find it. To them it is what a process of Node is: a script with V8's inspector and no page.
fn described(id: String, title: String, worker: &str, host: &str) -> Value {
    let path = format!("{host}/{id}");
    json!({
        "id": id,
        "type": "node",
        "title": title,
        "description": "Skerry",
        "url": format!("worker://{worker}/"),
        "webSocketDebuggerUrl": format!("ws://{path}"),
        "devtoolsFrontendUrl": frontend(&path),
        "devtoolsFrontendUrlCompat": frontend(&path),
    })
}

/// The DevTools that Chromium brings along.
fn frontend(path: &str) -> String {
    format!("devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws={path}")
}

/// What a terminal shows of the port.
pub fn announcement(address: SocketAddr, apps: &[Arc<App>]) -> String {
    let mut text = format!("  Inspector on {address}: chrome://inspect finds it there, or open");
    for app in apps {
        text.push_str(&format!("\n    {}", frontend(&format!("{address}/{}", app.name()))));
    }
    text
}

async fn attach_to_worker(State(port): State<Port>, Path(name): Path<String>, upgrade: WebSocketUpgrade) -> Response {
    attach(&port, &name, None, upgrade).await
}

async fn attach_to_class(
    State(port): State<Port>,
    Path((name, class)): Path<(String, String)>,
    upgrade: WebSocketUpgrade,
) -> Response {
    attach(&port, &name, Some(&class), upgrade).await
}

async fn attach(port: &Port, name: &str, class: Option<&str>, upgrade: WebSocketUpgrade) -> Response {
    let Some(app) = port.apps.iter().find(|app| app.name() == name).cloned() else {
        return (StatusCode::NOT_FOUND, format!("No Worker is called {name:?}.\n")).into_response();
    };
    app.start().await;
    let Some(inspector) = app.target().and_then(|target| target.inspector(class)) else {
        let class = class.unwrap_or_default();
        return (StatusCode::NOT_FOUND, format!("The Worker {name} has no Durable Objects of a class {class:?}.\n"))
            .into_response();
    };
    upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| relay(socket, app, inspector))
}

/// Carries messages until the client goes, another one comes, or the server stops.
async fn relay(socket: WebSocket, app: Arc<App>, inspector: Inspector) {
    let Some(target) = app.target() else { return };
    let client = inspector.attach();
    let (output, input) = socket.split();
    tokio::select! {
        () = take(input, &client) => {}
        () = give(output, &client, target) => {}
    }
}

/// From the client to the isolate.
async fn take(mut input: SplitStream<WebSocket>, client: &InspectorClient) {
    while let Some(Ok(message)) = input.next().await {
        let messages = match message {
            Message::Text(text) => translate::to_isolate(text.as_str()),
            Message::Close(_) => return,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => continue,
        };
        for message in messages {
            if let Err(error) = client.send(message) {
                tracing::debug!(%error, "inspector");
                return;
            }
        }
    }
}

/// From the isolate to the client.
async fn give(mut output: SplitSink<WebSocket, Message>, client: &InspectorClient, target: &Target) {
    let mut translator = translate::Translator::default();
    while let Some(message) = client.next().await {
        let sources = target.sources();
        let Some(message) = translator.for_client(message, sources.as_deref()) else { continue };
        match tokio::time::timeout(WRITE_STALL, output.send(Message::Text(message.into()))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
    let reason = "another client inspects this Worker now, or the server stops".into();
    let close = output.send(Message::Close(Some(CloseFrame { code: axum::extract::ws::close_code::AWAY, reason })));
    let _ = tokio::time::timeout(WRITE_STALL, close).await;
}
