//! Workers Analytics Engine: data points that Workers write and forget, kept for three months by account and dataset, and the SQL
//! that they are asked with. No JavaScript and no HTTP here.
//!
//! <https://developers.cloudflare.com/analytics/analytics-engine/>

mod account;
mod engine;
mod point;
mod rows;
mod sql;
#[cfg(test)]
mod tests;

pub use engine::{Answer, Dataset, Engine, QueryError};
pub use point::{MAX_POINTS, Point, PointError};
pub use sql::Format;
