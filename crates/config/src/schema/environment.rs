//! The keys of a whole file: those that each environment may set, and those of the top level alone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::bindings::*;
use super::build::{Build, DependenciesInstrumentation, PythonModules, Rule};
use super::containers::{Cloudchamber, Container};
use super::deploy::*;
use super::dev::Dev;
use super::durable::{DurableObjects, Export, Migration, Workflow};
use super::key;
use super::vars::{Secrets, Var};
use crate::date::CompatibilityDate;
use crate::name::WorkerName;
use crate::read::{Fields, Read, Reader};
use crate::value::{Entry, Table, Value};

macro_rules! environment {
    (
        inherited { $( $inherited:ident : $inherited_type:ty, )* }
        own { $( $own:ident $(= $own_key:literal)? : $own_type:ty, )* }
    ) => {
        /// The keys that the top level and every `env.NAME` may set.
        ///
        /// An environment inherits the first group from the top level, key by key; the second group, what the Worker
        /// is bound to, it has to say itself.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Environment {
            $( pub $inherited: Option<$inherited_type>, )*
            $( pub $own: $own_type, )*
        }

        impl Environment {
            pub(crate) const INHERITED: &[&str] = &[$( stringify!($inherited) ),*];
            pub(crate) const OWN: &[&str] = &[$( key!($own $($own_key)?) ),*];

            fn take(fields: &mut Fields<'_>, reader: &mut Reader<'_>) -> Option<Self> {
                $( let $inherited = fields.take::<Option<$inherited_type>>(stringify!($inherited), reader); )*
                $( let $own = fields.take::<$own_type>(key!($own $($own_key)?), reader); )*
                Some(Self { $( $inherited: $inherited?, )* $( $own: $own?, )* })
            }

            /// This environment with what it inherits from the top level.
            pub(crate) fn inherit(self, top: Self) -> Self {
                Self { $( $inherited: self.$inherited.or(top.$inherited), )* $( $own: self.$own, )* }
            }
        }
    };
}

environment! {
    inherited {
        name: WorkerName,
        account_id: String,
        compatibility_date: CompatibilityDate,
        compatibility_flags: Vec<String>,
        main: PathBuf,
        find_additional_modules: bool,
        preserve_file_names: bool,
        base_dir: PathBuf,
        workers_dev: bool,
        preview_urls: bool,
        routes: Vec<Route>,
        route: Route,
        tsconfig: PathBuf,
        jsx_factory: String,
        jsx_fragment: String,
        migrations: Vec<Migration>,
        exports: BTreeMap<String, Export>,
        triggers: Triggers,
        limits: UserLimits,
        rules: Vec<Rule>,
        build: Build,
        no_bundle: bool,
        minify: bool,
        keep_names: bool,
        first_party_worker: bool,
        logfwdr: Logfwdr,
        logpush: bool,
        upload_source_maps: bool,
        placement: Placement,
        assets: Assets,
        observability: Observability,
        cache: Cache,
        access: Access,
        compliance_region: ComplianceRegion,
        python_modules: PythonModules,
        previews: Previews,
    }
    own {
        define: BTreeMap<String, String>,
        vars: BTreeMap<String, Var>,
        secrets: Option<Secrets>,
        durable_objects: Option<DurableObjects>,
        workflows: Vec<Workflow>,
        cloudchamber: Option<Cloudchamber>,
        containers: Vec<Container>,
        kv_namespaces: Vec<KvNamespace>,
        send_email: Vec<SendEmail>,
        queues: Option<Queues>,
        r2_buckets: Vec<R2Bucket>,
        d1_databases: Vec<D1Database>,
        vectorize: Vec<Vectorize>,
        ai_search_namespaces: Vec<AiSearchNamespace>,
        ai_search: Vec<AiSearch>,
        agent_memory: Vec<AgentMemory>,
        hyperdrive: Vec<Hyperdrive>,
        services: Vec<Service>,
        analytics_engine_datasets: Vec<AnalyticsEngineDataset>,
        analytics: Option<SimpleBinding>,
        browser: Option<SimpleBinding>,
        ai: Option<Ai>,
        images: Option<SimpleBinding>,
        media: Option<SimpleBinding>,
        stream: Option<SimpleBinding>,
        version_metadata: Option<VersionMetadata>,
        unsafe_ = "unsafe": Option<Unsafe>,
        mtls_certificates: Vec<MtlsCertificate>,
        tail_consumers: Vec<TailConsumer>,
        streaming_tail_consumers: Vec<StreamingTailConsumer>,
        dispatch_namespaces: Vec<DispatchNamespace>,
        pipelines: Vec<Pipeline>,
        k2: Vec<K2>,
        secrets_store_secrets: Vec<SecretsStoreSecret>,
        artifacts: Vec<Artifacts>,
        unsafe_hello_world: Vec<HelloWorld>,
        flagship: Vec<Flagship>,
        ratelimits: Vec<RateLimit>,
        worker_loaders: Vec<WorkerLoader>,
        vpc_services: Vec<VpcService>,
        vpc_networks: Vec<VpcNetwork>,
        connect: Vec<Connect>,
    }
}

macro_rules! top_level {
    ( $( $field:ident : $type:ty, )* ) => {
        /// The keys that only the top level may set.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct TopLevel {
            $( pub $field: $type, )*
        }

        impl TopLevel {
            pub(crate) const KEYS: &[&str] = &[$( stringify!($field) ),*];

            fn take(fields: &mut Fields<'_>, reader: &mut Reader<'_>) -> Option<Self> {
                $( let $field = fields.take::<$type>(stringify!($field), reader); )*
                Some(Self { $( $field: $field?, )* })
            }
        }
    };
}

top_level! {
    pages_build_output_dir: Option<String>,
    legacy_env: Option<bool>,
    send_metrics: Option<bool>,
    dependencies_instrumentation: Option<DependenciesInstrumentation>,
    dev: Option<Dev>,
    site: Option<Site>,
    wasm_modules: BTreeMap<String, PathBuf>,
    text_blobs: BTreeMap<String, PathBuf>,
    data_blobs: BTreeMap<String, PathBuf>,
    alias: BTreeMap<String, String>,
    keep_vars: Option<bool>,
    addresses: Option<Vec<String>>,
}

/// A file as written, before an environment is chosen.
pub(crate) struct WranglerFile {
    pub top: Environment,
    pub top_level: TopLevel,
    pub environments: BTreeMap<String, Environment>,
}

/// Keys that say nothing about the Worker: the editor's schema, and what build tools write into generated files.
const NOTES: &[&str] =
    &["$schema", "configPath", "userConfigPath", "topLevelName", "definedEnvironments", "targetEnvironment"];

/// Keys of older wranglers, with what to do instead. They have no effect, so they don't stop a Worker.
const REMOVED: &[(&str, &str)] = &[
    ("usage_model", "CPU time is limited by `limits.cpu_ms`"),
    ("type", "the Worker's form is seen from its code"),
    ("zone_id", "give the zone in `routes`"),
    ("webpack_config", "bundling is built in"),
    ("experimental_services", "use `services`"),
];

// === impl WranglerFile ===

impl WranglerFile {
    pub fn read(root: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(root, reader)?;
        let top = Environment::take(&mut fields, reader);
        let top_level = TopLevel::take(&mut fields, reader);
        let environments = fields.take("env", reader);
        for key in NOTES {
            fields.ignore(key);
        }
        ignore_removed(root, &mut fields, reader);
        fields.finish(reader);
        if let Some(table) = root.as_table() {
            one_route_key(table, reader);
        }
        Some(Self { top: top?, top_level: top_level?, environments: environments? })
    }
}

/// Every key that may stand at the top of the file.
pub(crate) fn top_level_keys() -> Vec<&'static str> {
    [Environment::INHERITED, Environment::OWN, TopLevel::KEYS, NOTES, &["env"]].concat()
}

impl Read for Environment {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(value, reader)?;
        let environment = Self::take(&mut fields, reader);
        ignore_removed(value, &mut fields, reader);
        fields.finish(reader);
        if let Some(table) = value.as_table() {
            one_route_key(table, reader);
        }
        environment
    }
}

fn ignore_removed(value: &Value, fields: &mut Fields<'_>, reader: &mut Reader<'_>) {
    let Some(table) = value.as_table() else { return };
    for (key, instead) in REMOVED {
        if let Some(entry) = table.get(key) {
            fields.ignore(key);
            let message = format!("`{key}` was removed from wrangler and has no effect: {instead}");
            reader.warn(&entry.key_span, *key, message);
        }
    }
    if let Some(entry) = table.get("node_compat") {
        fields.ignore("node_compat");
        let message = "`node_compat` was removed from wrangler: use compatibility_flags = [\"nodejs_compat\"] instead";
        reader.problem(&entry.key_span, message);
    }
}

fn one_route_key(table: &Table, reader: &mut Reader<'_>) {
    if let (Some(_), Some(route)) = (table.get("routes"), table.get("route")) {
        reader.problem(&route.key_span, "`route` and `routes` exclude each other: keep `routes`");
    }
}

/// What previews of the Worker have in place of the Worker's own keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Previews(pub Box<Environment>);

impl Read for Previews {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(table) = value.as_table() else {
            reader.expected(value, "a table of keys");
            return None;
        };
        let allowed =
            |key: &str| Environment::OWN.contains(&key) || ["logpush", "observability", "limits"].contains(&key);
        for entry in table
            .entries
            .iter()
            .filter(|entry| Environment::INHERITED.contains(&entry.key.as_str()) && !allowed(&entry.key))
        {
            let message = format!("`{}` cannot be set for `{}`", entry.key, reader.here());
            reader.problem(&entry.key_span, message);
        }
        Environment::read(value, reader).map(|environment| Self(Box::new(environment)))
    }
}

/// Every name that `scope` (the top level or an environment) puts into `env`, with the key that does.
pub(crate) fn binding_names<'v>(scope: &'v Table, top: &'v Table) -> Vec<(&'v str, &'v Entry, &'v str)> {
    let mut names = Vec::new();
    for key in ["vars", "wasm_modules", "text_blobs", "data_blobs"] {
        let holder = if key == "vars" { scope } else { top };
        let entries = holder.get(key).and_then(|entry| entry.value.as_table());
        for entry in entries.iter().flat_map(|table| &table.entries) {
            names.push((entry.key.as_str(), entry, key));
        }
    }
    for entry in &scope.entries {
        if !Environment::OWN.contains(&entry.key.as_str()) || entry.key == "containers" {
            continue;
        }
        for table in binding_tables(&entry.value) {
            let named = table.get("binding").or_else(|| table.get("name"));
            if let Some((name, named)) = named.and_then(|named| Some((named.value.as_str()?, named))) {
                names.push((name, named, entry.key.as_str()));
            }
        }
    }
    names
}

/// The tables that each declare one binding, wherever the key keeps them.
fn binding_tables(value: &Value) -> Vec<&Table> {
    let Some(table) = value.as_table() else {
        return value.as_array().unwrap_or_default().iter().filter_map(Value::as_table).collect();
    };
    if table.get("binding").is_some() {
        return vec![table];
    }
    ["bindings", "producers"]
        .iter()
        .filter_map(|list| table.get(list)?.value.as_array())
        .flatten()
        .filter_map(Value::as_table)
        .collect()
}
