//! Source trees through the bundler, and what comes out run in Node.

mod errors;
mod modules;
mod packages;
mod project;
mod source_maps;
