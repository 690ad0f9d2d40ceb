//! A Worker's source tree made into the modules that the runtime loads, as the stock `wrangler` makes it:
//! TypeScript, JSX and npm packages become one module with a source map, while WebAssembly, text and data
//! files stay modules of their own beside it.
//!
//! Nothing here knows about V8, HTTP or configuration files: [`Options`] in, [`Bundle`] or [`BundleError`] out.

mod additional;
mod bundler;
mod collect;
mod define;
mod diagnose;
mod error;
mod format;
mod frame;
mod glob;
mod jsx;
mod options;
mod output;
mod rules;
pub mod source_map;
pub mod watch;

pub use bundler::bundle;
pub use error::{BundleError, Location, Problem};
pub use options::{Options, Rule, RuleType};
pub use output::{Bundle, Format, Module, ModuleKind};
