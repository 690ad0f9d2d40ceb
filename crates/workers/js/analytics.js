// Analytics Engine's binding: https://developers.cloudflare.com/analytics/analytics-engine/get-started/

import { op_analytics_write } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { converters, defineInterface, illegalInvocation, isArrayBuffer, isBufferSource, isObject, notOfType } from "../webapi/webidl.js";
import { currentEvent } from "./context.js";

const { ArrayIsArray, ArrayPrototypePush, Error, Number, Symbol, TypeError, Uint8Array } = primordials;

const INTERNAL = Symbol("AnalyticsEngine");

/** Data points that one invocation may write: https://developers.cloudflare.com/analytics/analytics-engine/limits/ */
const MAX_POINTS = 250;

class AnalyticsEngine {
  #number;

  constructor(key, number) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#number = number;
  }

  writeDataPoint(event = undefined) {
    const number = #number in this ? this.#number : illegalInvocation();
    let indexes, blobs, doubles;
    if (event !== undefined && event !== null) {
      if (!isObject(event)) throw notOfType("Failed to execute 'writeDataPoint' on 'AnalyticsEngine'", "parameter 1", "AnalyticsEngineEvent");
      indexes = members(event.indexes, "indexes", text);
      blobs = members(event.blobs, "blobs", text);
      doubles = members(event.doubles, "doubles", Number);
    }
    const invocation = currentEvent();
    if (invocation !== undefined && ++invocation.dataPoints > MAX_POINTS) throw new Error("Analytics Engine write limit exceeded.");
    op_analytics_write(number, indexes ?? [], blobs ?? [], doubles ?? []);
  }
}
defineInterface(AnalyticsEngine);

function members(list, name, convert) {
  if (list === undefined) return undefined;
  if (!ArrayIsArray(list)) {
    throw new TypeError(`Incorrect type for the '${name}' field on 'AnalyticsEngineEvent': the provided value is not of type 'Array'.`);
  }
  const made = [];
  // One more than is allowed is refused with all after it.
  for (let i = 0; i < list.length && i < 21; i++) ArrayPrototypePush(made, convert(list[i]));
  return made;
}

/** A text, bytes, or null for what is left out. */
function text(value) {
  if (value === null || value === undefined) return null;
  if (isArrayBuffer(value)) return new Uint8Array(value);
  return isBufferSource(value) ? value : converters.USVString(value);
}

/** Hook: the face of the dataset that native code knows by this number. */
export function makeAnalyticsEngine(number) {
  return new AnalyticsEngine(INTERNAL, number);
}
