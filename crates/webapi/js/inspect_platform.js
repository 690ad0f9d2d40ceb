// What inspect() shows of the runtime's own classes, whose state is private: their attributes, or their pairs.

import { primordials } from "./primordials.js";
const {
  ArrayPrototypePush, FunctionPrototypeCall, ObjectGetOwnPropertyDescriptor, ObjectGetPrototypeOf, ObjectKeys, SafeMap,
} = primordials;

/** By prototype: `{ names, getters }` or `{ pairsOf }`. */
const classes = new SafeMap();

/** Instances show the attributes of their interface and of those it inherits from, in the order of their definition; `names` picks some. */
export function showAttributes(Class, names = undefined) {
  const shown = [];
  const getters = [];
  for (let prototype = Class.prototype; prototype !== null; prototype = ObjectGetPrototypeOf(prototype)) {
    const keys = names ?? ObjectKeys(prototype);
    for (let i = 0; i < keys.length; i++) {
      const descriptor = ObjectGetOwnPropertyDescriptor(prototype, keys[i]);
      if (descriptor === undefined || descriptor.get === undefined) continue;
      ArrayPrototypePush(shown, keys[i]);
      ArrayPrototypePush(getters, descriptor.get);
    }
  }
  classes.set(Class.prototype, { names: shown, getters });
}

/** Instances show as `Name(size) { key => value }` from the flat list that `pairsOf(instance)` returns. */
export function showPairs(Class, pairsOf) {
  classes.set(Class.prototype, { pairsOf });
}

/** `{ fields() }` or `{ pairs() }`, both flat lists, for an instance of one of those classes; else undefined. */
export function platformEntries(value) {
  for (let prototype = ObjectGetPrototypeOf(value); prototype !== null; prototype = ObjectGetPrototypeOf(prototype)) {
    const shown = classes.get(prototype);
    if (shown === undefined) continue;
    try {
      // An object that only inherits from the prototype has none of its state.
      if (shown.pairsOf !== undefined) {
        const pairs = shown.pairsOf(value);
        return { pairs: () => pairs };
      }
      const list = fieldsOf(value, shown);
      return { fields: () => list };
    } catch {
      return undefined;
    }
  }
  return undefined;
}

function fieldsOf(value, { names, getters }) {
  const list = [];
  for (let i = 0; i < names.length; i++) ArrayPrototypePush(list, names[i], FunctionPrototypeCall(getters[i], value));
  return list;
}
