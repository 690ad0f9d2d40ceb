//! Between V8's words and the client's: scripts get their source maps, the runtime's own scripts stay out of sight, and times are of the clock.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::dev::trace::Sources;

/// The id of messages of ours, whose answers nobody waits for.
const OURS: i32 = i32::MAX;

/// Scripts that are the runtime's: stepping passes over them.
const RUNTIME: &[&str] = &["^skerry:", "^node:"];

/// A client's message as the isolate is to have it.
pub fn to_isolate(text: &str) -> Vec<String> {
    let patterns = |more: Vec<Value>| -> Value { RUNTIME.iter().map(|pattern| json!(pattern)).chain(more).collect() };
    // Nearly all messages are others, and some are large.
    if !text.contains("Debugger.enable") && !text.contains("Debugger.setBlackboxPatterns") {
        return vec![text.to_owned()];
    }
    let Ok(mut message) = serde_json::from_str::<Value>(text) else { return vec![text.to_owned()] };
    match message["method"].as_str() {
        Some("Debugger.enable") => {
            let blackbox = json!({
                "id": OURS,
                "method": "Debugger.setBlackboxPatterns",
                "params": { "patterns": patterns(Vec::new()) },
            });
            vec![text.to_owned(), blackbox.to_string()]
        }
        Some("Debugger.setBlackboxPatterns") => {
            if let Some(wanted) = message["params"]["patterns"].as_array_mut() {
                let wanted = std::mem::take(wanted);
                message["params"]["patterns"] = patterns(wanted);
            }
            vec![message.to_string()]
        }
        _ => vec![text.to_owned()],
    }
}

/// What is to be known of a session to tell its client what V8 says.
#[derive(Default)]
pub struct Translator {
    /// The ids of the runtime's own scripts: frames name no more of them.
    runtime: HashSet<String>,
}

// === impl Translator ===

impl Translator {
    /// A message of V8's as the client is to have it; `None`: it is not for the client.
    pub fn for_client(&mut self, text: String, sources: Option<&Sources>) -> Option<String> {
        let Some(method) = text.strip_prefix(r#"{"method":""#).and_then(|rest| rest.split('"').next()) else {
            let ours = text.strip_prefix(r#"{"id":"#).and_then(|rest| rest.strip_prefix(&OURS.to_string()));
            return (!ours.is_some_and(|rest| rest.starts_with(','))).then_some(text);
        };
        let change = match method {
            "Debugger.scriptParsed" | "Debugger.scriptFailedToParse" => return self.script(text, sources),
            "Runtime.executionContextsCleared" => {
                self.runtime.clear();
                return Some(text);
            }
            "Debugger.paused" => Self::paused,
            "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" => Self::said,
            _ => return Some(text),
        };
        let Ok(mut message) = serde_json::from_str::<Value>(&text) else { return Some(text) };
        if let Some(params) = message.get_mut("params") {
            change(self, params);
        }
        Some(message.to_string())
    }

    /// A script that V8 has: with its source map where the bundle has one.
    fn script(&mut self, text: String, sources: Option<&Sources>) -> Option<String> {
        let Ok(mut message) = serde_json::from_str::<Value>(&text) else { return Some(text) };
        let params = &mut message["params"];
        let url = params["url"].as_str().unwrap_or_default();
        if is_runtime(url) {
            self.runtime.extend(params["scriptId"].as_str().map(str::to_owned));
            return None;
        }
        let module =
            url.strip_prefix("worker://").and_then(|rest| rest.split_once('/')).map(|(_worker, module)| module);
        let Some(map) = module.zip(sources).and_then(|(module, sources)| sources.embedded(module)) else {
            return Some(text);
        };
        let map = base64_simd::STANDARD.encode_to_string(map.as_bytes());
        params["sourceMapURL"] = json!(format!("data:application/json;base64,{map}"));
        Some(message.to_string())
    }

    /// Frames of the runtime say nothing to a Worker's author, and their scripts are not known to the client.
    fn paused(&self, params: &mut Value) {
        self.frames(params);
        self.traces(params.get_mut("asyncStackTrace"));
    }

    fn said(&self, params: &mut Value) {
        // V8 asks its embedder for the time, and has no answer.
        if params["timestamp"].as_f64() == Some(0.0) {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            params["timestamp"] = json!(now.as_secs_f64() * 1000.0);
        }
        self.traces(params.get_mut("stackTrace"));
        self.traces(params.get_mut("exceptionDetails").and_then(|details| details.get_mut("stackTrace")));
    }

    /// A stack trace and those that it came from.
    fn traces(&self, trace: Option<&mut Value>) {
        let mut next = trace;
        while let Some(trace) = next {
            self.frames(trace);
            next = trace.get_mut("parent");
        }
    }

    /// Takes out frames of the runtime, unless there are no others.
    fn frames(&self, of: &mut Value) {
        let Some(frames) = of.get_mut("callFrames").and_then(Value::as_array_mut) else { return };
        let ours = |frame: &Value| {
            let script = frame["scriptId"].as_str().or_else(|| frame["location"]["scriptId"].as_str());
            script.is_some_and(|script| self.runtime.contains(script)) || frame["url"].as_str().is_some_and(is_runtime)
        };
        if !frames.iter().all(ours) {
            frames.retain(|frame| !ours(frame));
        }
    }
}

fn is_runtime(url: &str) -> bool {
    url.starts_with("skerry:") || url.starts_with("node:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn the_runtime_stays_out_of_sight() {
        let enabled = to_isolate(r#"{"id":1,"method":"Debugger.enable"}"#);
        assert_eq!(parsed(&enabled[1])["params"]["patterns"], json!(["^skerry:", "^node:"]));
        let set = to_isolate(r#"{"id":2,"method":"Debugger.setBlackboxPatterns","params":{"patterns":["/lib/"]}}"#);
        assert_eq!(parsed(&set[0])["params"]["patterns"], json!(["^skerry:", "^node:", "/lib/"]));
        assert_eq!(to_isolate("not JSON, of Debugger.enable").len(), 1);

        let mut translator = Translator::default();
        let mut for_client = |text: String| translator.for_client(text, None);
        let script = |id: u32, url: &str| {
            format!(r#"{{"method":"Debugger.scriptParsed","params":{{"scriptId":"{id}","url":"{url}"}}}}"#)
        };
        assert_eq!(for_client(script(7, "skerry:/workers/main.js")), None);
        assert!(for_client(script(8, "worker://api/index.js")).is_some());
        assert_eq!(for_client(format!(r#"{{"id":{OURS},"result":{{}}}}"#)), None);
        assert!(for_client(format!(r#"{{"id":{OURS}0,"result":{{}}}}"#)).is_some());

        let said = r#"{"method":"Runtime.consoleAPICalled","params":{"type":"log","timestamp":0,"stackTrace":{"callFrames":[
            {"url":"skerry:/webapi/console.js"},{"url":"worker://api/index.js"}]}}}"#;
        let said = parsed(&for_client(said.into()).expect("a message"));
        assert_eq!(said["params"]["stackTrace"], json!({ "callFrames": [{ "url": "worker://api/index.js" }] }));
        assert!(said["params"]["timestamp"].as_f64() > Some(1e12), "{said}");
        let frame = |script: &str| json!({ "url": "", "location": { "scriptId": script } });
        let mut pause = |frames: &[Value]| {
            let params = json!({ "callFrames": frames });
            let message = format!(r#"{{"method":"Debugger.paused","params":{params}}}"#);
            parsed(&for_client(message).expect("a message"))["params"].clone()
        };
        assert_eq!(pause(&[frame("8"), frame("7")]), json!({ "callFrames": [frame("8")] }));
        assert_eq!(pause(&[frame("7")])["callFrames"].as_array().map(Vec::len), Some(1), "a pause has a frame");
    }
}
