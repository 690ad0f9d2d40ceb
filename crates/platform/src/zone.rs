//! Zones: the domains that routes and custom domains may be in, each of one account. They stand in the server's configuration.

use std::sync::Arc;

use crate::Origin;

#[derive(Clone, Debug)]
pub struct Zone {
    /// 32 hexadecimal digits, always the same for a name.
    pub id: String,
    /// `example.com`
    pub name: String,
    /// The id of the account that it belongs to.
    pub account: String,
    /// Answers what no Worker does.
    pub origin: Option<Arc<Origin>>,
}

// === impl Zone ===

impl Zone {
    pub fn new(name: &str, account: &str) -> Self {
        let name = name.to_ascii_lowercase();
        Self { id: registry::domain_hex_id(&name), name, account: account.to_owned(), origin: None }
    }

    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin: Some(Arc::new(origin)), ..self }
    }

    /// Whether a host is the zone's name or below it.
    pub fn has(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        host.strip_suffix(&self.name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_its_own_hosts() {
        let zone = Zone::new("Example.com", "a");
        assert_eq!(zone.id.len(), 32);
        assert_eq!(zone.id, Zone::new("example.com", "b").id);
        assert_ne!(zone.id, Zone::new("example.org", "a").id);
        for (host, expected) in
            [("example.com", true), ("www.EXAMPLE.com", true), ("badexample.com", false), ("example.com.evil", false)]
        {
            assert_eq!(zone.has(host), expected, "{host}");
        }
    }
}
