//! Tokens of an upload of static assets: a JSON Web Token (RFC 7519) that this server signed and that says what it is good for:
//! one manifest, of one Worker, for an hour. One kind lets its bearer upload the manifest's files, the other proves that all of
//! them are here.

use registry::{Stamp, Vault};
use serde::{Deserialize, Serialize};

/// As long as the platform's.
const LIFETIME: i64 = 60 * 60;
const PURPOSE: &str = "asset sessions";
/// The only header that is taken: what another one says of the algorithm is not looked at.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) kind: Kind,
    pub(crate) account: String,
    /// The Worker's name: it may not be there yet.
    pub(crate) script: String,
    pub(crate) manifest: assets::ManifestId,
    /// The id of the API token that began the upload.
    pub(crate) token: String,
    /// Seconds since the Unix epoch.
    exp: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Upload,
    Complete,
}

// === impl Claims ===

impl Claims {
    pub(crate) fn new(kind: Kind, account: &str, script: &str, manifest: assets::ManifestId, token: &str) -> Self {
        let exp = Stamp::now().0 / 1000 + LIFETIME;
        Self { kind, account: account.into(), script: script.into(), manifest, token: token.into(), exp }
    }

    /// The same for the end of the upload, good for another hour.
    pub(crate) fn completed(self) -> Self {
        Self::new(Kind::Complete, &self.account, &self.script, self.manifest, &self.token)
    }

    pub(crate) fn sign(&self, vault: &Vault) -> Result<String, serde_json::Error> {
        let base64 = base64_simd::URL_SAFE_NO_PAD;
        let claims = base64.encode_to_string(serde_json::to_vec(self)?);
        let signed = format!("{}.{claims}", base64.encode_to_string(HEADER));
        let signature = base64.encode_to_string(vault.sign(PURPOSE, signed.as_bytes()));
        Ok(format!("{signed}.{signature}"))
    }

    /// What a token says, where this server signed it and it holds still.
    pub(crate) fn verify(vault: &Vault, token: &str) -> Option<Self> {
        let base64 = base64_simd::URL_SAFE_NO_PAD;
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let signature = base64.decode_to_vec(signature).ok()?;
        if header != base64.encode_to_string(HEADER) || !vault.verify(PURPOSE, signed.as_bytes(), &signature) {
            return None;
        }
        let claims: Self = serde_json::from_slice(&base64.decode_to_vec(claims).ok()?).ok()?;
        (claims.exp > Stamp::now().0 / 1000).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use registry::Registry;

    use super::*;

    #[test]
    fn a_token_is_only_what_was_signed() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(folder.path()).unwrap();
        let vault = registry.vault();
        let manifest = || assets::ManifestId::try_from("0".repeat(64)).unwrap();
        let claims = Claims::new(Kind::Upload, "a", "w", manifest(), "t");
        let token = claims.sign(vault).unwrap();
        assert_eq!(Claims::verify(vault, &token), Some(claims.clone()));
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(bytes).unwrap();
            // The last digit has bits that mean nothing.
            assert!(Claims::verify(vault, &other).is_none() || at == token.len() - 1, "{at}");
        }
        let none = token.replacen(&token[..token.find('.').unwrap()], "eyJhbGciOiJub25lIn0", 1);
        let unsigned = &none[..=none.rfind('.').unwrap()];
        for other in ["", ".", "..", "a.b.c", unsigned, &none, "sk.é.x"] {
            assert_eq!(Claims::verify(vault, other), None, "{other}");
        }
        let late = Claims { exp: Stamp::now().0 / 1000, ..claims };
        assert_eq!(Claims::verify(vault, &late.sign(vault).unwrap()), None);
        // Another server's key.
        let elsewhere = tempfile::tempdir().unwrap();
        assert_eq!(Claims::verify(Registry::open(elsewhere.path()).unwrap().vault(), &token), None);
    }
}
