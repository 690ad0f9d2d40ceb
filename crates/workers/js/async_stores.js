// What the runtime itself carries along the asynchronous flow of control, beside the stores of AsyncLocalStorage: an event's id, or
// `[event, stores, owner]`, `stores` being a list of keys and values that never changes.

import { op_async_frame_get, op_async_frame_set } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";

const { ArrayPrototypePush } = primordials;

function storesOf(frame) {
  return typeof frame === "object" && frame !== null ? frame[1] : undefined;
}

/** The value of `key` for the code that runs; undefined for none. */
export function storeOf(key) {
  const stores = storesOf(op_async_frame_get());
  if (stores === undefined) return undefined;
  for (let i = 0; i < stores.length; i += 2) {
    if (stores[i] === key) return stores[i + 1];
  }
  return undefined;
}

/** Runs `run` with `[key, value, key, value, ...]` besides what there is; whatever it starts has them as well. */
export function withStores(pairs, run) {
  const before = op_async_frame_get();
  const stores = [];
  for (let i = 0; i < pairs.length; i++) ArrayPrototypePush(stores, pairs[i]);
  const others = storesOf(before);
  if (others !== undefined) {
    for (let i = 0; i < others.length; i += 2) {
      let isNew = true;
      for (let j = 0; j < pairs.length; j += 2) if (pairs[j] === others[i]) isNew = false;
      if (isNew) ArrayPrototypePush(stores, others[i], others[i + 1]);
    }
  }
  const isList = typeof before === "object" && before !== null;
  const event = isList ? before[0] : before;
  op_async_frame_set(isList && before.length > 2 ? [event, stores, before[2]] : [event, stores]);
  try {
    return run();
  } finally {
    op_async_frame_set(before);
  }
}
