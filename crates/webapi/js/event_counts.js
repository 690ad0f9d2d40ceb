// `performance.eventCounts` (Event Timing section 4.4): nobody clicks on anything in a Worker.

import { primordials } from "./primordials.js";
import { defineInterface, illegalConstructor, illegalInvocation } from "./webidl.js";
const { ArrayPrototypeSymbolIterator, ObjectDefineProperty, Symbol, SymbolIterator } = primordials;

const INTERNAL = Symbol("EventCounts");

/** How many events of each type there were. */
class EventCounts {
  #brand = true;

  constructor(token) {
    if (token !== INTERNAL) illegalConstructor();
  }

  get size() { return #brand in this ? 0 : illegalInvocation(); }
  get(type) {
    if (!(#brand in this)) illegalInvocation();
  }
  has(type) { return #brand in this ? false : illegalInvocation(); }
  entries() { return #brand in this ? [] : illegalInvocation(); }
  keys() { return #brand in this ? [] : illegalInvocation(); }
  values() { return #brand in this ? [] : illegalInvocation(); }
  forEach(callback) {
    if (!(#brand in this)) illegalInvocation();
  }
  [SymbolIterator]() { return #brand in this ? ArrayPrototypeSymbolIterator([]) : illegalInvocation(); }
}
defineInterface(EventCounts);
ObjectDefineProperty(EventCounts, "length", { __proto__: null, configurable: true, value: 0 });

export function newEventCounts() {
  return new EventCounts(INTERNAL);
}
