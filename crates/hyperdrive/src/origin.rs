//! Where a database is, and as whom one connects to it.

use url::Url;

use crate::limits::MAX_NAME;

/// PostgreSQL's own.
const DEFAULT_PORT: u16 = 5432;

const MAX_PASSWORD: usize = 1000;
const MAX_HOST: usize = 255;

#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    /// A name or an address; one of IPv6 without brackets.
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub password: String,
    pub secure: Secure,
}

/// When a connection is made over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secure {
    /// Wherever the server has it. Without it, only at an address that is none of the public internet's.
    Prefer,
    Require,
    Disable,
}

/// What is wrong with an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadOrigin(pub String);

// === impl Origin ===

impl Origin {
    /// `postgres://user:password@host:port/database?sslmode=…`
    pub fn parse(connection_string: &str) -> Result<Self, BadOrigin> {
        let bad = |message: &str| BadOrigin(message.to_owned());
        let url = Url::parse(connection_string).map_err(|error| BadOrigin(format!("it is no URL: {error}")))?;
        check_scheme(url.scheme())?;
        let decoded = |text: &str, what: &str| {
            let bytes = url::form_urlencoded::parse(format!("v={}", text.replace('+', "%2B")).as_bytes())
                .next()
                .map(|(_, value)| value.into_owned());
            bytes.filter(|value| !value.is_empty()).ok_or_else(|| BadOrigin(format!("it names no {what}")))
        };
        let secure = match url.query_pairs().find(|(name, _)| name == "sslmode").map(|(_, mode)| mode.into_owned()) {
            None => Secure::Prefer,
            Some(mode) => Secure::of(&mode)?,
        };
        let host = url.host_str().ok_or_else(|| bad("it names no host"))?;
        let origin = Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(DEFAULT_PORT),
            database: decoded(url.path().trim_start_matches('/'), "database")?,
            user: decoded(url.username(), "user")?,
            password: url.password().map_or(Ok(String::new()), |password| decoded(password, "password"))?,
            secure,
        };
        origin.check()?;
        Ok(origin)
    }

    /// Whether its parts can be what they are.
    pub fn check(&self) -> Result<(), BadOrigin> {
        let parts = [
            ("host", &self.host, MAX_HOST),
            ("database", &self.database, MAX_NAME),
            ("user", &self.user, MAX_NAME),
            ("password", &self.password, MAX_PASSWORD),
        ];
        for (name, value, most) in parts {
            if value.len() > most || value.contains('\0') || (value.is_empty() && name != "password") {
                return Err(BadOrigin(format!("its {name} must have 1 to {most} bytes, none of them zero")));
            }
        }
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
        match self.host.bytes().all(legal) && self.port != 0 {
            true => Ok(()),
            false => Err(BadOrigin(format!("{}:{} is no host and port", self.host, self.port))),
        }
    }
}

/// The schemes of URLs that lead to PostgreSQL.
pub(crate) fn check_scheme(scheme: &str) -> Result<(), BadOrigin> {
    match scheme {
        "postgres" | "postgresql" => Ok(()),
        "mysql" => Err(BadOrigin("it is of MySQL, and Skerry's Hyperdrive speaks PostgreSQL alone".into())),
        other => Err(BadOrigin(format!("its scheme is {other:?}, and should be postgres or postgresql"))),
    }
}

/// A password is not shown.
impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Origin").field(&self.host).field(&self.port).field(&self.database).finish()
    }
}

// === impl Secure ===

impl Secure {
    /// As `sslmode` calls it. Certificates are not checked, so what asks for that is refused.
    pub fn of(sslmode: &str) -> Result<Self, BadOrigin> {
        match sslmode {
            "disable" => Ok(Self::Disable),
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" | "verify-full" => Err(BadOrigin(format!(
                "sslmode {sslmode} needs a CA certificate of the account, of which this version of Skerry has none"
            ))),
            other => Err(BadOrigin(format!("there is no sslmode {other:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_are_taken_apart() {
        let origin = Origin::parse("postgres://a%40b:p%2Fw+d@db.example.com/shop?sslmode=require").unwrap();
        let expected = Origin {
            host: "db.example.com".into(),
            port: 5432,
            database: "shop".into(),
            user: "a@b".into(),
            password: "p/w+d".into(),
            secure: Secure::Require,
        };
        assert!(origin == expected, "{origin:?} {}", origin.password);
        let origin = Origin::parse("postgresql://u:p@[::1]:6000/d?sslmode=disable").unwrap();
        assert_eq!((origin.host.as_str(), origin.port, origin.secure), ("::1", 6000, Secure::Disable));
        assert!(!format!("{origin:?}").contains("\"p\""));
    }

    #[test]
    fn what_is_no_origin_is_refused_with_its_reason() {
        let long = format!("postgres://{}:p@h/d", "u".repeat(64));
        for (string, reason) in [
            ("nonsense", "no URL"),
            ("mysql://u:p@h/d", "PostgreSQL alone"),
            ("https://u:p@h/d", "scheme"),
            ("postgres://u:p@h", "no database"),
            ("postgres://h/d", "no user"),
            ("postgres://u:p@h/d?sslmode=verify-full", "CA certificate"),
            ("postgres://u:p@h/d?sslmode=nonsense", "no sslmode"),
            ("postgres://u:p@h%20h/d", ""),
            ("postgres://u:p@h/d%00", "zero"),
            (&long, "63 bytes"),
        ] {
            let error = Origin::parse(string).expect_err(string).to_string();
            assert!(error.contains(reason), "{string}: {error}");
        }
    }
}
