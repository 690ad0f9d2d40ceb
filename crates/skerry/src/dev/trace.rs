//! From places in a Worker's bundle back to its owner's files: stacks for the terminal and the error page.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bundle::Bundle;
use bundle::source_map::SourceMap;
use edge::error_page::dev as page;
use workers::{Cause, Failure, Frame, JsException, StartError};

/// Lines shown before and after the one that threw.
const CONTEXT: u32 = 4;

/// The source maps of one bundle, parsed when an error first needs them.
pub struct Sources {
    root: PathBuf,
    maps: HashMap<String, Map>,
}

struct Map {
    json: String,
    parsed: Mutex<Option<Option<Arc<SourceMap>>>>,
}

/// Something thrown, told with places in the sources.
pub struct Thrown {
    pub error: page::DevError,
    root: PathBuf,
}

const HUNG: &str = "The Workers runtime canceled this request because it detected that your Worker's code had hung and \
would never generate a response. Refer to: https://developers.cloudflare.com/workers/observability/errors/";

// === impl Sources ===

impl Sources {
    /// `bundle`: none for a Worker without code.
    pub fn new(root: &Path, bundle: Option<&Bundle>) -> Self {
        let maps = bundle.into_iter().flat_map(|bundle| &bundle.modules).filter_map(|module| {
            let json = module.source_map.clone()?;
            Some((module.name.clone(), Map { json, parsed: Mutex::new(None) }))
        });
        Self { root: root.to_owned(), maps: maps.collect() }
    }

    /// `file:line:column` of a frame in its owner's files.
    pub fn place(&self, frame: &Frame) -> String {
        let mapped = self.frame(frame);
        format!("{}:{}:{}", shown(&self.root, &mapped.file), mapped.line, mapped.column)
    }

    /// A Worker's exception.
    pub fn exception(&self, exception: &JsException) -> Thrown {
        Thrown { error: self.error(exception), root: self.root.clone() }
    }

    fn error(&self, exception: &JsException) -> page::DevError {
        page::DevError {
            name: exception.name.clone(),
            message: exception.message.clone(),
            frames: exception.frames.iter().map(|frame| self.frame(frame)).collect(),
            cause: exception.cause.as_ref().map(|cause| Box::new(self.error(cause))),
        }
    }

    /// A text of the Worker's, with the places of the stacks in it those of its owner's files.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let is_frame = |line: &str| line.trim_start().starts_with("at ");
        if !text.lines().any(is_frame) {
            return Cow::Borrowed(text);
        }
        let mapped = text.split_inclusive('\n').map(|line| match is_frame(line) {
            true => self.stack_line(line).map_or(Cow::Borrowed(line), Cow::Owned),
            false => Cow::Borrowed(line),
        });
        Cow::Owned(mapped.collect())
    }

    /// `at function (script:line:column)` or `at script:line:column`, mapped.
    fn stack_line(&self, line: &str) -> Option<String> {
        let start = line.rfind(['(', ' '])? + 1;
        let length = line[start..].find([')', '\n']).unwrap_or(line.len() - start);
        let (place, rest) = line[start..].split_at(length);
        let (script, position) = place.rsplit_once(':').and_then(|(place, column)| {
            let (script, row) = place.rsplit_once(':')?;
            Some((script, (row.parse().ok()?, column.parse().ok()?)))
        })?;
        let original = self.map(script)?;
        let original = original.original(position.0, position.1)?;
        let file = self.root.join(original.file);
        let file = shown(&self.root, file.to_str()?).into_owned();
        Some(format!("{}{file}:{}:{}{rest}", &line[..start], original.line, original.column))
    }

    /// Why there was no answer, for people; `None` when the platform's own page says all there is to say.
    pub fn cause(&self, cause: &Cause) -> Option<Thrown> {
        match cause {
            Cause::Exception(exception) => Some(self.exception(exception)),
            Cause::Runtime(Failure::Start(error)) => match &**error {
                StartError::Script(exception) => Some(self.exception(exception)),
                other => Some(self.plain(&other.to_string())),
            },
            Cause::Runtime(Failure::Hung) => Some(self.plain(HUNG)),
            Cause::Runtime(_) => None,
        }
    }

    /// A failed start, in a paragraph.
    pub fn start_error(&self, error: &StartError) -> String {
        match error {
            StartError::Script(exception) => {
                let thrown = self.exception(exception);
                let stack: String = thrown.stack().iter().map(|line| format!("\n    {line}")).collect();
                format!("the Worker failed to start: {}{stack}", thrown.title())
            }
            other => other.to_string(),
        }
    }

    fn plain(&self, message: &str) -> Thrown {
        let error =
            page::DevError { name: "Error".into(), message: message.to_owned(), frames: Vec::new(), cause: None };
        Thrown { error, root: self.root.clone() }
    }

    fn frame(&self, frame: &Frame) -> page::Frame {
        let map = self.map(&frame.script);
        let original = map.as_ref().and_then(|map| map.original(frame.line, frame.column));
        let (file, line, column) = match &original {
            Some(original) => (original.file, original.line, original.column),
            None => (frame.script.as_str(), frame.line, frame.column),
        };
        let ours = frame.script.starts_with("skerry:");
        let path = if ours { file.to_owned() } else { self.root.join(file).display().to_string() };
        let snippet = match (&map, &original) {
            (Some(map), Some(original)) => map.lines_around(original.file, line, CONTEXT),
            _ => Vec::new(),
        };
        page::Frame {
            function: frame.function.clone(),
            file: path,
            line,
            column,
            snippet: snippet.into_iter().map(|(number, line)| (number, line.to_owned())).collect(),
            internal: ours || file.contains("node_modules/"),
        }
    }

    /// The source map of a module with all that debuggers need of it: sources by the URLs of their files, dependencies marked as such.
    pub fn embedded(&self, script: &str) -> Option<String> {
        let mut map: serde_json::Value = serde_json::from_str(&self.maps.get(script)?.json).ok()?;
        let mut ignored = Vec::new();
        for (index, source) in map["sources"].as_array_mut()?.iter_mut().enumerate() {
            let name = source.as_str().unwrap_or_default().to_owned();
            if name.contains("node_modules/") {
                ignored.push(index);
            }
            // Modules that no file holds have names of their own.
            if let Some(url) = self.file_url(&name) {
                *source = url.into();
            }
        }
        let map_of = map.as_object_mut()?;
        map_of.remove("sourceRoot");
        map_of.insert("ignoreList".into(), ignored.into());
        Some(map.to_string())
    }

    fn file_url(&self, source: &str) -> Option<String> {
        if source.is_empty() || source.contains(['\0', ':']) {
            return None;
        }
        let mut path = PathBuf::new();
        for part in self.root.join(source).components() {
            match part {
                std::path::Component::ParentDir => {
                    path.pop();
                }
                std::path::Component::CurDir => {}
                part => path.push(part),
            }
        }
        url::Url::from_file_path(path).ok().map(String::from)
    }

    fn map(&self, script: &str) -> Option<Arc<SourceMap>> {
        let map = self.maps.get(script)?;
        let mut parsed = map.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        parsed.get_or_insert_with(|| SourceMap::parse(&map.json).ok().map(Arc::new)).clone()
    }
}

// === impl Thrown ===

impl Thrown {
    /// `TypeError: message`
    pub fn title(&self) -> String {
        format!("{}: {}", self.error.name, self.error.message)
    }

    /// A line per frame of the Worker's own: `at function (file:line:column)`. Then what caused it, in the same way.
    pub fn stack(&self) -> Vec<String> {
        let mut lines = self.frames(&self.error);
        let mut cause = self.error.cause.as_deref();
        while let Some(error) = cause {
            lines.push(format!("caused by {}: {}", error.name, error.message));
            lines.extend(self.frames(error));
            cause = error.cause.as_deref();
        }
        lines
    }

    fn frames(&self, error: &page::DevError) -> Vec<String> {
        let frames = error.frames.iter().filter(|frame| !frame.file.starts_with("skerry:"));
        frames
            .map(|frame| {
                let place = format!("{}:{}:{}", shown(&self.root, &frame.file), frame.line, frame.column);
                match &frame.function {
                    Some(function) => format!("at {function} ({place})"),
                    None => format!("at {place}"),
                }
            })
            .collect()
    }
}

/// A path as its owner would type it: relative to the project's folder when inside.
fn shown<'a>(root: &Path, file: &'a str) -> Cow<'a, str> {
    Path::new(file).strip_prefix(root).unwrap_or(Path::new(file)).to_string_lossy()
}
