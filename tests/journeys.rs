//! Journeys through the real binary, one file each. `harness/` is what they share.

mod ab_test;
mod cache_api;
mod cli_check;
mod cli_init;
mod dev_output;
mod docs;
mod env_bindings;
mod error_pages;
mod fetch_client;
mod fetch_tls;
mod handlers;
mod hello_api;
mod http_edge;
mod isolation;
mod lifecycle;
mod limits;
mod reload;
mod request_facts;
mod streaming;
mod v8_archive;
mod web_standards;
