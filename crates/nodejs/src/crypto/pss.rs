//! What an RSA-PSS key says about the signatures it is for (RFC 4055 section 3.1), which the `openssl` crate has no functions for.

use openssl::nid::Nid;

use super::der::{Element, OBJECT, SEQUENCE, element, number, sequence};

const RSASSA_PSS: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const MGF1: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];

pub(super) struct Restrictions {
    pub(super) hash: String,
    pub(super) mgf1_hash: String,
    pub(super) salt_length: u64,
}

// === impl Restrictions ===

impl Restrictions {
    /// Of a key in SPKI; `None`: it may be used in any way.
    pub(super) fn of(spki: &[u8]) -> Option<Self> {
        let parameters = Element::first(spki)?.part(0)?.part(1).filter(|element| element.tag == SEQUENCE)?;
        let mut all = Self { hash: "sha1".to_owned(), mgf1_hash: "sha1".to_owned(), salt_length: 20 };
        for field in parameters.parts() {
            match field.tag {
                0xa0 => all.hash = hash(field.part(0)?)?,
                0xa1 => all.mgf1_hash = hash(field.part(0)?.part(1)?)?,
                0xa2 => all.salt_length = field.part(0)?.number()?,
                _ => {}
            }
        }
        Some(all)
    }

    /// The PKCS #8 of an RSA key, as that of an RSA-PSS key that may be used like this.
    pub(super) fn restrict(&self, pkcs8: &[u8]) -> Option<Vec<u8>> {
        let algorithm = |name: &str| {
            let object = openssl::asn1::Asn1Object::from_str(name).ok()?;
            Some(sequence(&[&element(OBJECT, object.as_slice()), &[5, 0]]))
        };
        let mgf1 = sequence(&[&element(OBJECT, &MGF1), &algorithm(&self.mgf1_hash)?]);
        let parameters = sequence(&[
            &if self.hash == "sha1" { vec![] } else { element(0xa0, &algorithm(&self.hash)?) },
            &if self.mgf1_hash == "sha1" { vec![] } else { element(0xa1, &mgf1) },
            &if self.salt_length == 20 { vec![] } else { element(0xa2, &number(self.salt_length.try_into().ok()?)) },
        ]);
        with_algorithm(pkcs8, &sequence(&[&element(OBJECT, &RSASSA_PSS), &parameters]))
    }
}

/// The PKCS #8 of an RSA key, as that of an RSA-PSS key that may be used in any way.
pub(super) fn unrestricted(pkcs8: &[u8]) -> Option<Vec<u8>> {
    with_algorithm(pkcs8, &sequence(&[&element(OBJECT, &RSASSA_PSS)]))
}

fn with_algorithm(pkcs8: &[u8], algorithm: &[u8]) -> Option<Vec<u8>> {
    let outer = Element::first(pkcs8)?;
    let (version, key) = (outer.part(0)?, outer.part(2)?);
    Some(sequence(&[version.whole, algorithm, key.whole]))
}

/// The name of a hash as OpenSSL has it at length.
fn hash(algorithm: Element) -> Option<String> {
    let object = openssl::asn1::Asn1Object::from_str(&algorithm.part(0)?.object()?).ok()?;
    match object.nid() {
        Nid::UNDEF => None,
        nid => nid.long_name().ok().map(str::to_owned),
    }
}
