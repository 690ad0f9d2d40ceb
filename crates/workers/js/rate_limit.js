// `env.LIMITER`: https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/

import { op_rate_limit } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { defineInterface, illegalInvocation } from "../webapi/webidl.js";

const { ArrayPrototypeJoin, ArrayPrototypePush, Error, ObjectKeys, String, Symbol, TypeError } = primordials;

const INTERNAL = Symbol("Ratelimit");

class Ratelimit {
  #number;

  constructor(key, number) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#number = number;
  }

  async limit(options = undefined) {
    const number = #number in this ? this.#number : illegalInvocation();
    if (typeof options !== "object" || options === null) throw new Error("invalid rate limit options");
    const names = ObjectKeys(options);
    const unknown = [];
    for (let i = 0; i < names.length; i++) {
      if (names[i] !== "key" && names[i] !== "limit" && names[i] !== "period") ArrayPrototypePush(unknown, names[i]);
    }
    if (unknown.length > 0) throw new Error(`bad rate limit options: [${ArrayPrototypeJoin(unknown, ",")}]`);
    const { key = "", limit, period } = options;
    if (typeof key !== "string") throw new Error(`invalid key: ${String(key)}`);
    if (limit !== undefined && typeof limit !== "number") throw new Error(`limit must be a number: ${String(limit)}`);
    if (period !== undefined && typeof period !== "number") throw new Error(`period must be a number: ${String(period)}`);
    const success = op_rate_limit(number, key, limit, period);
    if (success === undefined) throw new Error(`unsupported period: ${period}`);
    return { success };
  }
}
defineInterface(Ratelimit);

/** Hook: the face of the limiter that native code knows by this number. */
export function makeRateLimit(number) {
  return new Ratelimit(INTERNAL, number);
}
