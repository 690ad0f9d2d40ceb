// What the families with public and private keys have in common.

import { DOMException } from "../domexception.js";
import { unknownFormat } from "./key.js";
import { bufferOf, copyBytes } from "./views.js";

/** Throws unless the key is of the type that the operation takes. */
export function requireType(type, required) {
  if (type !== required) {
    throw new DOMException(`The provided key has type "${type}", not "${required}"`, "InvalidAccessError");
  }
}

/** The DER of a key, where the format is the one of its type. */
export function exportDer(format, { name, type, bytes }) {
  if (format !== "pkcs8" && format !== "spki") throw unknownFormat("export", format, name);
  if ((format === "pkcs8") !== (type === "private")) {
    throw new DOMException(`Asymmetric ${format} export requires ${format === "pkcs8" ? "private" : "public"} key (not "${type}").`, "InvalidAccessError");
  }
  return bufferOf(copyBytes(bytes));
}
