//! What `skerry dev` does with each key. An issue that makes a key work flips its row here.

use crate::read::Reader;
use crate::value::Table;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    Works,
    /// Means something only once the Worker is deployed.
    Deployment,
    /// Parsed and checked, then ignored with a warning.
    NotYet,
}

use Support::{Deployment, NotYet, Works};

pub(crate) const SUPPORT: &[(&str, Support)] = &[
    // The Worker and its modules.
    ("name", Works),
    ("main", Works),
    ("compatibility_date", Works),
    ("compatibility_flags", Works),
    ("find_additional_modules", Works),
    ("preserve_file_names", Works),
    ("base_dir", Works),
    ("rules", Works),
    ("build", Works),
    ("no_bundle", Works),
    ("minify", Works),
    ("keep_names", Works),
    ("define", Works),
    ("alias", Works),
    ("jsx_factory", Works),
    ("jsx_fragment", Works),
    ("tsconfig", Works),
    ("python_modules", NotYet),
    // How it runs.
    ("triggers", Works),
    ("limits", Works),
    ("dev", Works),
    ("observability", Works),
    ("cache", NotYet),
    ("access", NotYet),
    ("connect", NotYet),
    ("assets", Works),
    ("site", NotYet),
    ("pages_build_output_dir", NotYet),
    ("tail_consumers", Works),
    ("streaming_tail_consumers", NotYet),
    ("containers", NotYet),
    ("cloudchamber", NotYet),
    // Where it is deployed.
    ("account_id", Deployment),
    ("workers_dev", Deployment),
    ("preview_urls", Deployment),
    ("previews", Deployment),
    ("routes", Deployment),
    ("route", Deployment),
    ("addresses", Deployment),
    ("logpush", Deployment),
    ("upload_source_maps", Deployment),
    ("placement", Deployment),
    ("compliance_region", Deployment),
    ("first_party_worker", Deployment),
    ("keep_vars", Deployment),
    ("send_metrics", Deployment),
    ("dependencies_instrumentation", Deployment),
    ("legacy_env", Deployment),
    // Values in `env`.
    ("vars", Works),
    ("secrets", Works),
    ("text_blobs", Works),
    ("data_blobs", Works),
    ("wasm_modules", Works),
    // Services in `env`.
    ("kv_namespaces", Works),
    ("durable_objects", Works),
    ("migrations", Works),
    ("exports", NotYet),
    ("r2_buckets", Works),
    ("d1_databases", Works),
    ("queues", Works),
    ("services", Works),
    ("workflows", NotYet),
    ("vectorize", NotYet),
    ("ai", NotYet),
    ("ai_search", NotYet),
    ("ai_search_namespaces", NotYet),
    ("agent_memory", NotYet),
    ("browser", NotYet),
    ("images", NotYet),
    ("media", NotYet),
    ("stream", NotYet),
    ("analytics", NotYet),
    ("analytics_engine_datasets", Works),
    ("send_email", NotYet),
    ("dispatch_namespaces", NotYet),
    ("mtls_certificates", NotYet),
    ("hyperdrive", Works),
    ("version_metadata", Works),
    ("unsafe", NotYet),
    ("unsafe_hello_world", NotYet),
    ("logfwdr", NotYet),
    ("secrets_store_secrets", NotYet),
    ("pipelines", NotYet),
    ("k2", NotYet),
    ("ratelimits", Works),
    ("flagship", NotYet),
    ("artifacts", NotYet),
    ("worker_loaders", NotYet),
    ("vpc_services", NotYet),
    ("vpc_networks", NotYet),
];

/// Warns of each key of `scope` that has no effect yet.
pub(crate) fn warn_unsupported(scope: &Table, wanted: impl Fn(&str) -> bool, reader: &mut Reader<'_>) {
    for entry in &scope.entries {
        let key = entry.key.as_str();
        if key == "unsafe" && crate::rate_limits::are_all(&entry.value) {
            continue;
        }
        if wanted(key) && SUPPORT.contains(&(key, NotYet)) {
            let message = format!("`{key}` is not supported by skerry dev yet and is ignored");
            reader.warn(&entry.key_span, key, message);
        }
    }
}
