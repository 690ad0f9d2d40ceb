//! The URLs that rules in `_headers` and `_redirects` may name.

use url::Url;

/// What a place in a rule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// What a header rule is for: a path, or `https://` with a host and a path.
    Headers,
    /// What a redirect is from: a path.
    From,
    /// What a redirect is to: a path or a whole URL, with its query and fragment.
    To,
}

/// Whether it is a whole URL.
pub(crate) fn has_host(text: &str) -> bool {
    split(text).is_some()
}

/// Host and path of a whole URL.
fn split(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("https://")?.trim_start_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (!host.is_empty()).then_some((host, path))
}

/// The URL in its normal form, or why it is none.
pub(crate) fn normalize(text: &str, place: Place) -> Result<String, String> {
    if let Some((host, path)) = split(text) {
        if place == Place::From {
            return Err(format!("Only relative URLs are allowed. Skipping absolute URL {text}."));
        }
        if place == Place::Headers && has_port(host) {
            return Err(format!("Specifying ports is not supported. Skipping absolute URL {text}."));
        }
        return Ok(format!("https://{host}{}", pathname(path, place)?));
    }
    if !text.starts_with('/') && place != Place::From {
        return Err("URLs should either be relative (e.g. begin with a forward-slash), or use HTTPS (e.g. begin with \"https://\").".into());
    }
    pathname(text, place)
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The path in its normal form, and what follows it where the place has that.
fn pathname(path: &str, place: Place) -> Result<String, String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let wrong = |_| format!("Error parsing URL segment {path}. Skipping.");
    // No scheme that the URL standard has rules for: the path stays as it is, but for what every path has encoded.
    let url = Url::parse(&format!("relative:///{path}")).map_err(wrong)?;
    let mut text = url.path().to_owned();
    if place == Place::To {
        text.extend(url.query().filter(|query| !query.is_empty()).map(|query| format!("?{query}")));
        text.extend(url.fragment().filter(|fragment| !fragment.is_empty()).map(|fragment| format!("#{fragment}")));
    }
    Ok(text)
}
