//! A bucket's rules for requests that browsers send from other origins, as they are kept: what may be set, and in which form.
//! <https://developers.cloudflare.com/r2/buckets/cors/>

use serde::{Deserialize, Serialize};

/// As S3 has it.
const RULES: usize = 100;
/// Bytes of all rules.
const SIZE: usize = 64 * 1024;
const METHODS: &[&str] = &["GET", "PUT", "POST", "DELETE", "HEAD"];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsRule {
    pub id: Option<String>,
    /// `*` stands for anything, once; in `headers` too.
    pub origins: Vec<String>,
    pub methods: Vec<String>,
    pub headers: Vec<String>,
    pub expose: Vec<String>,
    /// Seconds.
    pub max_age: Option<i32>,
}

/// Why rules can't be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorsError {
    #[error("The CORS configuration has no rules, or too many.")]
    Count,
    #[error("A CORS rule has no origin, or no method.")]
    Empty,
    #[error("Found unsupported HTTP method in CORS config. Unsupported method is {0}")]
    Method(String),
    #[error("\"{0}\" can not have more than one wildcard.")]
    Wildcards(String),
    #[error("ExposeHeader \"{0}\" is not a header's name.")]
    Expose(String),
    #[error("The CORS configuration is too large.")]
    Size,
}

/// The rules' text as a bucket keeps it, once they are right.
pub fn write(rules: &[CorsRule]) -> Result<String, CorsError> {
    if rules.is_empty() || rules.len() > RULES {
        return Err(CorsError::Count);
    }
    rules.iter().try_for_each(check)?;
    let text = serde_json::to_string(rules).map_err(|_| CorsError::Size)?;
    if text.len() > SIZE { Err(CorsError::Size) } else { Ok(text) }
}

/// The rules in what a bucket keeps.
pub fn read(text: &str) -> Result<Vec<CorsRule>, serde_json::Error> {
    serde_json::from_str(text)
}

fn check(rule: &CorsRule) -> Result<(), CorsError> {
    let CorsRule { origins, methods, headers, expose, .. } = rule;
    if origins.is_empty() || methods.is_empty() {
        return Err(CorsError::Empty);
    }
    if let Some(method) = methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
        return Err(CorsError::Method(method.clone()));
    }
    if let Some(text) = origins.iter().chain(headers).find(|text| text.matches('*').count() > 1) {
        return Err(CorsError::Wildcards(text.clone()));
    }
    match expose.iter().find(|name| !is_field_name(name)) {
        Some(name) => Err(CorsError::Expose(name.clone())),
        None => Ok(()),
    }
}

/// RFC 9110 section 5.6.2, `token`.
fn is_field_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> CorsRule {
        CorsRule { origins: vec!["https://*.example".into()], methods: vec!["GET".into()], ..CorsRule::default() }
    }

    #[test]
    fn rules_are_checked_and_read_as_they_were_written() {
        let rules = [CorsRule { expose: vec!["ETag".into()], max_age: Some(5), ..rule() }];
        assert_eq!(read(&write(&rules).unwrap()).unwrap(), rules);
        let cases = [
            (vec![], CorsError::Count),
            (vec![rule(); 101], CorsError::Count),
            (vec![CorsRule { origins: vec![], ..rule() }], CorsError::Empty),
            (vec![CorsRule { methods: vec!["PATCH".into()], ..rule() }], CorsError::Method("PATCH".into())),
            (vec![CorsRule { headers: vec!["a*b*".into()], ..rule() }], CorsError::Wildcards("a*b*".into())),
            (vec![CorsRule { expose: vec!["a b".into()], ..rule() }], CorsError::Expose("a b".into())),
            (vec![CorsRule { id: Some("x".repeat(65536)), ..rule() }], CorsError::Size),
        ];
        for (rules, expected) in cases {
            assert_eq!(write(&rules), Err(expected));
        }
    }
}
