//! Behaviours that a Worker chooses by its compatibility date and flags:
//! <https://developers.cloudflare.com/workers/configuration/compatibility-flags/>

/// Which of them are on, by the names of the flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compatibility {
    /// WebSockets compress their messages where the other side can.
    pub web_socket_compression: bool,
    /// A WebSocket's binary messages are Blobs at first.
    pub websocket_standard_binary_type: bool,
    /// A WebSocket's Close is answered before the Worker learns of it.
    pub web_socket_auto_reply_to_close: bool,
    /// `node:async_hooks` is there.
    pub nodejs_als: bool,
    /// Node's modules are there.
    pub nodejs_compat: bool,
    /// Their names need no prefix, and Node's globals are there.
    pub nodejs_compat_v2: bool,
    /// `process.env` has the Worker's text bindings.
    pub nodejs_compat_populate_process_env: bool,
}

// === impl Compatibility ===

impl Compatibility {
    /// `date`: as `YYYY-MM-DD`. A flag that is named counts for more than the date.
    pub fn new(date: &str, flags: &[String]) -> Self {
        let named = |name: &str| flags.iter().any(|flag| flag == name);
        let on = |enable: &str, disable: &str, since: &str| named(enable) || (date >= since && !named(disable));
        let nodejs_compat_v2 = named("nodejs_compat_v2")
            || (named("nodejs_compat") && date >= "2024-09-23" && !named("no_nodejs_compat_v2"));
        let nodejs_compat = named("nodejs_compat") || nodejs_compat_v2;
        Self {
            nodejs_als: named("nodejs_als") || nodejs_compat,
            nodejs_compat,
            nodejs_compat_v2,
            nodejs_compat_populate_process_env: named("nodejs_compat_populate_process_env")
                || (nodejs_compat && date >= "2025-04-01" && !named("nodejs_compat_do_not_populate_process_env")),
            web_socket_compression: on("web_socket_compression", "no_web_socket_compression", "2023-08-15"),
            websocket_standard_binary_type: on(
                "websocket_standard_binary_type",
                "no_websocket_standard_binary_type",
                "2026-03-17",
            ),
            web_socket_auto_reply_to_close: on(
                "web_socket_auto_reply_to_close",
                "web_socket_manual_reply_to_close",
                "2026-04-07",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_decides_unless_a_flag_does() {
        let of = |date: &str, flags: &[&str]| {
            Compatibility::new(date, &flags.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert!(!of("2023-08-14", &[]).web_socket_compression);
        assert!(of("2023-08-15", &[]).web_socket_compression);
        assert!(!of("2026-05-01", &["no_web_socket_compression"]).web_socket_compression);
        assert!(!of("2026-03-16", &[]).websocket_standard_binary_type);
        assert!(of("2026-03-17", &[]).websocket_standard_binary_type);
        assert!(!of("2026-05-01", &["no_websocket_standard_binary_type"]).websocket_standard_binary_type);
        assert!(of("2025-01-01", &["web_socket_auto_reply_to_close"]).web_socket_auto_reply_to_close);
        assert!(!of("2026-05-01", &[]).nodejs_als);
        assert!(of("2022-01-01", &["nodejs_als"]).nodejs_als && !of("2026-05-01", &["nodejs_als"]).nodejs_compat);
        let old = of("2024-09-22", &["nodejs_compat"]);
        assert!(old.nodejs_als && old.nodejs_compat && !old.nodejs_compat_v2);
        assert!(of("2024-09-23", &["nodejs_compat"]).nodejs_compat_v2);
        assert!(!of("2025-03-31", &["nodejs_compat"]).nodejs_compat_populate_process_env);
        assert!(of("2025-04-01", &["nodejs_compat"]).nodejs_compat_populate_process_env);
        assert!(!of("2026-05-01", &["web_socket_manual_reply_to_close"]).web_socket_auto_reply_to_close);
    }
}
