// What AES and HMAC have in common: keys that are bytes, raw or in a JSON Web Key of type "oct".

import { checkJwk, jwkBytes, newJwk, toJsonWebKey } from "./jwk.js";
import { unknownFormat } from "./key.js";
import { bufferOf, copyBytes } from "./views.js";

/** The bytes of key data; `jwkAlgorithm(bytes)` is what its "alg" should say. */
export function secretBytes(format, data, { name, use, jwkAlgorithm, extractable, usages }) {
  if (format === "raw") return copyBytes(data);
  if (format !== "jwk") throw unknownFormat("import", format, name);
  const jwk = toJsonWebKey(data);
  checkJwk(jwk, { name, kty: "oct", use, algorithms: undefined, extractable, usages });
  const bytes = jwkBytes(jwk, "k", name);
  const algorithm = jwkAlgorithm(bytes);
  if (algorithm !== undefined) checkJwk(jwk, { name, kty: "oct", use, algorithms: [algorithm], extractable, usages });
  return bytes;
}

export function exportSecret(format, material, alg) {
  if (format === "raw") return bufferOf(copyBytes(material.bytes));
  if (format === "jwk") return newJwk(material, "oct", ["k"], [material.bytes], { __proto__: null, alg });
  throw unknownFormat("export", format, material.name);
}
