//! Listeners: a bounded number of connections, none of which may stand still for ever, and a stop that lets requests finish.

mod accept;
mod http1;
mod impatient;

pub use accept::{Drained, Ends, Listener, accept};
pub use http1::{Bounds, Port, serve};
pub use impatient::within;
