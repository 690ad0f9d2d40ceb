//! What a client has set in a session, as the messages that set it: a new isolate's session is given them again.

use serde_json::Value;

/// Messages kept, and their bytes together. What comes past that holds for the isolate of now alone.
const MAX_KEPT: usize = 4096;
const MAX_BYTES: usize = 16 << 20;

#[derive(Default)]
pub(super) struct Replay {
    kept: Vec<Kept>,
    bytes: usize,
}

struct Kept {
    method: String,
    text: String,
    /// The id of the message while it has no answer, for breakpoints alone.
    unanswered: Option<i64>,
    breakpoint: Option<String>,
}

/// Settings: the last one holds.
const SETTINGS: &[&str] = &[
    "Debugger.setAsyncCallStackDepth",
    "Debugger.setBlackboxPatterns",
    "Debugger.setBreakpointsActive",
    "Debugger.setPauseOnExceptions",
    "Debugger.setSkipAllPauses",
    "Profiler.setSamplingInterval",
    "Runtime.setAsyncCallStackDepth",
    "Runtime.setCustomObjectFormatterEnabled",
    "Runtime.setMaxCallStackSizeToCapture",
    "Runtime.runIfWaitingForDebugger",
];

/// Each one is one more.
const BREAKPOINTS: &[&str] = &["Debugger.setBreakpointByUrl", "Debugger.setInstrumentationBreakpoint"];

// === impl Replay ===

impl Replay {
    /// Takes note of a message that the client sends.
    pub(super) fn sent(&mut self, text: &str) {
        let Ok(message) = serde_json::from_str::<Value>(text) else { return };
        let Some(method) = message["method"].as_str() else { return };
        if let Some(domain) = method.strip_suffix(".disable") {
            // V8 forgets with it what was set in the domain.
            self.forget(|kept| kept.method.split('.').next() == Some(domain));
        } else if method == "Debugger.removeBreakpoint" {
            let removed = message["params"]["breakpointId"].as_str();
            self.forget(|kept| kept.breakpoint.is_some() && kept.breakpoint.as_deref() == removed);
        } else if method.ends_with(".enable") || SETTINGS.contains(&method) {
            self.forget(|kept| kept.method == method);
            self.keep(method, text, None);
        } else if BREAKPOINTS.contains(&method) {
            self.keep(method, text, message["id"].as_i64());
        }
    }

    /// Takes note of an answer: that of a breakpoint says what it is called.
    pub(super) fn answered(&mut self, id: i32, text: &str) {
        let Some(at) = self.kept.iter().position(|kept| kept.unanswered == Some(id.into())) else { return };
        let answer: Value = serde_json::from_str(text).unwrap_or_default();
        match answer["result"]["breakpointId"].as_str() {
            Some(breakpoint) => {
                self.kept[at].unanswered = None;
                self.kept[at].breakpoint = Some(breakpoint.to_owned());
            }
            // It was refused.
            None => self.forget(|kept| kept.unanswered == Some(id.into())),
        }
    }

    /// All of it, in the order in which it was sent.
    pub(super) fn messages(&self) -> Vec<String> {
        self.kept.iter().map(|kept| kept.text.clone()).collect()
    }

    fn keep(&mut self, method: &str, text: &str, unanswered: Option<i64>) {
        if self.kept.len() < MAX_KEPT && self.bytes + text.len() <= MAX_BYTES {
            self.bytes += text.len();
            self.kept.push(Kept { method: method.to_owned(), text: text.to_owned(), unanswered, breakpoint: None });
        }
    }

    fn forget(&mut self, which: impl Fn(&Kept) -> bool) {
        self.kept.retain(|kept| !which(kept));
        self.bytes = self.kept.iter().map(|kept| kept.text.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods(replay: &Replay) -> Vec<&str> {
        replay.kept.iter().map(|kept| kept.method.as_str()).collect()
    }

    #[test]
    fn what_was_set_is_kept_until_it_is_unset() {
        let mut replay = Replay::default();
        replay.sent(r#"{"id":1,"method":"Runtime.enable"}"#);
        replay.sent(r#"{"id":2,"method":"Debugger.enable","params":{}}"#);
        replay.sent(r#"{"id":3,"method":"Debugger.setPauseOnExceptions","params":{"state":"all"}}"#);
        replay.sent(r#"{"id":4,"method":"Debugger.setPauseOnExceptions","params":{"state":"none"}}"#);
        replay.sent(r#"{"id":5,"method":"Runtime.evaluate","params":{"expression":"1"}}"#);
        replay.sent(r#"{"id":6,"method":"Debugger.setBreakpointByUrl","params":{"lineNumber":1,"url":"a"}}"#);
        replay.answered(6, r#"{"id":6,"result":{"breakpointId":"1:1:0:a","locations":[]}}"#);
        replay.sent(r#"{"id":7,"method":"Debugger.setBreakpointByUrl","params":{"lineNumber":2,"url":"a"}}"#);
        replay.answered(7, r#"{"id":7,"error":{"code":-32000,"message":"no"}}"#);
        let set = ["Runtime.enable", "Debugger.enable", "Debugger.setPauseOnExceptions", "Debugger.setBreakpointByUrl"];
        assert_eq!(methods(&replay), set);
        assert!(replay.messages()[2].contains("none"), "the last setting holds");

        replay.sent(r#"{"id":8,"method":"Debugger.removeBreakpoint","params":{"breakpointId":"1:1:0:a"}}"#);
        assert_eq!(methods(&replay), &set[..3]);
        replay.sent(r#"{"id":9,"method":"Debugger.disable"}"#);
        assert_eq!(methods(&replay), ["Runtime.enable"]);
        replay.sent("not JSON");
        assert_eq!(replay.bytes, replay.messages()[0].len());
    }

    #[test]
    fn a_client_without_end_is_not_kept_without_end() {
        let mut replay = Replay::default();
        for line in 0..2 * MAX_KEPT {
            replay.sent(&format!(
                r#"{{"id":{line},"method":"Debugger.setBreakpointByUrl","params":{{"lineNumber":{line}}}}}"#
            ));
        }
        assert_eq!(replay.kept.len(), MAX_KEPT);
        let mut replay = Replay::default();
        replay.sent(&format!(
            r#"{{"id":1,"method":"Debugger.setBreakpointByUrl","params":"{}"}}"#,
            "x".repeat(MAX_BYTES)
        ));
        assert!(replay.kept.is_empty());
    }
}
