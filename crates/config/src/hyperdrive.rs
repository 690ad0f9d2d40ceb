//! Which database a Hyperdrive binding has in development: the one that the environment names, else the configuration's.

use crate::schema::bindings::Hyperdrive;

const VARIABLE: &str = "CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_";
/// As wrangler called it before.
const OLDER: &str = "WRANGLER_HYPERDRIVE_LOCAL_CONNECTION_STRING_";

// === impl Hyperdrive ===

impl Hyperdrive {
    /// The connection string; the error says how one is named.
    pub fn local(&self) -> Result<String, String> {
        self.local_of(|name| std::env::var(name).ok())
    }

    fn local_of(&self, variable: impl Fn(&str) -> Option<String>) -> Result<String, String> {
        let binding = &self.binding;
        let named = [VARIABLE, OLDER]
            .iter()
            .find_map(|prefix| variable(&format!("{prefix}{binding}")).filter(|value| !value.is_empty()));
        named.or_else(|| self.local_connection_string.clone()).ok_or_else(|| {
            format!(
                "the Hyperdrive binding `{binding}` has no database to develop with: set the variable {VARIABLE}{binding}, or \
                 `localConnectionString` beside its id, to a PostgreSQL connection string"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_first() {
        let mut binding =
            Hyperdrive { binding: "DB".into(), id: "i".into(), local_connection_string: None, remote: None };
        let none = |_: &str| None;
        let older = |name: &str| (name == format!("{OLDER}DB")).then(|| "older".to_owned());
        let both = |name: &str| (name == format!("{VARIABLE}DB")).then(|| "newer".to_owned()).or_else(|| older(name));
        let empty = |_: &str| Some(String::new());
        let error = binding.local_of(none).unwrap_err();
        assert!(error.contains("`DB`") && error.contains(&format!("{VARIABLE}DB")), "{error}");
        assert_eq!(binding.local_of(older), Ok("older".into()));
        assert_eq!(binding.local_of(both), Ok("newer".into()));
        binding.local_connection_string = Some("configured".into());
        assert_eq!(binding.local_of(none), Ok("configured".into()));
        assert_eq!(binding.local_of(empty), Ok("configured".into()));
        assert_eq!(binding.local_of(both), Ok("newer".into()));
    }
}
