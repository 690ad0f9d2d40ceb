//! Bindings to services: what a Worker finds in `env`.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{choice, record};
use crate::read::{Fields, Read, Reader};
use crate::value::Value;

// === storage ===

record! {
    pub struct KvNamespace {
        binding: String,
        id: Option<String>,
        preview_id: Option<String>,
        remote: Option<bool>,
    }
}

record! {
    pub struct R2Bucket {
        binding: String,
        bucket_name: Option<String>,
        preview_bucket_name: Option<String>,
        jurisdiction: Option<String>,
        remote: Option<bool>,
        local_dev: Option<R2LocalDev>,
    }
}

record! {
    pub struct R2LocalDev {
        experimental_s3_credentials: Option<S3Credentials>,
    }
}

record! {
    pub struct S3Credentials {
        access_key_id = "accessKeyId": String,
        secret_access_key = "secretAccessKey": String,
    }
}

record! {
    pub struct D1Database {
        binding: String,
        database_name: Option<String>,
        database_id: Option<String>,
        preview_database_id: Option<String>,
        migrations_table: Option<String>,
        migrations_dir: Option<String>,
        migrations_pattern: Option<String>,
        database_internal_env: Option<String>,
        jurisdiction: Option<String>,
        remote: Option<bool>,
    }
}

record! {
    pub struct Hyperdrive {
        binding: String,
        id: String,
        local_connection_string = "localConnectionString": Option<String>,
        remote: Option<bool>,
    }
}

record! {
    pub struct SecretsStoreSecret {
        binding: String,
        store_id: String,
        secret_name: String,
    }
}

// === messages ===

record! {
    pub struct Queues {
        producers: Vec<QueueProducer>,
        consumers: Vec<QueueConsumer>,
    }
}

record! {
    pub struct QueueProducer {
        binding: String,
        queue: Option<String>,
        delivery_delay: Option<u32>,
        remote: Option<bool>,
    }
}

record! {
    pub struct QueueConsumer {
        queue: String,
        kind = "type": Option<QueueConsumerType>,
        max_batch_size: Option<u32>,
        /// Seconds.
        max_batch_timeout: Option<u32>,
        max_retries: Option<u32>,
        dead_letter_queue: Option<String>,
        max_concurrency: Option<Nullable<u32>>,
        visibility_timeout_ms: Option<u64>,
        /// Seconds.
        retry_delay: Option<u32>,
    }
}

choice! {
    pub enum QueueConsumerType {
        Worker = "worker",
        HttpPull = "http_pull",
    }
}

/// A value that may be written as `null`, which is not the same as leaving it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nullable<T>(pub Option<T>);

impl<T: Read> Read for Nullable<T> {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match value.kind {
            crate::value::Kind::Null => Some(Self(None)),
            _ => T::read(value, reader).map(|inner| Self(Some(inner))),
        }
    }
}

record! {
    pub struct SendEmail {
        name: String,
        destination_address: Option<String>,
        allowed_destination_addresses: Option<Vec<String>>,
        allowed_sender_addresses: Option<Vec<String>>,
        remote: Option<bool>,
    }
    check one_destination;
}

fn one_destination(email: &SendEmail, value: &Value, reader: &mut Reader<'_>) {
    if email.destination_address.is_some() && email.allowed_destination_addresses.is_some() {
        let message = format!(
            "`{}` sets both `destination_address` and `allowed_destination_addresses`: keep one of the two",
            reader.here()
        );
        reader.problem(&value.span, message);
    }
}

record! {
    pub struct Pipeline {
        binding: String,
        /// The older name of `stream`.
        pipeline: Option<String>,
        stream: Option<String>,
        remote: Option<bool>,
    }
}

record! {
    pub struct K2 {
        binding: String,
        stream: String,
        remote: Option<bool>,
    }
}

// === other Workers ===

record! {
    pub struct Service {
        binding: String,
        service: String,
        environment: Option<String>,
        entrypoint: Option<String>,
        props: Option<BTreeMap<String, Json>>,
        remote: Option<bool>,
    }
}

record! {
    pub struct DispatchNamespace {
        binding: String,
        namespace: Option<String>,
        outbound: Option<Outbound>,
        remote: Option<bool>,
    }
}

record! {
    pub struct Outbound {
        service: String,
        environment: Option<String>,
        parameters: Option<Vec<String>>,
    }
}

record! {
    pub struct TailConsumer {
        service: String,
        environment: Option<String>,
    }
}

record! {
    pub struct StreamingTailConsumer {
        service: String,
    }
}

record! {
    pub struct WorkerLoader {
        binding: String,
    }
}

// === search, models, media ===

record! {
    pub struct Vectorize {
        binding: String,
        index_name: String,
        remote: Option<bool>,
    }
}

record! {
    pub struct AiSearchNamespace {
        binding: String,
        namespace: String,
        remote: Option<bool>,
    }
}

record! {
    pub struct AiSearch {
        binding: String,
        instance_name: String,
        remote: Option<bool>,
    }
}

record! {
    pub struct Ai {
        binding: String,
        staging: Option<bool>,
        remote: Option<bool>,
    }
}

record! {
    pub struct AgentMemory {
        binding: String,
        namespace: String,
        remote: Option<bool>,
    }
}

record! {
    /// `browser`, `images`, `media`, `stream` and `analytics`: one binding, no settings.
    pub struct SimpleBinding {
        binding: String,
        remote: Option<bool>,
    }
}

record! {
    pub struct VersionMetadata {
        binding: String,
    }
}

// === measurement and control ===

record! {
    pub struct AnalyticsEngineDataset {
        binding: String,
        dataset: Option<String>,
        remote: Option<bool>,
    }
}

record! {
    pub struct RateLimit {
        name: String,
        namespace_id: String,
        simple: RateLimitRule,
    }
}

record! {
    pub struct RateLimitRule {
        limit: f64,
        period: RatePeriod,
    }
}

/// Seconds; the platform knows two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatePeriod {
    TenSeconds,
    Minute,
}

// === impl RatePeriod ===

impl RatePeriod {
    pub fn seconds(self) -> f64 {
        match self {
            Self::TenSeconds => 10.0,
            Self::Minute => 60.0,
        }
    }
}

impl Read for RatePeriod {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match f64::read(value, reader)? {
            10.0 => Some(Self::TenSeconds),
            60.0 => Some(Self::Minute),
            other => {
                let message = format!("`{}` should be 10 or 60, but is {other}", reader.here());
                reader.problem(&value.span, message);
                None
            }
        }
    }
}

record! {
    pub struct Flagship {
        binding: String,
        app_id: Option<String>,
        remote: Option<bool>,
    }
}

record! {
    pub struct Artifacts {
        binding: String,
        namespace: String,
        remote: Option<bool>,
    }
}

record! {
    pub struct HelloWorld {
        binding: String,
        enable_timer: Option<bool>,
    }
}

// === networks ===

record! {
    pub struct MtlsCertificate {
        binding: String,
        certificate_id: String,
        remote: Option<bool>,
    }
}

record! {
    pub struct VpcService {
        binding: String,
        service_id: String,
        remote: Option<bool>,
    }
}

record! {
    pub struct VpcNetwork {
        binding: String,
        tunnel_id: Option<String>,
        network_id: Option<String>,
        remote: Option<bool>,
    }
    check one_network;
}

fn one_network(network: &VpcNetwork, value: &Value, reader: &mut Reader<'_>) {
    if network.tunnel_id.is_some() == network.network_id.is_some() {
        let message = format!("`{}` should have either `tunnel_id` or `network_id`", reader.here());
        reader.problem(&value.span, message);
    }
}

record! {
    pub struct Connect {
        protocol: ConnectProtocol,
        port: u16,
        address: Option<String>,
        idle_timeout_ms: Option<u64>,
        max_pending_bytes: Option<u64>,
    }
}

choice! {
    pub enum ConnectProtocol {
        Tcp = "tcp",
        Udp = "udp",
    }
}

// === escape hatches ===

record! {
    pub struct Unsafe {
        bindings: Vec<UnsafeBinding>,
        metadata: Option<BTreeMap<String, Json>>,
        capnp: Option<UnsafeCapnp>,
    }
}

record! {
    pub struct UnsafeCapnp {
        base_path: Option<String>,
        source_schemas: Option<Vec<String>>,
        compiled_schema: Option<String>,
    }
    check one_capnp_form;
}

fn one_capnp_form(capnp: &UnsafeCapnp, value: &Value, reader: &mut Reader<'_>) {
    let sources = capnp.base_path.is_some() && capnp.source_schemas.is_some();
    let touches_sources = capnp.base_path.is_some() || capnp.source_schemas.is_some();
    let valid = match capnp.compiled_schema {
        Some(_) => !touches_sources,
        None => sources,
    };
    if !valid {
        let message =
            format!("`{}` should have either `base_path` and `source_schemas`, or `compiled_schema`", reader.here());
        reader.problem(&value.span, message);
    }
}

/// A binding that wrangler passes on as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct UnsafeBinding {
    pub name: String,
    pub kind: String,
    pub dev: Option<UnsafeBindingDev>,
    pub rest: BTreeMap<String, Json>,
}

impl Read for UnsafeBinding {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(value, reader)?;
        let name = fields.take("name", reader);
        let kind = fields.take("type", reader);
        let dev = fields.take("dev", reader);
        let rest = fields.rest(reader);
        Some(Self { name: name?, kind: kind?, dev: dev?, rest: rest? })
    }
}

record! {
    pub struct UnsafeBindingDev {
        plugin: UnsafePlugin,
        options: Option<BTreeMap<String, Json>>,
    }
}

record! {
    pub struct UnsafePlugin {
        package: String,
        name: String,
    }
}

record! {
    pub struct Logfwdr {
        bindings: Vec<LogfwdrBinding>,
    }
}

record! {
    pub struct LogfwdrBinding {
        name: String,
        destination: String,
    }
}
