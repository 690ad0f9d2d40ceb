//! The control plane: the part of Cloudflare's API v4 that the stock wrangler calls, under `/client/v4`. Requests are checked and
//! written to the registry; the platform is told of what has changed. Beside it, at `/`, is the dashboard.

mod access;
mod analytics_sql;
mod asset_session;
mod assets;
mod audit;
mod audit_logs;
mod bindings;
mod d1;
mod d1_links;
mod d1_query;
mod d1_transfer;
mod dashboard;
mod deployments;
mod durable_objects;
mod envelope;
mod extract;
mod form;
mod graphql;
mod history;
mod hyperdrive;
mod kv;
mod kv_bulk;
mod kv_values;
mod listener;
mod metadata;
mod metrics;
mod migrations;
mod openapi;
mod operator;
mod parts;
mod queue_consumers;
mod queue_messages;
mod queues;
mod r2;
mod r2_cors;
mod r2_objects;
mod schedules;
mod scripts;
mod secrets;
mod settings;
mod status;
mod subdomain;
mod tail_consumers;
mod tails;
mod transfers;
mod triggers;
mod turns;
mod upload;
mod usage;
mod users;
mod versions;
mod zones;

pub use metrics::serve_metrics;
pub use operator::{is_operator_token, operator_token};
pub use status::About;

use std::sync::Arc;

use accept::Port;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use platform::Platform;
use registry::Registry;
use tokio_util::sync::CancellationToken;

use envelope::ApiError;
use transfers::Transfers;

/// JSON bodies may be so large; uploads have bounds of their own.
const MAX_BODY: usize = 1 << 20;

/// What every handler works with. Clones are the same.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    platform: Platform,
    tails: tails::Waiting,
    front: Front,
    about: About,
    transfers: Transfers,
    turns: turns::Turns,
}

/// Where Workers' own hosts are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    pub https: bool,
    pub port: u16,
}

// === impl Control ===

impl Control {
    pub fn new(platform: Platform, front: Front, about: About) -> Self {
        let transfers = Transfers::new(platform.services().transfers());
        Self(Arc::new(Inner {
            platform,
            tails: tails::Waiting::default(),
            front,
            about,
            transfers,
            turns: turns::Turns::default(),
        }))
    }

    fn platform(&self) -> &Platform {
        &self.0.platform
    }

    fn tails(&self) -> &tails::Waiting {
        &self.0.tails
    }

    fn transfers(&self) -> &Transfers {
        &self.0.transfers
    }

    fn turns(&self) -> &turns::Turns {
        &self.0.turns
    }

    fn registry(&self) -> &Registry {
        self.0.platform.registry()
    }

    /// The whole API, and the dashboard.
    pub fn router(self) -> Router {
        let (routes, openapi) = openapi::routes().split_for_parts();
        let description = openapi::describe(openapi);
        let api = routes
            .fallback(|| async { ApiError::no_route() })
            .method_not_allowed_fallback(|| async { ApiError::no_method() })
            .layer(from_fn_with_state(self.clone(), audit::write_down))
            .layer(from_fn_with_state(self.clone(), access::check))
            .layer(DefaultBodyLimit::max(MAX_BODY));
        Router::new()
            .nest("/client/v4", api)
            .merge(description)
            .merge(tails::sockets())
            .merge(dashboard::routes())
            .merge(d1_links::routes())
            .fallback(|| async { ApiError::no_route() })
            .with_state(self)
    }

    /// Serves the API on at most so many connections until `stop` fires; what was begun is finished.
    pub async fn serve(self, listener: impl Port, max_connections: usize, stop: CancellationToken) {
        listener::serve(listener, self.router(), max_connections, stop).await;
    }
}
