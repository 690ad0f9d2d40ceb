//! Containers that run beside a Worker.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{choice, record};
use crate::read::{Read, Reader};
use crate::value::{Kind, Value};

record! {
    pub struct Cloudchamber {
        image: Option<String>,
        location: Option<String>,
        instance_type: Option<InstanceSize>,
        vcpu: Option<f64>,
        memory: Option<String>,
        ipv4: Option<bool>,
    }
}

record! {
    pub struct Container {
        name: Option<String>,
        max_instances: Option<u32>,
        /// Deprecated: `max_instances`.
        instances: Option<u32>,
        image: Option<String>,
        images: Option<BTreeMap<String, ContainerImage>>,
        image_build_context: Option<String>,
        image_vars: Option<BTreeMap<String, String>>,
        class_name: Option<String>,
        scheduling_policy: Option<SchedulingPolicy>,
        instance_type: Option<InstanceType>,
        ssh: Option<Ssh>,
        /// Deprecated: `ssh`.
        wrangler_ssh: Option<Ssh>,
        authorized_keys: Option<Vec<AuthorizedKey>>,
        trusted_user_ca_keys: Option<Vec<TrustedKey>>,
        /// Deprecated: the keys beside it.
        configuration: Option<Configuration>,
        constraints: Option<Constraints>,
        affinities: Option<BTreeMap<String, Json>>,
        observability: Option<ContainerObservability>,
        rollout_step_percentage: Option<RolloutSteps>,
        rollout_kind: Option<RolloutKind>,
        rollout_active_grace_period: Option<u32>,
        /// Deprecated: `class_name`.
        durable_objects: Option<BTreeMap<String, Json>>,
        unsafe_ = "unsafe": Option<BTreeMap<String, Json>>,
    }
}

record! {
    pub struct ContainerImage {
        image: Option<String>,
        dockerfile: Option<String>,
        build_context: Option<String>,
        build_vars: Option<BTreeMap<String, String>>,
    }
    check image_or_dockerfile;
}

fn image_or_dockerfile(image: &ContainerImage, value: &Value, reader: &mut Reader<'_>) {
    if image.image.is_some() == image.dockerfile.is_some() {
        let message = format!("`{}` should have either `image` or `dockerfile`", reader.here());
        reader.problem(&value.span, message);
    }
}

choice! {
    pub enum SchedulingPolicy {
        Default = "default",
        DurableObject = "durable_object",
        Moon = "moon",
        Regional = "regional",
    }
}

choice! {
    pub enum RolloutKind {
        FullAuto = "full_auto",
        FullManual = "full_manual",
        None = "none",
    }
}

choice! {
    pub enum InstanceSize {
        Dev = "dev",
        Lite = "lite",
        Basic = "basic",
        Standard = "standard",
        Standard1 = "standard-1",
        Standard2 = "standard-2",
        Standard3 = "standard-3",
        Standard4 = "standard-4",
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum InstanceType {
    Named(InstanceSize),
    Custom(CustomInstance),
}

impl Read for InstanceType {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match value.kind {
            Kind::Table(_) => CustomInstance::read(value, reader).map(Self::Custom),
            _ => InstanceSize::read(value, reader).map(Self::Named),
        }
    }
}

record! {
    pub struct CustomInstance {
        vcpu: Option<f64>,
        memory_mib: Option<f64>,
        disk_mb: Option<f64>,
    }
}

record! {
    pub struct Ssh {
        enabled: bool,
        port: Option<u16>,
    }
}

record! {
    pub struct AuthorizedKey {
        name: String,
        public_key: String,
    }
}

record! {
    pub struct TrustedKey {
        name: Option<String>,
        public_key: String,
    }
}

record! {
    pub struct Configuration {
        image: Option<String>,
        secrets: Option<Json>,
        labels: Option<Json>,
        disk: Option<Json>,
        vcpu: Option<f64>,
        memory_mib: Option<f64>,
    }
}

record! {
    pub struct Constraints {
        regions: Option<Vec<String>>,
        jurisdiction: Option<super::deploy::Jurisdiction>,
        tier: Option<u32>,
        tiers: Option<Vec<u32>>,
    }
}

record! {
    pub struct ContainerObservability {
        enabled: Option<bool>,
        logs: Option<ContainerLogs>,
        target_instance_count: Option<f64>,
        target_instance_percentage: Option<f64>,
    }
}

record! {
    pub struct ContainerLogs {
        enabled: Option<bool>,
    }
}

/// One percentage, or the rising percentages of a rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutSteps(pub Vec<f64>);

impl Read for RolloutSteps {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match value.kind {
            Kind::Array(_) => Vec::read(value, reader).map(Self),
            _ => f64::read(value, reader).map(|step| Self(vec![step])),
        }
    }
}
