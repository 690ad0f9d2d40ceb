// ECDSA and ECDH over the curves of NIST (sections 23 and 24); Ed25519, Ed448, X25519 and X448 (sections 25 and 26, and
// https://wicg.github.io/webcrypto-secure-curves/); NODE-ED25519, Cloudflare's older name for Ed25519.

import { primordials } from "../primordials.js";
import { converters, createDictionary } from "../webidl.js";
import { DOMException } from "../domexception.js";
import { checkUsages, commonUsages, dataError, materialOf, newKey, operationError, requireUsages, toCryptoKey, unknownFormat } from "./key.js";
import { toHash } from "./hashes.js";
import { checkJwk, jwkParts, newJwk, toJsonWebKey } from "./jwk.js";
import { exportDer, requireType } from "./pair.js";
import { bufferOf } from "./views.js";
import {
  op_crypto_agree, op_crypto_export_point, op_crypto_generate, op_crypto_import, op_crypto_import_point, op_crypto_of_parts, op_crypto_parts,
  op_crypto_sign, op_crypto_verify,
} from "skerry:ops";
const { ArrayPrototypeConcat, SafeMap } = primordials;

const toNamedCurve = createDictionary("EcKeyGenParams", [{ key: "namedCurve", converter: converters.DOMString, required: true }]);
const toEcdsa = createDictionary("EcdsaParams", [{ key: "hash", converter: toHash, required: true }]);
const toPeer = createDictionary("EcdhKeyDeriveParams", [{ key: "public", converter: toCryptoKey, required: true }]);

/** The curves of NIST, and what JSON Web Keys call ECDSA with each. */
const NIST = new SafeMap().set("P-256", "ES256").set("P-384", "ES384").set("P-521", "ES512");

function checkNist({ namedCurve }) {
  if (!NIST.has(namedCurve)) throw new DOMException(`Unrecognized or unimplemented EC curve "${namedCurve}" requested.`, "NotSupportedError");
  return namedCurve;
}

/**
 * A family: `params` converts what names the curve and `curveOf(params)` is its name, `algorithmOf(curve)` is what Workers see, `kty` the
 * type of its JSON Web Keys, `use` and `jwkAlgorithms(curve)` what they may say.
 */
function family({ name, publicUsages, privateUsages, params, curveOf, algorithmOf, kty, use, jwkAlgorithms, operations }) {
  const allUsages = ArrayPrototypeConcat(publicUsages, privateUsages);
  const publicParts = kty === "EC" ? ["x", "y"] : ["x"];
  const privateParts = ArrayPrototypeConcat(publicParts, ["d"]);
  const keyOf = (type, curve, bytes, extractable, usages) =>
    newKey({ __proto__: null, type, extractable, name, usages, bytes, curve }, algorithmOf(curve));
  const fromJwk = (jwk, curve, isPrivate, extractable, usages) => {
    checkJwk(jwk, { name, kty, use, algorithms: jwkAlgorithms(curve), extractable, usages });
    if (jwk.crv !== curve) {
      throw dataError(`${name} key import requires a JSON Web Key with Curve parameter "crv" equal to "${curve}" (encountered "${jwk.crv}").`);
    }
    return op_crypto_of_parts(curve, isPrivate, jwkParts(jwk, isPrivate ? privateParts : publicParts, name));
  };
  return {
    __proto__: null,
    name,
    generateKey: {
      params,
      run(params, extractable, usages) {
        checkUsages(usages, allUsages, "generate", name);
        const curve = curveOf(params);
        requireUsages(commonUsages(usages, privateUsages));
        const pair = op_crypto_generate(curve, 0, 0);
        if (pair === undefined) throw operationError(`${name} key generation failed.`);
        return {
          publicKey: keyOf("public", curve, pair[1], true, commonUsages(usages, publicUsages)),
          privateKey: keyOf("private", curve, pair[0], extractable, commonUsages(usages, privateUsages)),
        };
      },
    },
    importKey: {
      params,
      run(params, format, data, extractable, usages) {
        const jwk = format === "jwk" ? toJsonWebKey(data) : undefined;
        const isPrivate = jwk === undefined ? format === "pkcs8" : jwk.d !== undefined;
        const type = isPrivate ? "private" : "public";
        const curve = curveOf(params);
        checkUsages(usages, isPrivate ? privateUsages : publicUsages, `import ${type}`, name);
        let bytes;
        if (jwk !== undefined) bytes = fromJwk(jwk, curve, isPrivate, extractable, usages);
        else if (format === "raw") bytes = op_crypto_import_point(curve, data);
        else bytes = op_crypto_import(curve, isPrivate, data);
        if (bytes === undefined) throw dataError(`Invalid ${name} ${type} key: it can't be read as ${format}, or is not of the curve ${curve}.`);
        if (isPrivate) requireUsages(usages);
        return keyOf(type, curve, bytes, extractable, usages);
      },
    },
    exportKey: {
      run(format, material) {
        const { type, bytes, curve } = material;
        const isPrivate = type === "private";
        if (format === "jwk") {
          const parts = op_crypto_parts(curve, isPrivate, bytes);
          return newJwk(material, kty, isPrivate ? privateParts : publicParts, parts, { __proto__: null, alg: name === "Ed25519" ? "EdDSA" : undefined, crv: curve });
        }
        if (format === "raw") {
          if (isPrivate) throw new DOMException("Raw export of elliptic curve keys is only allowed for public keys.", "InvalidAccessError");
          return bufferOf(op_crypto_export_point(curve, bytes));
        }
        return exportDer(format, material);
      },
    },
    ...operations,
  };
}

function signing(name, params) {
  return {
    sign: {
      params,
      run(params, { type, bytes, curve }, data) {
        requireType(type, "private");
        const signature = op_crypto_sign(curve, params.hash ?? "", -1, bytes, data);
        if (signature === undefined) throw operationError(`Signing with ${name} failed.`);
        return bufferOf(signature);
      },
    },
    verify: {
      params,
      run(params, { type, bytes, curve }, signature, data) {
        requireType(type, "public");
        return op_crypto_verify(curve, params.hash ?? "", -1, bytes, data, signature);
      },
    },
  };
}

/** Diffie-Hellman: the shared secret of a private key and the peer's public one. The caller cuts it to length. */
function agreement(name) {
  return {
    deriveBits: {
      params: toPeer,
      run({ public: peer }, { type, bytes, curve }) {
        requireType(type, "private");
        const other = materialOf(peer);
        requireType(other.type, "public");
        if (other.name !== name || other.curve !== curve) {
          throw new DOMException(`The public key of ${name} must be of the same algorithm and curve as the private one.`, "InvalidAccessError");
        }
        const secret = op_crypto_agree(curve, bytes, other.bytes);
        if (secret === undefined) throw operationError(`${name} derivation failed: the public key yields no secret.`);
        return secret;
      },
    },
  };
}

const any = () => undefined;
const AGREEING = ["deriveKey", "deriveBits"];

function nist(name, publicUsages, privateUsages, use, jwkAlgorithms, operations) {
  return family({
    name, publicUsages, privateUsages, params: toNamedCurve, curveOf: checkNist, kty: "EC", use, jwkAlgorithms, operations,
    algorithmOf: (namedCurve) => ({ name, namedCurve }),
  });
}

function edwards(name) {
  return family({
    name, publicUsages: ["verify"], privateUsages: ["sign"], params: undefined, curveOf: () => name, kty: "OKP", use: "sig",
    jwkAlgorithms: () => [name, "EdDSA"], algorithmOf: () => ({ name }), operations: signing(name, undefined),
  });
}

function montgomery(name) {
  return family({
    name, publicUsages: [], privateUsages: AGREEING, params: undefined, curveOf: () => name, kty: "OKP", use: "enc",
    jwkAlgorithms: any, algorithmOf: () => ({ name }), operations: agreement(name),
  });
}

function checkNode({ namedCurve }) {
  if (namedCurve === "NODE-ED25519") return "Ed25519";
  throw new DOMException(`Unrecognized or unimplemented EC curve "${namedCurve}" requested.`, "NotSupportedError");
}

export const CURVES = [
  nist("ECDSA", ["verify"], ["sign"], "sig", (curve) => [NIST.get(curve)], signing("ECDSA", toEcdsa)),
  nist("ECDH", [], AGREEING, "enc", any, agreement("ECDH")),
  edwards("Ed25519"),
  edwards("Ed448"),
  montgomery("X25519"),
  montgomery("X448"),
  family({
    name: "NODE-ED25519", publicUsages: ["verify"], privateUsages: ["sign"], params: toNamedCurve, curveOf: checkNode, kty: "OKP", use: "sig",
    jwkAlgorithms: () => ["EdDSA", "Ed25519"], algorithmOf: () => ({ name: "NODE-ED25519", namedCurve: "NODE-ED25519" }),
    operations: signing("NODE-ED25519", undefined),
  }),
];
