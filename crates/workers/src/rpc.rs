//! JavaScript RPC: methods of other Workers and of Durable Objects, and of what those return.
//! <https://developers.cloudflare.com/workers/runtime-apis/rpc/>
//!
//! A [`call::Call`] goes to an entrypoint, where it is an event of its own (a [`session::Session`]), or to a
//! [`target::Target`]: something in an isolate that stubs elsewhere lead to. What a call carries is a [`payload::Payload`].

pub(crate) mod call;
mod limits;
pub(crate) mod ops;
pub(crate) mod outbox;
mod payload;
mod pipeline;
pub(crate) mod session;
mod target;

pub use call::{Invocation, Returned};
pub(crate) use limits::MAX_MESSAGE;
