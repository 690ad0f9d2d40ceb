// Bindings to products that are not here.

import { primordials } from "../webapi/primordials.js";

const { Error, Proxy } = primordials;

/** Hook: an object of which nothing can be had; `why` is what whoever tries is told. */
export function makeMissing(why) {
  return new Proxy({}, {
    __proto__: null,
    get(target, name) {
      // The language itself asks for these of any value.
      if (typeof name === "symbol" || name === "then" || name === "toJSON") return undefined;
      throw new Error(why);
    },
  });
}
