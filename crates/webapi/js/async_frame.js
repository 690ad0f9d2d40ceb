// What runs is carried along the asynchronous flow of control: an event's id, or `[event, stores, owner]` where AsyncLocalStorage has stores.

import { op_async_frame_get, op_async_frame_set } from "skerry:ops";

/** Runs `run` in the same event, but without stores: what it waits for comes from outside. */
export function withoutStores(run) {
  const before = op_async_frame_get();
  if (typeof before !== "object" || before === null) return run();
  op_async_frame_set(before.length > 2 ? [before[0], undefined, before[2]] : before[0]);
  try {
    return run();
  } finally {
    op_async_frame_set(before);
  }
}
