//! What may be stored, and how long it is fresh: RFC 9111 §3 and §4.2 with Cloudflare's differences
//! (https://developers.cloudflare.com/cache/concepts/cache-control/ and .../default-cache-behavior/).

use http::header::{AGE, AUTHORIZATION, CACHE_CONTROL, DATE, EXPIRES, HeaderMap, HeaderName, SET_COOKIE, VARY};
use serde::{Deserialize, Serialize};

/// How long a stored response may be used, in milliseconds from `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// When the response was made, as far as known: the time of storing less its `Age`.
    pub from: u64,
    pub fresh: u64,
    /// Past `fresh`, for so long it may be used while it is revalidated (RFC 5861 §3).
    pub while_revalidate: u64,
    /// Past `fresh`, for so long it may be used when the origin fails (RFC 5861 §4).
    pub if_error: u64,
    /// Never used without asking the origin: `no-cache`.
    pub always_revalidate: bool,
}

/// Why a response is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its status is none that is stored without being told how long.
    Status,
    /// Its headers forbid it.
    Headers,
    SetCookie,
}

/// What the one who stores says about lifetimes, which outranks the response's headers: `cacheTtl` and `cacheTtlByStatus`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forced {
    /// Seconds; negative: don't store.
    pub ttl: Option<i64>,
    /// First and last status, and seconds.
    pub by_status: Vec<(u16, u16, i64)>,
}

/// Cloudflare's own header, the one of all CDNs (RFC 9213), and everybody's: the first that is there counts.
const CONTROLS: [HeaderName; 3] = [
    HeaderName::from_static("cloudflare-cdn-cache-control"),
    HeaderName::from_static("cdn-cache-control"),
    CACHE_CONTROL,
];

/// The most that a lifetime can be: a year.
const LONGEST: u64 = 365 * 24 * 60 * 60;

/// Decides about a response to a GET. Takes those headers off that it may only be stored without.
pub fn lifetime(
    status: u16,
    headers: &mut HeaderMap,
    request: &HeaderMap,
    forced: &Forced,
    now: u64,
) -> Result<Lifetime, Refusal> {
    if status < 200 || status == 206 || status == 304 {
        return Err(Refusal::Status);
    }
    if combined(headers, &VARY).is_some_and(|vary| vary.split(',').any(|name| name.trim() == "*")) {
        return Err(Refusal::Headers);
    }
    let directives = CONTROLS.iter().find_map(|name| combined(headers, name)).map(|text| Directives::parse(&text));
    let present = directives.is_some();
    let directives = directives.unwrap_or_default();
    let seconds = |name: &str| directives.seconds(name).unwrap_or(0) * 1000;
    if let Some(ttl) = forced.ttl(status) {
        headers.remove(SET_COOKIE);
        return match u64::try_from(ttl) {
            Err(_) => Err(Refusal::Headers),
            Ok(ttl) => Ok(Lifetime {
                from: now,
                fresh: ttl.min(LONGEST) * 1000,
                while_revalidate: seconds("stale-while-revalidate"),
                if_error: seconds("stale-if-error"),
                always_revalidate: false,
            }),
        };
    }

    if directives.has("no-store") || directives.is_bare("private") {
        return Err(Refusal::Headers);
    }
    for name in ["private", "no-cache"] {
        directives.fields(name).for_each(|field| drop(headers.remove(field)));
    }
    if headers.contains_key(SET_COOKIE) {
        return Err(Refusal::SetCookie);
    }
    // RFC 9111 §3.5.
    let shared = ["public", "s-maxage", "must-revalidate"].iter().any(|name| directives.has(name));
    if request.contains_key(AUTHORIZATION) && !shared {
        return Err(Refusal::Headers);
    }
    let given = directives.seconds("s-maxage").or_else(|| directives.seconds("max-age"));
    let fresh = given.or_else(|| expires(headers, now)).or_else(|| by_default(status));
    let always_revalidate = directives.is_bare("no-cache");
    let Some(fresh) = fresh.or(always_revalidate.then_some(0)) else { return Err(Refusal::Status) };
    // RFC 9111 §5.2.2: these forbid stale answers.
    let strict = present
        && (always_revalidate || ["must-revalidate", "proxy-revalidate"].iter().any(|name| directives.has(name)));
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse::<u64>().ok()).unwrap_or(0);
    Ok(Lifetime {
        from: now.saturating_sub(age.min(LONGEST) * 1000),
        fresh: fresh.min(LONGEST) * 1000,
        while_revalidate: if strict { 0 } else { seconds("stale-while-revalidate") },
        if_error: if strict { 0 } else { seconds("stale-if-error") },
        always_revalidate,
    })
}

/// Seconds from `Date` to `Expires`; one that is no date has passed (RFC 9111 §5.3).
fn expires(headers: &HeaderMap, now: u64) -> Option<u64> {
    let expires = headers.get(EXPIRES)?;
    let until = date(expires).unwrap_or(0);
    let from = headers.get(DATE).and_then(date).unwrap_or(now / 1000);
    Some(until.saturating_sub(from))
}

/// An HTTP date in seconds since the Unix epoch.
pub(crate) fn date(value: &http::HeaderValue) -> Option<u64> {
    let time = httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()?;
    Some(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs())
}

/// Without instructions: https://developers.cloudflare.com/cache/how-to/configure-cache-status-code/#edge-ttl
fn by_default(status: u16) -> Option<u64> {
    match status {
        200 | 301 => Some(120 * 60),
        302 | 303 => Some(20 * 60),
        404 | 410 => Some(3 * 60),
        _ => None,
    }
}

/// Whether a path is one of a static file, which Cloudflare caches unasked:
/// https://developers.cloudflare.com/cache/concepts/default-cache-behavior/#default-cached-file-extensions
pub fn has_static_extension(path: &str) -> bool {
    const EXTENSIONS: &str = " 7z avi avif apk bin bmp bz2 class css csv dmg doc docx eot eps exe ejs flac gif gz ico iso jar \
        jpg jpeg js mid midi mkv mp3 mp4 ogg otf pdf pict pls png ppt pptx ps rar svg svgz swf tar tif tiff ttf webm webp \
        woff woff2 xls xlsx zip zst ";
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some((_, extension)) = name.rsplit_once('.') else { return false };
    let extension = extension.to_ascii_lowercase();
    EXTENSIONS.split_ascii_whitespace().any(|known| known == extension)
}

/// A list header's lines as one.
pub(crate) fn combined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<_> = headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

// === impl Lifetime ===

impl Lifetime {
    pub fn is_fresh(&self, now: u64) -> bool {
        !self.always_revalidate && self.age(now) < self.fresh
    }

    /// Stale, and may be used while it is revalidated.
    pub fn may_wait(&self, now: u64) -> bool {
        !self.always_revalidate && self.age(now) < self.fresh.saturating_add(self.while_revalidate)
    }

    /// May be used when the origin fails.
    pub fn may_replace_error(&self, now: u64) -> bool {
        self.age(now) < self.fresh.saturating_add(self.if_error)
    }

    pub fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.from)
    }
}

// === impl Forced ===

impl Forced {
    fn ttl(&self, status: u16) -> Option<i64> {
        let matching = self.by_status.iter().find(|(first, last, _)| (*first..=*last).contains(&status));
        matching.map(|(_, _, ttl)| *ttl).or(self.ttl)
    }
}

/// The directives of a Cache-Control header, names in lower case.
#[derive(Debug, Default)]
struct Directives(Vec<(String, Option<String>)>);

// === impl Directives ===

impl Directives {
    fn parse(text: &str) -> Self {
        let mut list = Vec::new();
        let mut quoted = false;
        // A comma inside quotes belongs to the value.
        for part in text.split(|c| {
            quoted ^= c == '"';
            c == ',' && !quoted
        }) {
            // Cloudflare's own example of `private=Set-Cookie` is also met with semicolons after it.
            let part = part.trim().trim_end_matches(';');
            if part.is_empty() {
                continue;
            }
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value.trim().trim_matches('"').to_owned())),
                None => (part, None),
            };
            list.push((name.trim().to_ascii_lowercase(), value));
        }
        Self(list)
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    fn is_bare(&self, name: &str) -> bool {
        self.0.iter().any(|(known, value)| known == name && value.is_none())
    }

    /// A number of seconds; what is none counts as 0, so that the response is stale (RFC 9111 §4.2.1).
    fn seconds(&self, name: &str) -> Option<u64> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        let value = value.as_deref().unwrap_or_default();
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        Some(if digits { value.parse().unwrap_or(LONGEST).min(LONGEST) } else { 0 })
    }

    /// The header names that `private="…"` or `no-cache="…"` lists.
    fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.0.iter().filter(move |(known, _)| known == name).filter_map(|(_, value)| value.as_deref());
        values.flat_map(|value| value.split(',')).map(str::trim).filter(|field| !field.is_empty())
    }
}

#[cfg(test)]
mod tests;
