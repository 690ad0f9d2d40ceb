//! The error page of `dev`: what was thrown, where, with the lines around it and links that open them.

use std::fmt::Write;

use http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::html::{document, escape};
use super::{Audience, answer, page};
use crate::{Ray, Response};

/// Opens a file in Visual Studio Code. `{file}`, `{line}` and `{column}` are put in.
pub const VSCODE: &str = "vscode://file{file}:{line}:{column}";

/// A thrown value, source-mapped.
#[derive(Debug, Clone, Serialize)]
pub struct DevError {
    /// The error's class, such as `TypeError`.
    pub name: String,
    pub message: String,
    #[serde(rename = "stack")]
    pub frames: Vec<Frame>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<DevError>>,
}

/// One frame of its stack, innermost first.
#[derive(Debug, Clone, Serialize)]
pub struct Frame {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// An absolute path where there is a file, else the module's name.
    pub file: String,
    /// From 1.
    pub line: u32,
    pub column: u32,
    /// The numbered lines around `line`.
    #[serde(skip)]
    pub snippet: Vec<(u32, String)>,
    /// The runtime's own code, or a package's: shown folded.
    pub internal: bool,
}

/// The request that met the error.
#[derive(Debug)]
pub struct Summary<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub headers: &'a HeaderMap,
}

/// Says what went wrong in the form that the client wants. `editor` is a link template such as [`VSCODE`].
pub fn respond(
    status: StatusCode,
    error: &DevError,
    request: &Summary<'_>,
    audience: Audience,
    ray: &Ray,
    editor: &str,
) -> Response {
    match audience {
        Audience::Browser => page(status, html(error, request, ray, editor)),
        Audience::Json => answer(status, "application/json", json(error, ray)),
        Audience::Text => answer(status, "text/plain; charset=UTF-8", text(error)),
    }
}

fn json(error: &DevError, ray: &Ray) -> String {
    #[derive(Serialize)]
    struct Json<'a> {
        error: &'a DevError,
        ray: String,
    }
    // Text and numbers only: nothing that JSON cannot say.
    serde_json::to_string_pretty(&Json { error, ray: ray.id() }).unwrap_or_default()
}

fn text(error: &DevError) -> String {
    let mut text = title(error);
    for frame in &error.frames {
        let place = format!("{}:{}:{}", frame.file, frame.line, frame.column);
        let _ = match &frame.function {
            Some(function) => write!(text, "\n    at {function} ({place})"),
            None => write!(text, "\n    at {place}"),
        };
    }
    if let Some(cause) = &error.cause {
        text.push_str("\ncaused by ");
        text.push_str(&self::text(cause));
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn title(error: &DevError) -> String {
    match (error.name.as_str(), error.message.as_str()) {
        ("", message) => message.to_owned(),
        (name, "") => name.to_owned(),
        (name, message) => format!("{name}: {message}"),
    }
}

fn html(error: &DevError, request: &Summary<'_>, ray: &Ray, editor: &str) -> String {
    let mut body = String::from("<main class=\"dev\">\n");
    chapter(&mut body, error, editor, "Uncaught exception");
    let mut cause = error.cause.as_deref();
    while let Some(error) = cause {
        chapter(&mut body, error, editor, "Caused by");
        cause = error.cause.as_deref();
    }
    request_summary(&mut body, request);
    let _ = write!(
        body,
        "<footer>Ray ID: <strong>{}</strong> <span>&bull;</span> This page is shown by <code>skerry dev</code> alone; \
         deployed, clients see error 1101.</footer>\n</main>\n",
        escape(&ray.id())
    );
    document(&title(error), &body)
}

fn chapter(body: &mut String, error: &DevError, editor: &str, label: &str) {
    let name = if error.name.is_empty() { "Thrown value" } else { &error.name };
    let _ = write!(
        body,
        "<header>\n<p class=\"label\">{label}</p>\n<h1>{}</h1>\n<p class=\"message\">{}</p>\n</header>\n",
        escape(name),
        escape(&error.message)
    );
    if error.frames.is_empty() {
        body.push_str("<p class=\"none\">No stack: what was thrown is not an Error, or was made without one.</p>\n");
        return;
    }
    body.push_str("<section class=\"stack\">\n");
    // Runs of frames that are not the Worker's own fold into one line.
    for run in error.frames.chunk_by(|a, b| a.internal == b.internal) {
        if run[0].internal {
            let plural = if run.len() == 1 { "" } else { "s" };
            let _ =
                writeln!(body, "<details class=\"internal\"><summary>{} internal frame{plural}</summary>", run.len());
            run.iter().for_each(|frame| frame_html(body, frame, editor, false));
            body.push_str("</details>\n");
        } else {
            run.iter().for_each(|frame| frame_html(body, frame, editor, true));
        }
    }
    body.push_str("</section>\n");
}

fn frame_html(body: &mut String, frame: &Frame, editor: &str, with_snippet: bool) {
    let place = format!("{}:{}:{}", frame.file, frame.line, frame.column);
    let function = frame.function.as_deref().unwrap_or("(anonymous)");
    let _ = write!(body, "<article>\n<h3><b>{}</b> ", escape(function));
    let _ = match link(editor, frame) {
        Some(link) => writeln!(body, "<a href=\"{}\">{}</a></h3>", escape(&link), escape(&place)),
        None => writeln!(body, "<span>{}</span></h3>", escape(&place)),
    };
    if with_snippet && !frame.snippet.is_empty() {
        body.push_str("<pre>");
        for (number, line) in &frame.snippet {
            if *number == frame.line {
                let column = frame.column.saturating_sub(1) as usize;
                let (before, after) = split_at_char(line, column);
                let _ = writeln!(
                    body,
                    "<mark><i>{number:>5}</i>  {}<u>{}</u></mark>",
                    escape(before),
                    escape(if after.is_empty() { " " } else { after })
                );
            } else {
                let _ = writeln!(body, "<i>{number:>5}</i>  {}", escape(line));
            }
        }
        body.push_str("</pre>\n");
    }
    body.push_str("</article>\n");
}

fn split_at_char(line: &str, column: usize) -> (&str, &str) {
    match line.char_indices().nth(column) {
        Some((index, _)) => line.split_at(index),
        None => (line, ""),
    }
}

/// The link that opens a frame's file; only for files, and only with a template that is no script.
fn link(editor: &str, frame: &Frame) -> Option<String> {
    if !frame.file.starts_with('/') || editor.trim_start().to_ascii_lowercase().starts_with("javascript:") {
        return None;
    }
    let mut path = String::with_capacity(frame.file.len());
    for byte in frame.file.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => path.push(byte as char),
            other => {
                let _ = write!(path, "%{other:02X}");
            }
        }
    }
    let link = editor
        .replace("{file}", &path)
        .replace("{line}", &frame.line.to_string())
        .replace("{column}", &frame.column.to_string());
    Some(link)
}

fn request_summary(body: &mut String, request: &Summary<'_>) {
    let _ = write!(
        body,
        "<section class=\"request\">\n<h2>Request</h2>\n<p><b>{}</b> <code>{}</code></p>\n<details><summary>{} headers</summary>\n<table>\n",
        escape(request.method),
        escape(request.url),
        request.headers.len()
    );
    for (name, value) in request.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let _ = writeln!(body, "<tr><th>{}</th><td>{}</td></tr>", escape(name.as_str()), escape(&value));
    }
    body.push_str("</table>\n</details>\n</section>\n");
}
