//! Why something can't be done, and the exception that Node throws for it.

use isolate::{JsError, v8};
use openssl::error::{Error, ErrorStack};

pub(super) enum Failure {
    /// An error of Node's own.
    Coded {
        code: &'static str,
        error: JsError,
    },
    Plain(JsError),
    /// What OpenSSL said, oldest first; `otherwise` is the message where it said nothing.
    OpenSsl {
        stack: ErrorStack,
        otherwise: &'static str,
    },
    /// What OpenSSL would say, in the words of its `ERR_error_string`: number, library and reason.
    Said {
        number: u32,
        library: &'static str,
        reason: &'static str,
        code: &'static str,
    },
    /// Nothing to throw: execution is being terminated, as time or memory are used up, or an exception is pending.
    Stopped,
}

pub(super) type Result<T> = std::result::Result<T, Failure>;

// === impl Failure ===

impl Failure {
    pub(super) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::Coded { code, error: JsError::error(message) }
    }

    pub(super) fn type_error(code: &'static str, message: impl Into<String>) -> Self {
        Self::Coded { code, error: JsError::type_error(message) }
    }

    pub(super) fn range_error(code: &'static str, message: impl Into<String>) -> Self {
        Self::Coded { code, error: JsError::range_error(message) }
    }

    pub(super) fn operation(message: impl Into<String>) -> Self {
        Self::error("ERR_CRYPTO_OPERATION_FAILED", message)
    }

    pub(super) fn digest(name: &str) -> Self {
        Self::type_error("ERR_CRYPTO_INVALID_DIGEST", format!("Invalid digest: {name}"))
    }

    /// What OpenSSL says now, or `otherwise`.
    pub(super) fn or(otherwise: &'static str) -> impl FnOnce(ErrorStack) -> Self {
        move |stack| Self::OpenSsl { stack, otherwise }
    }

    pub(super) fn throw(self, scope: &mut v8::PinScope) {
        match self {
            Self::Coded { code, error } => crate::error::throw(scope, code, error),
            Self::Plain(error) => isolate::throw(scope, error),
            Self::OpenSsl { stack, otherwise } => throw_stack(scope, &stack, otherwise),
            Self::Said { number, library, reason, code } => {
                let message = isolate::new_string(scope, &format!("error:{number:08X}:{library}::{reason}"));
                let exception = v8::Exception::error(scope, message);
                decorate(scope, exception, [("library", library), ("reason", reason), ("code", code)]);
                scope.throw_exception(exception);
            }
            Self::Stopped => {}
        }
    }
}

impl From<ErrorStack> for Failure {
    fn from(stack: ErrorStack) -> Self {
        Self::OpenSsl { stack, otherwise: "error:00000000:lib(0)::reason(0)" }
    }
}

fn decorate<'a>(
    scope: &mut v8::PinScope,
    exception: v8::Local<v8::Value>,
    properties: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    let Ok(object) = exception.try_cast::<v8::Object>() else { return };
    for (name, text) in properties {
        let name = isolate::new_string(scope, name).into();
        let text = isolate::new_string(scope, text).into();
        object.set(scope, name, text);
    }
}

/// As Node's `ThrowCryptoError`: the oldest error is the message, the others are listed, newest first.
fn throw_stack(scope: &mut v8::PinScope, stack: &ErrorStack, otherwise: &str) {
    let Some((first, rest)) = stack.errors().split_first() else {
        return isolate::throw(scope, JsError::error(otherwise));
    };
    let message = isolate::new_string(scope, &long_message(first));
    let exception = v8::Exception::error(scope, message);
    if let Ok(object) = exception.try_cast::<v8::Object>()
        && !rest.is_empty()
    {
        let rest: Vec<_> =
            rest.iter().rev().map(|error| isolate::new_string(scope, &long_message(error)).into()).collect();
        let rest = v8::Array::new_with_elements(scope, &rest);
        let name = isolate::new_string(scope, "opensslErrorStack").into();
        object.set(scope, name, rest.into());
    }
    if let Some(library) = first.library() {
        decorate(scope, exception, [("library", library)]);
    }
    if let Some(reason) = first.reason() {
        decorate(scope, exception, [("reason", reason), ("code", &code(first, reason))]);
    }
    scope.throw_exception(exception);
}

/// `ERR_OSSL_EVP_BAD_DECRYPT`: some libraries have a name in it, those of the providers have none.
fn code(error: &Error, reason: &str) -> String {
    let library = match error.library_code() {
        3 => "BN_",
        4 => "RSA_",
        5 => "DH_",
        6 => "EVP_",
        7 => "BUF_",
        8 => "OBJ_",
        9 => "PEM_",
        10 => "DSA_",
        11 => "X509_",
        13 => "ASN1_",
        15 => "CRYPTO_",
        16 => "EC_",
        32 => "BIO_",
        33 => "PKCS7_",
        34 => "X509V3_",
        35 => "PKCS12_",
        36 => "RAND_",
        42 => "ECDSA_",
        43 => "ECDH_",
        48 => "HMAC_",
        52 => "KDF_",
        53 => "SM2_",
        _ => "",
    };
    format!("ERR_OSSL_{library}{}", reason.replace(' ', "_").to_ascii_uppercase())
}

/// As `ERR_error_string_n` has it.
fn long_message(error: &Error) -> String {
    let library = error.library().map_or_else(|| format!("lib({})", error.library_code()), str::to_owned);
    let reason = error.reason().map_or_else(|| format!("reason({})", error.reason_code()), str::to_owned);
    format!("error:{:08X}:{library}::{reason}", error.code())
}
