//! A value on its way from one isolate to another: serialised data, and beside it what can't be serialised but handed over.

use std::sync::Arc;

use isolate::{Args, JsError, v8};
use webapi::body::BodyReader;

use super::limits::{Limits, MAX_MESSAGE, Share};
use super::target::{self, Held, Target};
use crate::binding::{known_service, service_number};
use crate::object::{Object, ObjectNamespace};
use crate::service::{Entrypoint, Service};

/// Things handed over with one value.
const MAX_SLOTS: u32 = 10_000;

pub(crate) struct Payload {
    pub(crate) data: Data,
    slots: Vec<Slot>,
    /// What the receiver's event holds until it ends.
    pub(crate) keeper: Option<Arc<Target>>,
    _share: Option<Share>,
}

/// What a call threw; pipelined calls throw it as well.
#[derive(Clone)]
pub(crate) struct Thrown {
    pub(crate) data: Data,
    pub(crate) keeper: Option<Arc<Target>>,
}

/// A primitive as it is, anything else in V8's format with host objects (`js/rpc.js`).
#[derive(Clone)]
pub(crate) enum Data {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    /// Well-formed Unicode.
    Text(String),
    Bytes(Vec<u8>),
}

/// What the data refers to by its place.
pub(crate) enum Slot {
    Stub(Arc<Target>),
    Body(BodyReader),
    Service(Arc<dyn Service>, Entrypoint),
    Object(Object),
}

// The first element of a slot as JavaScript sees it.
const STUB: u32 = 0;
const EXPORT: u32 = 1;
const BODY: u32 = 2;
const SERVICE: u32 = 3;
const OBJECT: u32 = 4;

// === impl Payload ===

impl Payload {
    pub(crate) fn thrown(Thrown { data, keeper }: Thrown) -> Self {
        Self { data, slots: Vec::new(), keeper, _share: None }
    }

    /// The value that arguments `index` (its data) and `index + 1` (its slots, or undefined) of an op are. `account`: who
    /// made the call that it belongs to.
    pub(crate) fn take(scope: &mut v8::PinScope, args: &Args, index: i32, account: &Limits) -> Result<Self, JsError> {
        let (data, size) = Data::take(scope, args.get(index));
        if size > MAX_MESSAGE {
            return Err(JsError::error(format!(
                "Serialized RPC arguments or return values are limited to 32MiB, but the size of this value was: {size} bytes."
            )));
        }
        let share = if size > 0 { Some(account.bytes(size)?) } else { None };
        let Ok(slots) = args.get(index + 1).try_cast::<v8::Array>() else {
            return Ok(Self { data, slots: Vec::new(), keeper: None, _share: share });
        };
        if slots.length() > MAX_SLOTS {
            return Err(JsError::error("Too many stubs and streams in one RPC message: it can have 10,000."));
        }
        let mut taken = Vec::with_capacity(slots.length() as usize);
        for place in 0..slots.length() {
            let slot = slots.get_index(scope, place).and_then(|slot| slot.try_cast().ok());
            taken.push(Slot::take(scope, slot.ok_or_else(malformed)?)?);
        }
        Ok(Self { data, slots: taken, keeper: None, _share: share })
    }

    pub(crate) fn with_keeper(self, keeper: Option<Arc<Target>>) -> Self {
        Self { keeper, ..self }
    }

    /// The stub at one end of the slots, for what is called before its caller has seen it.
    pub(crate) fn stub(&self, last: bool) -> Option<Arc<Target>> {
        match if last { self.slots.last() } else { self.slots.first() } {
            Some(Slot::Stub(target)) => Some(target.clone()),
            _ => None,
        }
    }

    /// The data and the slots (or undefined), now the current event's.
    pub(crate) fn give<'s>(
        self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Result<(v8::Local<'s, v8::Value>, v8::Local<'s, v8::Value>), JsError> {
        if let Some(keeper) = self.keeper {
            target::hold(scope, keeper)?;
        }
        let data = self.data.give(scope);
        if self.slots.is_empty() {
            return Ok((data, v8::undefined(scope).into()));
        }
        let mut given = Vec::with_capacity(self.slots.len());
        for slot in self.slots {
            given.push(slot.give(scope)?);
        }
        Ok((data, v8::Array::new_with_elements(scope, &given).into()))
    }
}

fn malformed() -> JsError {
    JsError::type_error("This RPC message is malformed.")
}

// === impl Data ===

impl Data {
    fn take(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> (Self, usize) {
        if let Ok(number) = value.try_cast::<v8::Number>() {
            return (Self::Number(number.value()), 0);
        }
        if value.is_undefined() {
            return (Self::Undefined, 0);
        }
        if value.is_string() {
            let text = value.to_rust_string_lossy(scope);
            let size = text.len();
            return (Self::Text(text), size);
        }
        if value.is_boolean() {
            return (Self::Bool(value.is_true()), 0);
        }
        let Ok(view) = value.try_cast::<v8::ArrayBufferView>() else { return (Self::Null, 0) };
        let mut bytes = vec![0; view.byte_length()];
        let copied = view.copy_contents(&mut bytes);
        bytes.truncate(copied);
        let size = bytes.len();
        (Self::Bytes(bytes), size)
    }

    fn give<'s>(self, scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Value> {
        match self {
            Self::Undefined => v8::undefined(scope).into(),
            Self::Null => v8::null(scope).into(),
            Self::Bool(value) => v8::Boolean::new(scope, value).into(),
            Self::Number(value) => v8::Number::new(scope, value).into(),
            Self::Text(text) => isolate::new_string(scope, &text).into(),
            Self::Bytes(bytes) => isolate::new_bytes(scope, bytes).into(),
        }
    }
}

// === impl Slot ===

impl Slot {
    /// A slot as JavaScript describes it: `[0, stub]`, `[1, export, session]`, `[2, body]`, `[3, service, entrypoint, props]`,
    /// `[4, namespace, id, name]`.
    pub(crate) fn take(scope: &mut v8::PinScope, slot: v8::Local<v8::Array>) -> Result<Self, JsError> {
        let element =
            |scope: &mut v8::PinScope, index| slot.get_index(scope, index).map(|value| v8::Global::new(scope, value));
        let number = |scope: &mut v8::PinScope, index| slot.get_index(scope, index)?.uint32_value(scope);
        let (Some(kind), Some(first)) = (number(scope, 0), number(scope, 1)) else { return Err(malformed()) };
        match kind {
            STUB => Ok(Self::Stub(held(scope, first)?)),
            EXPORT => {
                let session = element(scope, 2).is_some_and(|value| v8::Local::new(scope, value).is_true());
                Ok(Self::Stub(target::export(scope, first, session)?))
            }
            BODY => webapi::body::ops::release(scope, first).map(Self::Body).ok_or_else(|| isolate::foreign(scope)),
            SERVICE => {
                let service = known_service::<Arc<dyn Service>>(scope, first).ok_or_else(malformed)?;
                let (Some(name), Some(props)) = (element(scope, 2), element(scope, 3)) else { return Err(malformed()) };
                let (name, props) = (v8::Local::new(scope, name), v8::Local::new(scope, props));
                Ok(Self::Service(service, Entrypoint::take(scope, name, props)?))
            }
            OBJECT => {
                let namespace = known_service::<ObjectNamespace>(scope, first).ok_or_else(malformed)?;
                let id = element(scope, 2).ok_or_else(malformed)?;
                let id = v8::Local::new(scope, id).to_rust_string_lossy(scope);
                let id = id.parse().map_err(|_| malformed())?;
                let name = element(scope, 3).map(|name| v8::Local::new(scope, name)).filter(|name| name.is_string());
                let name = name.map(|name| name.to_rust_string_lossy(scope));
                Ok(Self::Object(Object { namespace, id, name }))
            }
            _ => Err(malformed()),
        }
    }

    fn give<'s>(self, scope: &mut v8::PinScope<'s, '_>) -> Result<v8::Local<'s, v8::Value>, JsError> {
        let mut elements: Vec<v8::Local<'s, v8::Value>> = Vec::with_capacity(4);
        let (kind, number) = match self {
            Self::Stub(target) => (STUB, target::hold(scope, target)?),
            Self::Body(body) => (BODY, webapi::body::ops::hold(scope, body)),
            Self::Service(service, entrypoint) => {
                elements.extend(entrypoint.give(scope));
                (SERVICE, service_number(scope, service))
            }
            Self::Object(Object { namespace, id, name }) => {
                let namespace = service_number(scope, namespace);
                elements.push(isolate::new_string(scope, &id.to_string()).into());
                if let Some(name) = name {
                    elements.push(isolate::new_string(scope, &name).into());
                }
                (OBJECT, namespace)
            }
        };
        let (kind, number) =
            (v8::Integer::new_from_unsigned(scope, kind).into(), v8::Integer::new_from_unsigned(scope, number).into());
        elements.splice(0..0, [kind, number]);
        Ok(v8::Array::new_with_elements(scope, &elements).into())
    }
}

/// The stub that JavaScript holds as `number`.
pub(crate) fn held(scope: &mut v8::PinScope, number: u32) -> Result<Arc<Target>, JsError> {
    if let Some(held) = isolate::resources(scope).get::<Held>(number) {
        return Ok(held.target.clone());
    }
    // JavaScript knows its own that are disposed of: this is another event's, or that of one that has ended.
    Err(isolate::foreign(scope))
}
