//! One isolate under inspection: V8's inspector over it, the session of the client that is there, and its pauses.
//!
//! All of this is touched only on the thread that holds the isolate's lock.

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::c_void;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use v8::inspector::{
    Channel, ChannelImpl, StringBuffer, StringView, V8Inspector, V8InspectorClient, V8InspectorClientImpl,
    V8InspectorClientTrustLevel, V8InspectorSession,
};

use super::{Inspector, Next, Shared};
use crate::state::{IsolateState, STATE_SLOT, state};
use crate::{exception, watchdog};

/// The isolate's one context is a group by itself.
const GROUP: i32 = 1;

/// What clients are told of the context: it is the one that they mean when they name none.
const AUXILIARY: &str = r#"{"isDefault":true}"#;

#[derive(Clone)]
pub(crate) struct Inspection(Rc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    generation: u64,
    /// The isolate's number.
    number: u64,
    /// What scripts without a URL of their own are under: `worker://<title>/`.
    base: String,
    isolate: v8::UnsafeRawIsolatePtr,
    context: v8::Global<v8::Context>,
    inspector: OnceCell<V8Inspector>,
    session: RefCell<Option<Rc<Session>>>,
    /// The pause is to end.
    resume: Cell<bool>,
    paused: Cell<bool>,
    /// How long it has been paused since this was asked last.
    stood: Cell<Duration>,
}

struct Session {
    client: u64,
    v8: V8InspectorSession,
    outlet: Rc<Outlet>,
}

/// What a session says.
struct Outlet {
    shared: Arc<Shared>,
    generation: u64,
    isolate: u64,
    client: u64,
    /// It is being told again what the client had set, and the client has had the answers.
    replaying: Cell<bool>,
}

/// An outlet as V8 holds it.
struct Voice(Rc<Outlet>);

/// What V8 asks of who inspects.
struct Inspecting(Weak<Inner>);

/// Whether the isolate that `scope` is in is under inspection.
pub fn inspected(scope: &mut v8::PinScope) -> bool {
    state(scope).inspection.is_some()
}

/// Tells who inspects the isolate, if anybody does, of an exception that nobody caught.
pub fn report_exception(scope: &mut v8::PinScope, exception: v8::Local<v8::Value>) {
    let Some(inspection) = state(scope).inspection.clone() else { return };
    let Some(inspector) = inspection.0.inspector.get() else { return };
    v8::scope!(let scope, scope);
    v8::tc_scope!(let scope, scope);
    let context = scope.get_current_context();
    let message = v8::Exception::create_message(scope, exception);
    let trace = v8::Exception::get_stack_trace(scope, exception).or_else(|| message.get_stack_trace(scope));
    let place = trace.and_then(|trace| exception::trace_frames(scope, trace).into_iter().next());
    let script = trace.and_then(|trace| trace.get_frame(scope, 0)).map_or(0, |frame| frame.get_script_id());
    let (url, line, column) = match &place {
        Some(place) => (inspection.0.url(&place.script), place.line, place.column),
        None => (String::new(), 0, 0),
    };
    let text = exception.to_detail_string(scope).map(|text| text.to_rust_string_lossy(scope)).unwrap_or_default();
    let (text, url) = (Text::new(&text), Text::new(&url));
    let stack = inspector.create_stack_trace(trace);
    inspector.exception_thrown(
        context,
        view("Uncaught"),
        exception,
        text.view(),
        url.view(),
        line,
        column,
        stack,
        script as i32,
    );
}

/// V8 calls this in the middle of what a script runs, after [`Shared::poke`].
pub(super) unsafe extern "C" fn interrupted(mut isolate: v8::UnsafeRawIsolatePtr, _data: *mut c_void) {
    let inspection = {
        // SAFETY: V8 hands over the isolate that runs on this thread; the reference ends with this block.
        let isolate = unsafe { v8::Isolate::ref_from_raw_isolate_ptr_mut(&mut isolate) };
        let state = isolate.get_data(STATE_SLOT) as *const IsolateState;
        // SAFETY: as in `state::state`; scripts run, so nothing else reaches the state now.
        unsafe { (*state).inspection.clone() }
    };
    if let Some(inspection) = inspection {
        inspection.0.shared.interrupting.store(false, Ordering::Release);
        inspection.serve();
    }
}

/// ASCII as V8's inspector takes it.
fn view(ascii: &str) -> StringView<'_> {
    StringView::from(ascii.as_bytes())
}

/// A text as V8's inspector takes it: its strings of bytes are Latin-1.
enum Text<'a> {
    Ascii(&'a str),
    Wide(Vec<u16>),
}

impl<'a> Text<'a> {
    fn new(text: &'a str) -> Self {
        if text.is_ascii() { Self::Ascii(text) } else { Self::Wide(text.encode_utf16().collect()) }
    }

    fn view(&self) -> StringView<'_> {
        match self {
            Self::Ascii(text) => view(text),
            Self::Wide(units) => StringView::from(&units[..]),
        }
    }
}

// === impl Inspection ===

impl Inspection {
    /// Puts the isolate of `scope` under inspection, unless that is already another's. Nothing of a script may be in it yet, so that a client can
    /// stop its very first line.
    pub(crate) fn begin(scope: &mut v8::PinScope, inspector: &Inspector, title: &str) -> Option<Self> {
        let number = inspector.shared.enter(inspector.generation, scope.thread_safe_handle())?;
        let context = scope.get_current_context();
        let inner = Rc::new(Inner {
            shared: inspector.shared.clone(),
            generation: inspector.generation,
            number,
            base: format!("worker://{title}/"),
            // SAFETY: the pointer is followed only while the isolate is locked and V8 calls from it.
            isolate: unsafe { scope.as_raw_isolate_ptr() },
            context: v8::Global::new(scope, context),
            inspector: OnceCell::new(),
            session: RefCell::new(None),
            resume: Cell::new(false),
            paused: Cell::new(false),
            stood: Cell::new(Duration::ZERO),
        });
        let client = V8InspectorClient::new(Box::new(Inspecting(Rc::downgrade(&inner))));
        let v8 = V8Inspector::create(scope, client);
        let title = Text::new(title);
        v8.context_created(context, GROUP, title.view(), view(AUXILIARY));
        let _ = inner.inspector.set(v8);
        // What a client asks for besides waits until the script has run.
        if let Next::Meet(client, replay) = inner.shared.next(inner.generation, number, 0) {
            inner.connect(client, &replay);
        }
        Some(Self(inner))
    }

    /// Lets the client go. Must be called on the isolate's thread, under its lock, before the isolate moves or ends.
    pub(crate) fn end(self, scope: &mut v8::PinScope) {
        self.0.disconnect();
        if let Some(inspector) = self.0.inspector.get() {
            inspector.context_destroyed(scope.get_current_context());
        }
        self.0.shared.leave(self.0.number);
    }

    /// Whether a client's session is there.
    pub(crate) fn is_attached(&self) -> bool {
        self.0.client() != 0
    }

    /// Does what the client has asked for.
    pub(crate) fn serve(&self) {
        self.0.serve();
    }

    /// Whether there is something to do; wakes the task when there is.
    pub(crate) fn poll_news(&self, cx: &mut std::task::Context<'_>) -> bool {
        let inner = &self.0;
        inner.shared.poll_next(cx, inner.generation, inner.number, inner.client())
    }

    /// To be called when the isolate has been locked, whether there is something to do. What was asked for by an interrupt while nobody held the
    /// lock does not come as one.
    pub(crate) fn locked(&self) -> bool {
        let inner = &self.0;
        inner.shared.interrupting.store(false, Ordering::Release);
        Shared::has_news(&inner.shared.lock(), inner.generation, inner.number, inner.client())
    }

    /// How long it has been paused since this was asked last.
    pub(crate) fn take_stood(&self) -> Duration {
        self.0.stood.take()
    }
}

// === impl Inner ===

impl Inner {
    fn client(&self) -> u64 {
        self.session.borrow().as_ref().map_or(0, |session| session.client)
    }

    fn serve(&self) {
        loop {
            match self.shared.next(self.generation, self.number, self.client()) {
                Next::Nothing => return,
                Next::Leave => self.disconnect(),
                Next::Meet(client, replay) => {
                    self.disconnect();
                    self.connect(client, &replay);
                }
                Next::Message(message) => {
                    let session = self.session.borrow().clone();
                    if let Some(session) = session {
                        session.dispatch(&message);
                    }
                }
            }
            if self.paused.get() && self.resume.get() {
                // What comes next is not for the pause.
                return;
            }
        }
    }

    fn connect(&self, client: u64, replay: &[String]) {
        let Some(inspector) = self.inspector.get() else { return };
        let outlet = Rc::new(Outlet {
            shared: self.shared.clone(),
            generation: self.generation,
            isolate: self.number,
            client,
            replaying: Cell::new(true),
        });
        let channel = Channel::new(Box::new(Voice(outlet.clone())));
        let trust = V8InspectorClientTrustLevel::FullyTrusted;
        let v8 = inspector.connect(GROUP, channel, StringView::empty(), trust);
        let session = Rc::new(Session { client, v8, outlet });
        *self.session.borrow_mut() = Some(session.clone());
        for message in replay {
            session.dispatch(message);
        }
        session.outlet.replaying.set(false);
    }

    /// Ends the session; what is paused goes on. One that is in the middle of a message ends when that is done.
    fn disconnect(&self) {
        let session = self.session.borrow_mut().take();
        if let Some(session) = session {
            // Its client hears nothing of this: it is the session's no more.
            session.outlet.replaying.set(true);
            session.dispatch(r#"{"id":1,"method":"Debugger.disable"}"#);
            session.dispatch(r#"{"id":2,"method":"Runtime.disable"}"#);
        }
    }

    /// The URL that clients know a script by.
    fn url(&self, name: &str) -> String {
        match name.is_empty() || name.contains(':') {
            true => name.to_owned(),
            false => format!("{}{name}", self.base),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // V8's inspector must find its sessions gone.
        self.session.get_mut().take();
    }
}

// === impl Session ===

impl Session {
    fn dispatch(&self, message: &str) {
        self.v8.dispatch_protocol_message(Text::new(message).view());
    }
}

// === impl Outlet ===

impl Outlet {
    fn say(&self, message: v8::UniquePtr<StringBuffer>, answers: Option<i32>) {
        let Some(message) = message.as_ref() else { return };
        let message = match message.string() {
            // JSON of V8's own writer, which is ASCII.
            StringView::U8(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            StringView::U16(units) => String::from_utf16_lossy(&units),
        };
        self.shared.emit(self.generation, self.isolate, self.client, message, answers);
    }
}

impl ChannelImpl for Voice {
    fn send_response(&self, call_id: i32, message: v8::UniquePtr<StringBuffer>) {
        if !self.0.replaying.get() {
            self.0.say(message, Some(call_id));
        }
    }

    fn send_notification(&self, message: v8::UniquePtr<StringBuffer>) {
        self.0.say(message, None);
    }

    fn flush_protocol_notifications(&self) {}
}

// === impl Inspecting ===

impl V8InspectorClientImpl for Inspecting {
    /// Holds the thread until the client has the script go on, or is gone. It costs the event no CPU time.
    fn run_message_loop_on_pause(&self, _group: i32) {
        let Some(inner) = self.0.upgrade() else { return };
        let suspended = watchdog::suspend();
        let began = Instant::now();
        inner.resume.set(false);
        inner.paused.set(true);
        loop {
            inner.serve();
            let client = inner.client();
            if inner.resume.get() || client == 0 {
                break;
            }
            inner.shared.wait(inner.generation, inner.number, client);
        }
        inner.paused.set(false);
        inner.stood.set(inner.stood.get() + began.elapsed());
        watchdog::resume(suspended);
    }

    fn quit_message_loop_on_pause(&self) {
        if let Some(inner) = self.0.upgrade() {
            inner.resume.set(true);
        }
    }

    fn ensure_default_context_in_group(&self, _group: i32) -> Option<v8::Local<'_, v8::Context>> {
        let inner = self.0.upgrade()?;
        // SAFETY: V8 calls this with the isolate locked and entered on this thread, from within a scope of handles.
        let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(inner.isolate) };
        let isolate = &mut isolate;
        // SAFETY: as above.
        v8::callback_scope!(unsafe scope, isolate);
        let context = v8::Local::new(scope, &inner.context);
        // SAFETY: the handle is in V8's own scope, which outlives the call.
        Some(unsafe { context.extend_lifetime_unchecked() })
    }

    fn resource_name_to_url(&self, name: &StringView) -> Option<v8::UniquePtr<StringBuffer>> {
        let inner = self.0.upgrade()?;
        let name = name.to_string();
        let url = inner.url(&name);
        (url != name).then(|| StringBuffer::create(Text::new(&url).view()))
    }
}
