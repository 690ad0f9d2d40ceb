//! Workers uploaded as wrangler uploads them, without wrangler: for journeys that send what it never would, or many.

use serde_json::{Value, json};

use crate::{Served, text};

/// A part of a form: its name, its content type and its content.
pub type Part<'p> = (&'p str, &'p str, &'p [u8]);

/// A form with the boundary `edge`.
pub fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, kind, content) in parts {
        let head = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\ncontent-type: {kind}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    body
}

impl Served {
    /// Sends a form to the API: the status, and the body as JSON.
    pub async fn send_form(&self, token: &str, method: &str, path: &str, body: Vec<u8>) -> (u16, Value) {
        let request = self.api_without(method, path).header("authorization", &format!("Bearer {token}"));
        let answer = request.header("content-type", "multipart/form-data; boundary=edge").body(body).await;
        let status = answer.status().as_u16();
        let body = text(answer).await;
        let json = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path} is not JSON ({error}):\n{body}"));
        (status, json)
    }

    /// Deploys a Worker of one module to the first account, with more metadata.
    pub async fn upload(&self, name: &str, metadata: Value, source: &str) {
        let (account, token) = (self.account.clone(), self.token.clone());
        self.upload_as(&account, &token, name, metadata, source).await;
    }

    /// The same to any account. The Worker answers at a host of its own from then on.
    pub async fn upload_as(&self, account: &str, token: &str, name: &str, mut metadata: Value, source: &str) {
        metadata["main_module"] = "index.js".into();
        metadata["compatibility_date"] = "2026-01-01".into();
        let metadata = metadata.to_string();
        let parts = [
            ("metadata", "application/json", metadata.as_bytes()),
            ("index.js", "application/javascript+module", source.as_bytes()),
        ];
        let path = format!("/accounts/{account}/workers/scripts/{name}");
        let (status, body) = self.send_form(token, "PUT", &path, form(&parts)).await;
        assert_eq!(status, 200, "{name}: {body}");
        let enabled = json!({ "enabled": true, "previews_enabled": false }).to_string();
        let (status, body) = self.ask_as(token, "POST", &format!("{path}/subdomain"), enabled).await;
        assert_eq!(status, 200, "{name}: {body}");
    }
}
