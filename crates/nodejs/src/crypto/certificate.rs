//! Certificates (RFC 5280): what `X509Certificate` tells of one. They are DER in JavaScript, read anew for each question.

use isolate::{Args, v8};
use openssl::asn1::Asn1TimeRef;
use openssl::bn::BigNumRef;
use openssl::ec::PointConversionForm;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::x509::{X509, X509Ref, X509VerifyResult};

use super::certificate_match as matching;
use super::certificate_names::{Extensions, alternative_names, information_access, name_entries, name_lines};
use super::failure::{Failure, Result};
use super::key::{acceptable_public, private, public, within};
use super::key_read::pem_block;
use super::native::{Value, bytes, integer, native, text};

native! {
    certificate_parse => parse,
    certificate_info => info,
    certificate_legacy => legacy,
    certificate_check => check,
    certificate_is_issued_by => is_issued_by,
    certificate_is_of => is_of,
    certificate_verify => verify,
}

fn read(scope: &mut v8::PinScope, args: &Args, index: i32) -> Result<X509> {
    let der = bytes(scope, args, index);
    within(&der)?;
    Ok(X509::from_der(&der)?)
}

/// `certificateParse(bytes)`, PEM or DER → DER
fn parse(scope: &mut v8::PinScope, args: &Args) -> Result<Vec<u8>> {
    let given = bytes(scope, args, 0);
    within(&given)?;
    let labels = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];
    if let Some(der) = labels.into_iter().find_map(|label| pem_block(&given, label)) {
        return Ok(X509::from_der(&der)?.to_der()?);
    }
    match X509::from_der(&given) {
        Ok(certificate) => Ok(certificate.to_der()?),
        // The complaint is about PEM, as of a text that has none.
        Err(stack) => Err(X509::from_pem(b"").err().unwrap_or(stack).into()),
    }
}

// === What it says ===

/// Hexadecimal bytes with colons between.
fn fingerprint(certificate: &X509Ref, digest: MessageDigest) -> Result<String> {
    let bytes = certificate.digest(digest)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"))
}

fn time(time: &Asn1TimeRef) -> String {
    time.to_string()
}

fn serial(certificate: &X509Ref) -> Result<String> {
    Ok(certificate.serial_number().to_bn()?.to_hex_str()?.to_string())
}

fn record(entries: Vec<(&str, Value)>) -> Value {
    Value::Record(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// `certificateInfo(der)` → { subject, issuer, ... }
fn info(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let certificate = read(scope, args, 0)?;
    let der = certificate.to_der()?;
    let extensions = Extensions::of(&der);
    let usages = extensions.key_purposes();
    let key = certificate.public_key().map_err(Failure::from).and_then(acceptable_public);
    Ok(record(vec![
        ("subject", name_lines(&certificate.subject_name().to_der()?).into()),
        ("issuer", name_lines(&certificate.issuer_name().to_der()?).into()),
        ("subjectAltName", alternative_names(&extensions).into()),
        ("infoAccess", information_access(&extensions).into()),
        ("validFrom", time(certificate.not_before()).into()),
        ("validTo", time(certificate.not_after()).into()),
        ("fingerprint", fingerprint(&certificate, MessageDigest::sha1())?.into()),
        ("fingerprint256", fingerprint(&certificate, MessageDigest::sha256())?.into()),
        ("fingerprint512", fingerprint(&certificate, MessageDigest::sha512())?.into()),
        ("keyUsage", usages.map(|all| all.into_iter().map(Value::from).collect::<Value>()).into()),
        ("serialNumber", serial(&certificate)?.into()),
        ("ca", extensions.is_authority().into()),
        ("pem", String::from_utf8_lossy(&certificate.to_pem()?).into_owned().into()),
        ("publicKey", key.and_then(|key| Ok(key.public_key_to_der()?)).ok().into()),
    ]))
}

/// Without zeros before it.
fn hexadecimal(number: &BigNumRef) -> Result<String> {
    Ok(number.to_hex_str()?.trim_start_matches('0').to_owned())
}

/// `certificateLegacy(der)` → what the older form tells besides: names as [type, value] pairs, and of what the key is made
fn legacy(scope: &mut v8::PinScope, args: &Args) -> Result<Value> {
    let certificate = read(scope, args, 0)?;
    let names = |der: Vec<u8>| -> Value {
        let pair = |(name, value): (String, String)| Value::List(vec![name.into(), value.into()]);
        name_entries(&der).into_iter().flatten().map(pair).collect()
    };
    let mut entries = vec![
        ("subject", names(certificate.subject_name().to_der()?)),
        ("issuer", names(certificate.issuer_name().to_der()?)),
    ];
    let key = certificate.public_key().map_err(Failure::from).and_then(acceptable_public);
    match key {
        Ok(key) if key.id() == Id::RSA => {
            let rsa = key.rsa()?;
            entries.push(("modulus", hexadecimal(rsa.n())?.into()));
            entries.push(("bits", rsa.n().num_bits().into()));
            entries.push(("exponent", format!("0x{}", hexadecimal(rsa.e())?.to_ascii_lowercase()).into()));
            entries.push(("pubkey", key.public_key_to_der()?.into()));
        }
        Ok(key) if key.id() == Id::EC => {
            let ec = key.ec_key()?;
            let group = ec.group();
            let mut context = openssl::bn::BigNumContext::new()?;
            let point = ec.public_key().to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut context)?;
            let nid = group.curve_name().unwrap_or(Nid::UNDEF);
            entries.push(("bits", group.order_bits().into()));
            entries.push(("pubkey", point.into()));
            entries.push(("asn1Curve", nid.short_name()?.into()));
            let names = [
                (Nid::X9_62_PRIME192V1, "P-192"),
                (Nid::SECP224R1, "P-224"),
                (Nid::X9_62_PRIME256V1, "P-256"),
                (Nid::SECP384R1, "P-384"),
                (Nid::SECP521R1, "P-521"),
            ];
            let nist = names.into_iter().find(|(curve, _)| *curve == nid).map(|(_, name)| name);
            entries.push(("nistCurve", nist.into()));
        }
        _ => {}
    }
    Ok(record(entries))
}

// === Whose it is ===

/// `certificateCheck(der, kind, name, flags)`, of a "host", an "email" or an "ip" → the name that it has there; undefined: none
fn check(scope: &mut v8::PinScope, args: &Args) -> Result<Option<String>> {
    let certificate = read(scope, args, 0)?;
    let der = certificate.to_der()?;
    let extensions = Extensions::of(&der);
    let subject = certificate.subject_name().to_der()?;
    let name = text(scope, args, 2);
    let flags = u32::try_from(integer(scope, args, 3)).unwrap_or(0);
    let invalid = |message: &str| Failure::type_error("ERR_INVALID_ARG_VALUE", message);
    let kind = text(scope, args, 1);
    if kind != "ip" && name.strip_suffix('\0').filter(|rest| !rest.is_empty()).unwrap_or(&name).contains('\0') {
        return Err(invalid("Invalid name"));
    }
    Ok(match kind.as_str() {
        "host" => matching::host(&extensions, &subject, &name, flags),
        "email" => matching::email(&extensions, &subject, &name, flags).then_some(name),
        _ => {
            let address: std::net::IpAddr = name.parse().map_err(|_| invalid("Invalid IP"))?;
            matching::address(&extensions, address).then_some(name)
        }
    })
}

/// `certificateIsIssuedBy(der, issuer)` → whether their names and key ids say so
fn is_issued_by(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    let (certificate, issuer) = (read(scope, args, 0)?, read(scope, args, 1)?);
    Ok(issuer.issued(&certificate) == X509VerifyResult::OK)
}

/// `certificateIsOf(der, pkcs8)` → whether it is for that key
fn is_of(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    let certificate = read(scope, args, 0)?;
    let key = private(&bytes(scope, args, 1))?;
    let same = certificate.public_key().is_ok_and(|own| own.public_eq(&*key));
    drop(openssl::error::ErrorStack::get());
    Ok(same)
}

/// `certificateVerify(der, spki)` → whether that key has signed it
fn verify(scope: &mut v8::PinScope, args: &Args) -> Result<bool> {
    let certificate = read(scope, args, 0)?;
    let key = public(&bytes(scope, args, 1))?;
    Ok(certificate.verify(&*key).unwrap_or(false))
}
