//! Forms in bodies, as a Worker reads and writes them.

#![no_main]

use fuzz::{subject, text};
use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use libfuzzer_sys::fuzz_target;
use webapi::body::BodyReader;

/// A form that could be read is written and read again: what it was written as stays as it is.
const WORKER: &str = r#"
    const flat = async (form) => {
      const all = [];
      for (const [name, value] of form) all.push(typeof value === "string" ? [name, value] : [name, value.name, value.type, await value.text()]);
      return JSON.stringify(all);
    };
    const again = (form) => new Response(form).formData();
    export default { async fetch(request) {
      let form;
      try {
        form = await request.formData();
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        return new Response("refused");
      }
      for (const [name, value] of form) {
        if (name.endsWith("\\") || (typeof value !== "string" && value.name.endsWith("\\"))) return new Response("refused");
      }
      const once = await again(form);
      const [one, two] = [await flat(once), await flat(await again(once))];
      return new Response(one === two && [...once].length === [...form].length ? "same" : `${await flat(form)}\n${one}\n${two}`);
    } };
"#;

// The first line is the Content-Type, the rest the body.
fuzz_target!(|bytes: &[u8]| {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(content_type) = HeaderValue::from_bytes(&bytes[..end]) else { return };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, content_type);
    let body = BodyReader::from_bytes(bytes[end + 1..].to_vec());
    let subject = subject(WORKER);
    let answer = subject.run(async { text(subject.fetch(Method::POST, headers, Some(body)).await).await });
    assert!(answer == "same" || answer == "refused", "{answer}");
});
