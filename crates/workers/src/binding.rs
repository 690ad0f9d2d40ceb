//! What `env` holds: the bindings of a Worker's version.

use std::sync::Arc;

use bytes::Bytes;
use isolate::{Args, JsException, ModuleSource, v8};

use crate::ObjectNamespace;
use crate::Service;

/// One property of `env`.
pub struct Binding {
    pub name: String,
    pub value: BindingValue,
}

pub enum BindingValue {
    /// `vars` and secrets of type string, and `text_blobs`.
    Text(String),
    /// `vars` of any other JSON type: the value's JSON text.
    Json(String),
    /// `data_blobs`: an `ArrayBuffer`.
    Data(Bytes),
    /// `wasm_modules`: a `WebAssembly.Module`, compiled once for all isolates.
    Wasm(ModuleSource),
    /// `durable_objects`: a `DurableObjectNamespace`.
    Objects(ObjectNamespace),
    /// `r2_buckets`: an `R2Bucket`.
    R2(r2::Bucket),
    Kv(kv::Namespace),
    /// `d1_databases`: a `D1Database`.
    D1(d1::Database),
    /// `queues.producers`: a `Queue`.
    Queue(queue::Queue),
    /// `ratelimits`: a `Ratelimit`.
    RateLimit(ratelimit::Limiter),
    /// `analytics_engine_datasets`: an `AnalyticsEngine`.
    Analytics(analytics::Dataset),
    /// `hyperdrive`: a `Hyperdrive`.
    Hyperdrive(hyperdrive::Database),
    /// `services`: a `Fetcher`.
    Service(Arc<dyn Service>),
    /// What is not here: whatever a Worker wants of it fails, with these words.
    Missing(String),
}

/// The `env` object.
pub(crate) fn env<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bindings: &[Binding],
) -> Result<v8::Local<'s, v8::Object>, JsException> {
    let env = v8::Object::new(scope);
    for binding in bindings {
        let value = value(scope, &binding.value).ok_or_else(|| JsException {
            name: "Error".into(),
            message: format!("The value of the binding {:?} can't be made.", binding.name),
            ..JsException::default()
        })?;
        let name = isolate::new_string(scope, &binding.name);
        env.create_data_property(scope, name.into(), value);
    }
    Ok(env)
}

fn value<'s>(scope: &mut v8::PinScope<'s, '_>, value: &BindingValue) -> Option<v8::Local<'s, v8::Value>> {
    Some(match value {
        BindingValue::Text(text) => isolate::new_string(scope, text).into(),
        BindingValue::Json(json) => {
            let json = isolate::new_string(scope, json);
            v8::json::parse(scope, json)?
        }
        BindingValue::Data(data) => isolate::new_bytes(scope, data.to_vec()).buffer(scope)?.into(),
        BindingValue::Wasm(module) => module.wasm(scope)?.into(),
        BindingValue::Objects(namespace) => service(scope, namespace.clone(), "makeObjectNamespace")?,
        BindingValue::R2(bucket) => service(scope, bucket.clone(), "makeR2Bucket")?,
        BindingValue::Kv(namespace) => service(scope, namespace.clone(), "makeKvNamespace")?,
        BindingValue::D1(database) => service(scope, database.clone(), "makeD1Database")?,
        BindingValue::Queue(queue) => service(scope, queue.clone(), "makeQueue")?,
        BindingValue::RateLimit(limiter) => service(scope, limiter.clone(), "makeRateLimit")?,
        BindingValue::Analytics(dataset) => service(scope, dataset.clone(), "makeAnalyticsEngine")?,
        BindingValue::Hyperdrive(database) => crate::hyperdrive::face(scope, database)?,
        BindingValue::Service(other) => service(scope, other.clone(), "makeFetcher")?,
        BindingValue::Missing(why) => {
            let make = isolate::hook(scope, "makeMissing")?;
            let (this, why) = (v8::undefined(scope).into(), isolate::new_string(scope, why).into());
            make.call(scope, this, &[why])?
        }
    })
}

/// The services of one kind that a Worker is bound to. Their JavaScript faces know them by their place here.
struct Services<T>(Vec<T>);

/// Keeps a service; its number.
pub(crate) fn keep<T: Send + 'static>(scope: &mut v8::PinScope, service: T) -> u32 {
    if isolate::embedder::<Services<T>>(scope).is_none() {
        isolate::put(scope, Services::<T>(Vec::new()));
    }
    let Some(Services(services)) = isolate::embedder::<Services<T>>(scope) else { return u32::MAX };
    services.push(service);
    services.len() as u32 - 1
}

/// The JavaScript face of a service: what the hook `make` returns for the service's number.
fn service<'s, T: Send + 'static>(
    scope: &mut v8::PinScope<'s, '_>,
    service: T,
    make: &str,
) -> Option<v8::Local<'s, v8::Value>> {
    let number = keep(scope, service);
    let make = isolate::hook(scope, make)?;
    let (this, number) = (v8::undefined(scope).into(), v8::Integer::new_from_unsigned(scope, number).into());
    make.call(scope, this, &[number])
}

/// The service that argument `index` of an op names by its number.
pub(crate) fn service_arg<T: Clone + Send + 'static>(scope: &mut v8::PinScope, args: &Args, index: i32) -> Option<T> {
    let number = args.get(index).uint32_value(scope)?;
    known_service(scope, number)
}

/// The service of this number.
pub(crate) fn known_service<T: Clone + Send + 'static>(scope: &mut v8::PinScope, number: u32) -> Option<T> {
    isolate::embedder::<Services<T>>(scope)?.0.get(number as usize).cloned()
}

/// Services that can be handed from Worker to Worker.
pub(crate) trait Same {
    fn is_same(&self, other: &Self) -> bool;
}

impl Same for Arc<dyn Service> {
    fn is_same(&self, other: &Self) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(self), Arc::as_ptr(other))
    }
}

/// The number of a service that came from elsewhere. There are as many as the process has bindings.
pub(crate) fn service_number<T: Same + Send + 'static>(scope: &mut v8::PinScope, service: T) -> u32 {
    let known = isolate::embedder::<Services<T>>(scope)
        .and_then(|services| services.0.iter().position(|known| known.is_same(&service)));
    known.map_or_else(|| keep(scope, service), |place| place as u32)
}
