// atob and btoa (HTML section 8.3).

import { converters, requiredArguments } from "./webidl.js";
import { DOMException } from "./domexception.js";
import { op_atob, op_btoa } from "skerry:ops";

export function atob(data) {
  const prefix = "Failed to execute 'atob' on 'ServiceWorkerGlobalScope'";
  requiredArguments(arguments.length, 1, prefix);
  const decoded = op_atob(converters.DOMString(data, prefix, "parameter 1"));
  if (decoded === undefined) {
    throw new DOMException(
      "atob() called with invalid base64-encoded data. (Only whitespace, '+', '/', alphanumeric ASCII, and up to two terminal '=' " +
      "signs when the input data length is divisible by 4 are allowed.)",
      "InvalidCharacterError",
    );
  }
  return decoded;
}

export function btoa(data) {
  const prefix = "Failed to execute 'btoa' on 'ServiceWorkerGlobalScope'";
  requiredArguments(arguments.length, 1, prefix);
  const encoded = op_btoa(converters.DOMString(data, prefix, "parameter 1"));
  if (encoded === undefined) {
    throw new DOMException("btoa() can only operate on characters in the Latin1 (ISO/IEC 8859-1) range.", "InvalidCharacterError");
  }
  return encoded;
}
