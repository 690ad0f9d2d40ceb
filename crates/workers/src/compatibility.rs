//! Behaviours that a Worker chooses by its compatibility date and flags:
//! <https://developers.cloudflare.com/workers/configuration/compatibility-flags/>

mod flags;

use std::sync::LazyLock;

use isolate::{Args, Op, v8};

pub use flags::FLAGS;

pub(crate) const OPS: &[Op] = &[isolate::op!(op_compatibility_flags)];

/// A flag of the platform's.
#[derive(Debug, PartialEq, Eq)]
pub struct Flag {
    /// Turns it on.
    pub name: &'static str,
    /// Turns it off; empty where nothing does.
    pub off: &'static str,
    /// From this date on it is on, unless it is turned off; empty where no date does.
    pub since: &'static str,
    pub does: Does,
}

/// What a flag does here.
#[derive(Debug, PartialEq, Eq)]
pub enum Does {
    This(&'static str),
    /// Nothing here follows it, whatever is named: why.
    Nothing(&'static str),
}

const WORDS: usize = FLAGS.len().div_ceil(64);

/// Which of [`FLAGS`] are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compatibility([u64; WORDS]);

// === impl Compatibility ===

impl Compatibility {
    /// `date`: as `YYYY-MM-DD`. A flag that is named counts for more than the date.
    pub fn new(date: &str, named: &[String]) -> Self {
        let is_named = |name: &str| named.iter().any(|flag| flag == name);
        let (mut on, mut decided) = (Self([0; WORDS]), Self([0; WORDS]));
        for (index, flag) in FLAGS.iter().enumerate() {
            let (enabled, disabled) = (is_named(flag.name), !flag.off.is_empty() && is_named(flag.off));
            on.set(index, enabled || (!disabled && is_reached(flag.since, date)));
            decided.set(index, enabled || disabled);
        }
        for (flag, with, since) in flags::IMPLIED {
            let (Some(index), true) = (position(flag), on.is_on(with)) else { continue };
            if date >= *since && !decided.get(index) {
                on.set(index, true);
            }
        }
        on
    }

    /// With the newest date.
    pub fn newest() -> Self {
        static NEWEST: LazyLock<Compatibility> = LazyLock::new(|| Compatibility::new("9999-12-31", &[]));
        *NEWEST
    }

    /// Those of the names that are no flags.
    pub fn unknown(named: &[String]) -> impl Iterator<Item = &str> {
        named
            .iter()
            .map(String::as_str)
            .filter(|name| !FLAGS.iter().any(|flag| flag.name == *name || flag.off == *name))
    }

    /// Whether the flag of this name is on.
    pub fn is_on(&self, name: &str) -> bool {
        position(name).is_some_and(|index| self.get(index))
    }

    /// Whether Node.js' modules are there.
    pub fn has_nodejs(&self) -> bool {
        self.is_on("nodejs_compat") || self.is_on("nodejs_compat_v2")
    }

    /// Each flag, and whether it is on.
    pub fn flags(&self) -> impl Iterator<Item = (&'static Flag, bool)> {
        FLAGS.iter().enumerate().map(|(index, flag)| (flag, self.get(index)))
    }

    /// The flags that are followed here and are not as with the newest date.
    pub(crate) fn deviations(&self) -> impl Iterator<Item = &'static str> {
        let newest = Self::newest();
        let all = self.flags().enumerate();
        all.filter(move |(index, (flag, on))| matches!(flag.does, Does::This(_)) && *on != newest.get(*index))
            .map(|(_, (flag, _))| flag.name)
    }

    fn get(&self, index: usize) -> bool {
        self.0[index / 64] >> (index % 64) & 1 != 0
    }

    fn set(&mut self, index: usize, on: bool) {
        let bit = 1 << (index % 64);
        match on {
            true => self.0[index / 64] |= bit,
            false => self.0[index / 64] &= !bit,
        }
    }
}

/// `op_compatibility_flags()` → `[name, on, name, on, …]`
fn op_compatibility_flags(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    let Some(on) = isolate::embedder::<Compatibility>(scope).copied() else { return };
    let mut told: Vec<v8::Local<v8::Value>> = Vec::with_capacity(FLAGS.len() * 2);
    for (flag, is_on) in on.flags() {
        told.push(isolate::new_string(scope, flag.name).into());
        told.push(v8::Boolean::new(scope, is_on).into());
    }
    rv.set(v8::Array::new_with_elements(scope, &told).into());
}

fn position(name: &str) -> Option<usize> {
    FLAGS.iter().position(|flag| flag.name == name)
}

fn is_reached(since: &str, date: &str) -> bool {
    !since.is_empty() && date >= since
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(date: &str, flags: &[&str]) -> Compatibility {
        Compatibility::new(date, &flags.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn the_date_decides_unless_a_flag_does() {
        assert!(!of("2023-08-14", &[]).is_on("web_socket_compression"));
        assert!(of("2023-08-15", &[]).is_on("web_socket_compression"));
        assert!(!of("2026-05-01", &["no_web_socket_compression"]).is_on("web_socket_compression"));
        assert!(of("2025-01-01", &["web_socket_auto_reply_to_close"]).is_on("web_socket_auto_reply_to_close"));
        assert!(!of("2026-05-01", &["web_socket_manual_reply_to_close"]).is_on("web_socket_auto_reply_to_close"));
        assert!(!of("2026-05-01", &[]).is_on("no such flag"));
    }

    #[test]
    fn nodes_flags_bring_each_other() {
        assert!(!of("2026-05-01", &[]).is_on("nodejs_als"));
        let alone = of("2026-05-01", &["nodejs_als"]);
        assert!(alone.is_on("nodejs_als") && !alone.is_on("nodejs_compat"));
        let old = of("2024-09-22", &["nodejs_compat"]);
        assert!(!old.is_on("nodejs_als") && old.is_on("nodejs_compat") && !old.is_on("nodejs_compat_v2"));
        assert!(of("2024-09-23", &["nodejs_compat"]).is_on("nodejs_compat_v2"));
        assert!(!of("2024-09-23", &["nodejs_compat", "no_nodejs_compat_v2"]).is_on("nodejs_compat_v2"));
        let second = of("2026-01-01", &["nodejs_compat_v2"]);
        assert!(second.has_nodejs() && !second.is_on("nodejs_compat") && !second.is_on("enable_nodejs_http_modules"));
        assert!(second.is_on("nodejs_zlib") && !of("2024-09-22", &["nodejs_compat_v2"]).is_on("nodejs_zlib"));
        assert!(!of("2025-03-31", &["nodejs_compat"]).is_on("nodejs_compat_populate_process_env"));
        assert!(of("2025-04-01", &["nodejs_compat"]).is_on("nodejs_compat_populate_process_env"));
        assert!(!of("2026-08-03", &[]).is_on("nodejs_compat"));
        assert!(of("2026-08-04", &[]).is_on("nodejs_compat_v2"));
        let without = of("2026-08-04", &["no_nodejs_compat", "no_nodejs_compat_v2"]);
        assert!(!without.has_nodejs() && !without.is_on("enable_nodejs_os_module"));
        assert!(of("2026-11-17", &["no_nodejs_compat_v2"]).is_on("nodejs_zlib"));
    }

    #[test]
    fn every_flag_is_there_once() {
        let mut names: Vec<&str> =
            FLAGS.iter().flat_map(|flag| [flag.name, flag.off]).filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        for (flag, with, _) in flags::IMPLIED {
            assert!(position(flag).is_some() && position(with).is_some(), "{flag} with {with}");
        }
        assert_eq!(Compatibility::newest().deviations().count(), 0);
    }

    /// docs/compatibility.md has a table of what is followed here, made of the one above: UPDATE=1 writes it.
    #[test]
    fn the_page_lists_each() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compatibility.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (begin, end) = ("<!-- flags: begin -->\n", "<!-- flags: end -->");
        let (before, rest) = page.split_once(begin).unwrap();
        let (old, after) = rest.split_once(end).unwrap();
        let mut made = String::from("| flag | on from | what it does | to turn it off |\n|---|---|---|---|\n");
        for flag in FLAGS {
            let Does::This(does) = flag.does else { continue };
            let since = [flag.since].into_iter().filter(|since| !since.is_empty()).map(str::to_owned);
            let with =
                flags::IMPLIED.iter().filter(|(name, ..)| *name == flag.name).map(|(_, with, since)| match *since {
                    "" => format!("with `{with}`"),
                    since => format!("with `{with}` {since}"),
                });
            let since: Vec<String> = since.chain(with).collect();
            let off = if flag.off.is_empty() { String::new() } else { format!("`{}`", flag.off) };
            made.push_str(&format!("| `{}` | {} | {does} | {off} |\n", flag.name, since.join(", ")));
        }
        made.push_str(
            "\nNothing here follows these. Those with a date first, in its order.\n\n| why | flags |\n|---|---|\n",
        );
        let mut reasons: Vec<(&str, Vec<&Flag>)> = Vec::new();
        for flag in FLAGS {
            let Does::Nothing(why) = flag.does else { continue };
            match reasons.iter_mut().find(|(reason, _)| *reason == why) {
                Some((_, flags)) => flags.push(flag),
                None => reasons.push((why, vec![flag])),
            }
        }
        for (why, flags) in reasons {
            let names: Vec<String> = flags.iter().map(|flag| format!("`{}`", flag.name)).collect();
            made.push_str(&format!("| {why} | {} |\n", names.join(", ")));
        }
        if old != made && std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, format!("{before}{begin}{made}{end}{after}")).unwrap();
        } else {
            assert_eq!(old, made, "run this test with UPDATE=1");
        }
    }
}
