//! The numbers that asymmetric keys are made of, as JSON Web Keys have them (RFC 7518 §6, RFC 8037).

use isolate::{Args, Op, v8};
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, PKey, PKeyRef, Private};
use openssl::rsa::{Rsa, RsaPrivateKeyBuilder};

use super::key::{Kind, MAX_MODULUS_BITS, private_der, public_der};
use super::{give, give_all};

pub const OPS: &[Op] = &[isolate::op!(op_crypto_parts), isolate::op!(op_crypto_of_parts)];

/// `op_crypto_parts(kind, isPrivate, der)` → an array of `Uint8Array`s: of RSA n, e and of a private key d, p, q, dp, dq, qi;
/// of a curve of NIST x, y and d; of the others x and d.
fn op_crypto_parts(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let kind = Kind::of(&isolate::string_arg(scope, &args, 0));
    let is_private = args.get(1).is_true();
    let der = isolate::bytes_arg(scope, &args, 2).unwrap_or_default();
    let all = kind.and_then(|kind| match is_private {
        true => private_parts(kind, &kind.private(&der)?),
        false => public_parts(kind, &*kind.public(&der)?),
    });
    give_all(scope, rv, all);
}

fn public_parts<T: HasPublic>(kind: Kind, key: &PKeyRef<T>) -> Option<Vec<Vec<u8>>> {
    Some(match kind {
        Kind::Rsa => {
            let rsa = key.rsa().ok()?;
            vec![rsa.n().to_vec(), rsa.e().to_vec()]
        }
        Kind::Ec(nid) => {
            let key = key.ec_key().ok()?;
            let (mut x, mut y, mut context) = (BigNum::new().ok()?, BigNum::new().ok()?, BigNumContext::new().ok()?);
            key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).ok()?;
            vec![x.to_vec_padded(coordinate_len(nid)).ok()?, y.to_vec_padded(coordinate_len(nid)).ok()?]
        }
        Kind::Okp(_) => vec![key.raw_public_key().ok()?],
    })
}

fn private_parts(kind: Kind, key: &PKey<Private>) -> Option<Vec<Vec<u8>>> {
    let mut all = public_parts(kind, key)?;
    match kind {
        Kind::Rsa => {
            let rsa = key.rsa().ok()?;
            all.push(rsa.d().to_vec());
            for part in [rsa.p(), rsa.q(), rsa.dmp1(), rsa.dmq1(), rsa.iqmp()] {
                all.push(part?.to_vec());
            }
        }
        Kind::Ec(nid) => all.push(key.ec_key().ok()?.private_key().to_vec_padded(coordinate_len(nid)).ok()?),
        Kind::Okp(_) => all.push(key.raw_private_key().ok()?),
    }
    Some(all)
}

/// The bytes of a coordinate, of the private number, and of each half of a signature.
pub(super) fn coordinate_len(curve: Nid) -> i32 {
    match curve {
        Nid::X9_62_PRIME256V1 => 32,
        Nid::SECP384R1 => 48,
        _ => 66,
    }
}

/// `op_crypto_of_parts(kind, isPrivate, parts)` → the key in DER; undefined when the parts are none of one key.
fn op_crypto_of_parts(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let kind = Kind::of(&isolate::string_arg(scope, &args, 0));
    let is_private = args.get(1).is_true();
    let Ok(array) = args.get(2).try_cast::<v8::Array>() else { return };
    let mut parts = Vec::new();
    for index in 0..array.length() {
        let part = array.get_index(scope, index).and_then(|part| part.try_cast::<v8::ArrayBufferView>().ok());
        let Some(part) = part else { return };
        let mut bytes = vec![0; part.byte_length()];
        part.copy_contents(&mut bytes);
        parts.push(bytes);
    }
    let key = kind.and_then(|kind| of_parts(kind, is_private, &parts));
    give(scope, rv, key);
}

/// The key in DER; `None` when the parts are none of one key. They are in the order of [`op_crypto_parts`].
pub fn of_parts(kind: Kind, is_private: bool, parts: &[Vec<u8>]) -> Option<Vec<u8>> {
    if parts.iter().any(|part| part.len() > MAX_MODULUS_BITS as usize / 8) {
        return None;
    }
    match (kind, is_private, parts) {
        (Kind::Rsa, false, [n, e]) => {
            let (n, e) = (BigNum::from_slice(n).ok()?, BigNum::from_slice(e).ok()?);
            PKey::from_rsa(Rsa::from_public_components(n, e).ok()?).ok()?.public_key_to_der().ok()
        }
        (Kind::Rsa, true, [n, e, d, p, q, dp, dq, qi]) => {
            let number = |bytes: &Vec<u8>| BigNum::from_slice(bytes).ok();
            let (n, e, d, p, q) = (number(n)?, number(e)?, number(d)?, number(p)?, number(q)?);
            let (dp, dq, qi) = (number(dp)?, number(dq)?, number(qi)?);
            if !is_consistent(&n, &e, [&p, &dp], [&q, &dq], &qi)? {
                return None;
            }
            let rsa = RsaPrivateKeyBuilder::new(n, e, d).ok()?.set_factors(p, q).ok()?;
            PKey::from_rsa(rsa.set_crt_params(dp, dq, qi).ok()?.build()).ok()?.private_key_to_pkcs8().ok()
        }
        (Kind::Ec(nid), _, [x, y, rest @ ..]) => {
            let len = coordinate_len(nid) as usize;
            if parts.iter().any(|part| part.len() != len) {
                return None;
            }
            let group = EcGroup::from_curve_name(nid).ok()?;
            let (x, y) = (BigNum::from_slice(x).ok()?, BigNum::from_slice(y).ok()?);
            let public = EcKey::from_public_key_affine_coordinates(&group, &x, &y).ok()?;
            let [d] = rest else { return public_der(kind, PKey::from_ec_key(public).ok()?) };
            let d = BigNum::from_slice(d).ok()?;
            let key = EcKey::from_private_components(&group, &d, public.public_key()).ok()?;
            private_der(kind, PKey::from_ec_key(key).ok()?)
        }
        (Kind::Okp(id), false, [x]) => PKey::public_key_from_raw_bytes(x, id).ok()?.public_key_to_der().ok(),
        (Kind::Okp(id), true, [x, d]) => {
            let key = PKey::private_key_from_raw_bytes(d, id).ok()?;
            (key.raw_public_key().ok()? == *x).then_some(())?;
            key.private_key_to_pkcs8().ok()
        }
        _ => None,
    }
}

/// Whether the numbers of a private key belong together (RFC 8017 §3.2). Whether the factors are prime is not asked: a key that
/// somebody made wrong harms only who uses it, and asking takes longer than signing.
fn is_consistent(
    n: &BigNumRef,
    e: &BigNumRef,
    [p, dp]: [&BigNumRef; 2],
    [q, dq]: [&BigNumRef; 2],
    qi: &BigNumRef,
) -> Option<bool> {
    let mut context = BigNumContext::new().ok()?;
    let one = BigNum::from_u32(1).ok()?;
    let (mut product, mut result) = (BigNum::new().ok()?, BigNum::new().ok()?);
    if p.num_bits() < 2 || q.num_bits() < 2 {
        return Some(false);
    }
    product.checked_mul(p, q, &mut context).ok()?;
    if product != *n {
        return Some(false);
    }
    for (factor, exponent) in [(p, dp), (q, dq)] {
        let mut order = factor.to_owned().ok()?;
        order.sub_word(1).ok()?;
        result.mod_mul(e, exponent, &order, &mut context).ok()?;
        if result != one {
            return Some(false);
        }
    }
    result.mod_mul(q, qi, p, &mut context).ok()?;
    Some(result == one)
}
