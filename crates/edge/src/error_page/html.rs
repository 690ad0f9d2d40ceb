//! The pages' HTML: one style for both, no assets, every value escaped.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::SystemTime;

use super::EdgeError;
use crate::Ray;

pub(super) const STYLE: &str = include_str!("style.css");

/// A value as HTML text or attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A whole document. `body` is HTML already; `title` is not.
pub(super) fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex, nofollow\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title)
    )
}

/// The page for a platform error.
pub(super) fn platform(error: EdgeError, ray: &Ray, client: &IpAddr, now: SystemTime) -> String {
    let number = error.code().unwrap_or(error.status().as_u16());
    let mut body = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        body,
        "<main class=\"platform\">\n<header>\n<h1><span class=\"label\">Error</span> {number}</h1>\n\
         <p class=\"ray\">Ray ID: <code>{ray}</code> &bull; <time>{time}</time></p>\n<p class=\"title\">{title}</p>\n</header>\n\
         <section>\n<h2>What happened?</h2>\n<p>{happened}</p>\n</section>\n\
         <section>\n<h2>What can I do?</h2>\n<p>{todo}</p>\n</section>\n\
         <footer>Ray ID: <strong>{ray}</strong> <span>&bull;</span> Your IP: {client}</footer>\n</main>\n",
        ray = escape(&ray.id()),
        time = utc(now),
        title = escape(&error.to_string()),
        happened = escape(error.what_happened()),
        todo = escape(error.what_to_do()),
    );
    document(&format!("{error} | Error {number}"), &body)
}

/// `2026-11-23 15:04:05 UTC`
pub(super) fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Civil date from days since the epoch, in eras of 400 years that begin on 1 March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}
