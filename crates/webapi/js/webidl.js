// Web IDL (https://webidl.spec.whatwg.org) for interfaces that are written in JavaScript.
//
// Converters all look like `converters.USVString(value, prefix, context)`: `prefix` is "Failed to execute 'append' on 'FormData'",
// `context` is "parameter 1"; both only serve error messages and may be left out. Integers take a fourth argument,
// `{ enforceRange }` or `{ clamp }`.
//
//   converters: any boolean double "unrestricted double" octet short "unsigned short" long "unsigned long" "long long"
//     "unsigned long long" DOMString USVString ByteString object Function Uint8Array ArrayBuffer ArrayBufferView BufferSource
//     "sequence<USVString>" "sequence<DOMString>" and the makers below
//   createSequence(converter) createRecord(keyConverter, valueConverter) createNullable(converter) createEnum(name, values)
//   createDictionary(name, members) createInterface(name, isInstance)
//   requiredArguments(length, required, prefix) illegalInvocation() illegalConstructor()
//   defineInterface(Class, options) mixinPairIterable(Class, name, getPairs) enumerable(object, keys)

import { primordials } from "./primordials.js";
const {
  ArrayBufferIsView, ArrayBufferPrototypeGetByteLength, ArrayBufferPrototypeGetDetached, ArrayIsArray, ArrayPrototypePush, ArrayPrototypeSort, BigInt, BigIntAsIntN,
  BigIntAsUintN, FunctionPrototypeCall, IteratorPrototype, MathFloor, MathFround, MathMax, MathMin, MathTrunc, Number, NumberIsFinite,
  NumberIsNaN, ObjectCreate, ObjectDefineProperties, ObjectDefineProperty, ObjectFreeze, ObjectGetOwnPropertyDescriptor, ReflectApply,
  ReflectGetOwnPropertyDescriptor, ReflectOwnKeys, SafeSet, String, StringPrototypeCharCodeAt, StringPrototypeToWellFormed,
  SymbolIterator, SymbolToStringTag, TypeError, TypedArrayPrototypeGetSymbolToStringTag, Uint8Array,
} = primordials;

// === Errors ===

/** "prefix: context message", leaving out what is not known. */
export function describe(prefix, context, message) {
  const subject = context === undefined ? "The value" : context;
  return prefix === undefined ? `${subject} ${message}` : `${prefix}: ${subject} ${message}`;
}

function typeError(prefix, context, message) {
  return new TypeError(describe(prefix, context, message));
}

export function notOfType(prefix, context, type) {
  return typeError(prefix, context, `is not of type '${type}'.`);
}

/** Throws what a method called on a wrong receiver throws. */
export function illegalInvocation() {
  throw new TypeError(
    "Illegal invocation: function called with incorrect `this` reference. " +
    "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.",
  );
}

/** Throws what `new` of an interface without constructor throws. */
export function illegalConstructor() {
  throw new TypeError("Illegal constructor");
}

export function requiredArguments(length, required, prefix) {
  if (length < required) {
    throw new TypeError(`${prefix}: ${required} argument${required === 1 ? "" : "s"} required, but only ${length} present.`);
  }
}

export function isObject(value) {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

// === Numbers (section 3.2.4) ===

function toNumber(value, prefix, context) {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") throw typeError(prefix, context, "is a BigInt and cannot be converted to a number.");
  if (typeof value === "symbol") throw typeError(prefix, context, "is a symbol and cannot be converted to a number.");
  return +value;
}

/** Ties go to the even integer, as [Clamp] wants. */
function roundHalfEven(value) {
  const floor = MathFloor(value);
  const fraction = value - floor;
  if (fraction < 0.5) return floor;
  if (fraction > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function createInteger(type, bits, signed) {
  const upper = bits === 64 ? 2 ** 53 - 1 : signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const lower = !signed ? 0 : bits === 64 ? -(2 ** 53 - 1) : -(2 ** (bits - 1));
  const modulo = 2 ** bits;
  const half = 2 ** (bits - 1);
  return (value, prefix, context, options) => {
    let x = toNumber(value, prefix, context);
    // The common case: an integer in range.
    if (x >= lower && x <= upper && MathFloor(x) === x) return x + 0;
    if (options !== undefined && options.enforceRange) {
      if (!NumberIsFinite(x)) throw typeError(prefix, context, `is not a finite number, and can't be converted to type '${type}'.`);
      x = MathTrunc(x);
      if (x < lower || x > upper) throw typeError(prefix, context, `is outside the accepted range of ${lower} to ${upper} for type '${type}'.`);
      return x + 0;
    }
    if (options !== undefined && options.clamp) {
      if (NumberIsNaN(x)) return 0;
      return roundHalfEven(MathMin(MathMax(x, lower), upper)) + 0;
    }
    if (!NumberIsFinite(x)) return 0;
    x = MathTrunc(x);
    if (bits === 64) {
      const wrapped = signed ? BigIntAsIntN(64, BigInt(x)) : BigIntAsUintN(64, BigInt(x));
      return Number(wrapped);
    }
    x %= modulo;
    if (x < 0) x += modulo;
    if (signed && x >= half) x -= modulo;
    return x + 0;
  };
}

// === Strings (section 3.2.10 to section 3.2.12) ===

function DOMString(value, prefix, context) {
  if (typeof value === "string") return value;
  if (typeof value === "symbol") throw typeError(prefix, context, "is a symbol, which cannot be converted to a string.");
  return String(value);
}

function USVString(value, prefix, context) {
  return StringPrototypeToWellFormed(DOMString(value, prefix, context));
}

function ByteString(value, prefix, context) {
  const string = DOMString(value, prefix, context);
  for (let i = 0; i < string.length; i++) {
    if (StringPrototypeCharCodeAt(string, i) > 255) {
      throw typeError(prefix, context, `contains a character at index ${i} with a value of ${StringPrototypeCharCodeAt(string, i)}, which is greater than 255.`);
    }
  }
  return string;
}

// === Buffers (section 3.2.25) ===

export function isArrayBuffer(value) {
  if (typeof value !== "object" || value === null) return false;
  try {
    ArrayBufferPrototypeGetByteLength(value);
    return true;
  } catch {
    return false;
  }
}

/** A BufferSource as a view, which native code reads in place. A detached buffer has no bytes. */
export function viewOf(value) {
  if (ArrayBufferIsView(value)) return value;
  return ArrayBufferPrototypeGetDetached(value) ? new Uint8Array(0) : new Uint8Array(value);
}

export function isBufferSource(value) {
  return ArrayBufferIsView(value) || isArrayBuffer(value);
}

function BufferSource(value, prefix, context) {
  if (ArrayBufferIsView(value) || isArrayBuffer(value)) return value;
  throw typeError(prefix, context, "is not of type 'ArrayBuffer' or 'ArrayBufferView'.");
}

// === Makers ===

/** `converter(item, prefix, context)` for each item of any iterable. */
export function createSequence(converter) {
  return (value, prefix, context) => {
    if (!isObject(value)) throw typeError(prefix, context, "cannot be converted to a sequence.");
    const method = value[SymbolIterator];
    if (typeof method !== "function") throw typeError(prefix, context, "cannot be converted to a sequence: it is not iterable.");
    return sequenceFrom(value, method, converter, prefix, context);
  };
}

/** The second half of a sequence's conversion, for unions that have looked at `value[Symbol.iterator]` already. */
export function sequenceFrom(value, method, converter, prefix, context) {
  const iterator = FunctionPrototypeCall(method, value);
  if (!isObject(iterator)) throw typeError(prefix, context, "cannot be converted to a sequence: its iterator is not an object.");
  const next = iterator.next;
  const array = [];
  while (true) {
    const result = FunctionPrototypeCall(next, iterator);
    if (!isObject(result)) throw typeError(prefix, context, "cannot be converted to a sequence: its iterator's result is not an object.");
    if (result.done) return array;
    ObjectDefineProperty(array, array.length, {
      __proto__: null, configurable: true, enumerable: true, writable: true,
      value: converter(result.value, prefix, `${context === undefined ? "The value" : context}, index ${array.length}`),
    });
  }
}

/** A record as a null-prototype object with the keys in their order. */
export function createRecord(keyConverter, valueConverter) {
  return (value, prefix, context) => {
    if (!isObject(value)) throw typeError(prefix, context, "cannot be converted to a record.");
    const record = { __proto__: null };
    const keys = ReflectOwnKeys(value);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const descriptor = ReflectGetOwnPropertyDescriptor(value, key);
      if (descriptor === undefined || !descriptor.enumerable) continue;
      const name = keyConverter(key, prefix, context);
      record[name] = valueConverter(value[key], prefix, context);
    }
    return record;
  };
}

export function createNullable(converter) {
  return (value, prefix, context, options) => (value === null || value === undefined ? null : converter(value, prefix, context, options));
}

export function createEnum(name, values) {
  const known = new SafeSet();
  for (let i = 0; i < values.length; i++) known.add(values[i]);
  return (value, prefix, context) => {
    const string = DOMString(value, prefix, context);
    if (!known.has(string)) throw typeError(prefix, context, `'${string}' is not a valid enum value of type ${name}.`);
    return string;
  };
}

/**
 * A dictionary from `members`: `{ key, converter, options, required, defaultValue: () => value }`, in any order within one dictionary.
 * Members absent from the value and without default are absent from the result. For an inherited dictionary pass the inherited members
 * first as a nested array: `[[...inherited], ...own]`.
 */
export function createDictionary(name, members) {
  const ordered = [];
  const own = [];
  for (let i = 0; i < members.length; i++) {
    if (ArrayIsArray(members[i])) {
      const inherited = sortMembers(members[i]);
      for (let j = 0; j < inherited.length; j++) ArrayPrototypePush(ordered, inherited[j]);
    } else {
      ArrayPrototypePush(own, members[i]);
    }
  }
  sortMembers(own);
  for (let i = 0; i < own.length; i++) ArrayPrototypePush(ordered, own[i]);

  return (value, prefix, context) => {
    const absent = value === undefined || value === null;
    if (!absent && !isObject(value)) throw notOfType(prefix, context, name);
    const dictionary = { __proto__: null };
    for (let i = 0; i < ordered.length; i++) {
      const member = ordered[i];
      const given = absent ? undefined : value[member.key];
      if (given !== undefined) {
        dictionary[member.key] = member.converter(given, prefix, `member ${member.key} of ${name}`, member.options);
      } else if (member.required) {
        throw new TypeError(`${prefix === undefined ? "" : `${prefix}: `}Missing required member '${member.key}' of ${name}.`);
      } else if (member.defaultValue !== undefined) {
        dictionary[member.key] = member.defaultValue();
      }
    }
    return dictionary;
  };
}

function sortMembers(members) {
  return ArrayPrototypeSort(members, (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** An object of a platform interface; `isInstance` is its brand check. */
export function createInterface(name, isInstance) {
  return (value, prefix, context) => {
    if (!isInstance(value)) throw notOfType(prefix, context, name);
    return value;
  };
}

export const converters = {
  __proto__: null,
  any: (value) => value,
  boolean: (value) => !!value,
  double(value, prefix, context) {
    const x = toNumber(value, prefix, context);
    if (!NumberIsFinite(x)) throw typeError(prefix, context, "is not a finite floating-point value.");
    return x;
  },
  "unrestricted double": toNumber,
  "unrestricted float": (value, prefix, context) => MathFround(toNumber(value, prefix, context)),
  octet: createInteger("octet", 8, false),
  short: createInteger("short", 16, true),
  "unsigned short": createInteger("unsigned short", 16, false),
  long: createInteger("long", 32, true),
  "unsigned long": createInteger("unsigned long", 32, false),
  "long long": createInteger("long long", 64, true),
  "unsigned long long": createInteger("unsigned long long", 64, false),
  DOMString,
  USVString,
  ByteString,
  object(value, prefix, context) {
    if (!isObject(value)) throw notOfType(prefix, context, "object");
    return value;
  },
  Function(value, prefix, context) {
    if (typeof value !== "function") throw notOfType(prefix, context, "Function");
    return value;
  },
  ArrayBuffer(value, prefix, context) {
    if (!isArrayBuffer(value)) throw notOfType(prefix, context, "ArrayBuffer");
    return value;
  },
  ArrayBufferView(value, prefix, context) {
    if (!ArrayBufferIsView(value)) throw notOfType(prefix, context, "ArrayBufferView");
    return value;
  },
  Uint8Array(value, prefix, context) {
    if (!ArrayBufferIsView(value) || TypedArrayPrototypeGetSymbolToStringTag(value) !== "Uint8Array") {
      throw notOfType(prefix, context, "Uint8Array");
    }
    return value;
  },
  BufferSource,
  "sequence<DOMString>": createSequence(DOMString),
  "sequence<USVString>": createSequence(USVString),
};

// === Interfaces (section 3.7) ===

/** Makes the named own properties of `object` enumerable, as Web IDL has its attributes and operations. */
export function enumerable(object, keys) {
  for (let i = 0; i < keys.length; i++) {
    const descriptor = ObjectGetOwnPropertyDescriptor(object, keys[i]);
    descriptor.enumerable = true;
    ObjectDefineProperty(object, keys[i], { __proto__: null, ...descriptor });
  }
}

/** The prototypes of all interfaces: what has one of them in its chain is a platform object. */
export const interfacePrototypes = new SafeSet();

/**
 * Makes a class look like an interface object: string-keyed methods and accessors enumerable on the prototype and (statics) on the class,
 * `Symbol.toStringTag` on the prototype. Options: `name` where it isn't the class's, `hidden` (keys to leave as they are), `constants`
 * ({ NAME: value } on both the interface and its prototype).
 */
export function defineInterface(Class, { name = Class.name, hidden = [], constants = {} } = { __proto__: null }) {
  const { prototype } = Class;
  interfacePrototypes.add(prototype);
  const skip = new SafeSet();
  for (let i = 0; i < hidden.length; i++) skip.add(hidden[i]);
  const visible = (object, reserved) => {
    const keys = ReflectOwnKeys(object);
    const kept = [];
    for (let i = 0; i < keys.length; i++) {
      if (typeof keys[i] === "string" && !reserved.has(keys[i]) && !skip.has(keys[i])) ArrayPrototypePush(kept, keys[i]);
    }
    return kept;
  };
  enumerable(prototype, visible(prototype, ON_PROTOTYPE));
  enumerable(Class, visible(Class, ON_CLASS));
  if (Class.name !== name) {
    ObjectDefineProperty(Class, "name", { __proto__: null, configurable: true, value: name });
  }
  ObjectDefineProperty(prototype, SymbolToStringTag, { __proto__: null, configurable: true, value: name });
  const constantNames = ReflectOwnKeys(constants);
  for (let i = 0; i < constantNames.length; i++) {
    const descriptor = { __proto__: null, enumerable: true, value: constants[constantNames[i]] };
    ObjectDefineProperty(Class, constantNames[i], descriptor);
    ObjectDefineProperty(prototype, constantNames[i], descriptor);
  }
}

const ON_PROTOTYPE = new SafeSet().add("constructor");
const ON_CLASS = new SafeSet().add("length").add("name").add("prototype");

// === Iterable declarations of pairs (section 3.7.9) ===

const KEYS = 0;
const VALUES = 1;
const ENTRIES = 2;

class ReturnArgument {
  constructor(object) {
    return object;
  }
}

/** Private state on an iterator whose prototype is not a class's. */
class PairIterator extends ReturnArgument {
  #name;
  #target;
  #kind;
  #index = 0;

  constructor(prototype, name, target, kind) {
    super(ObjectCreate(prototype));
    this.#name = name;
    this.#target = target;
    this.#kind = kind;
  }

  static next(iterator, name, getPairs) {
    if (!isObject(iterator) || !(#name in iterator) || iterator.#name !== name) illegalInvocation();
    const target = iterator.#target;
    if (target === null) return { value: undefined, done: true };
    const pairs = getPairs(target);
    const index = iterator.#index;
    if (index >= pairs.length) {
      iterator.#target = null;
      return { value: undefined, done: true };
    }
    iterator.#index = index + 2;
    switch (iterator.#kind) {
      case KEYS: return { value: pairs[index], done: false };
      case VALUES: return { value: pairs[index + 1], done: false };
      default: return { value: [pairs[index], pairs[index + 1]], done: false };
    }
  }
}

/**
 * Gives `Class.prototype` entries, keys, values, forEach and `Symbol.iterator`. `getPairs(target)` is asked at every step for the flat
 * list `[key, value, key, value, ...]` as it is then; it throws `illegalInvocation()` for a target of another kind.
 */
export function mixinPairIterable(Class, name, getPairs) {
  const iteratorPrototype = ObjectCreate(IteratorPrototype, {
    next: {
      __proto__: null, configurable: true, enumerable: true, writable: true,
      value: { next() { return PairIterator.next(this, name, getPairs); } }.next,
    },
    [SymbolToStringTag]: { __proto__: null, configurable: true, value: `${name} Iterator` },
  });
  const start = (target, kind) => {
    getPairs(target);
    return new PairIterator(iteratorPrototype, name, target, kind);
  };
  const methods = {
    entries() { return start(this, ENTRIES); },
    keys() { return start(this, KEYS); },
    values() { return start(this, VALUES); },
    forEach(callback, thisArg = undefined) {
      getPairs(this);
      const prefix = `Failed to execute 'forEach' on '${name}'`;
      requiredArguments(arguments.length, 1, prefix);
      converters.Function(callback, prefix, "parameter 1");
      for (let i = 0; ; i += 2) {
        const pairs = getPairs(this);
        if (i >= pairs.length) return;
        ReflectApply(callback, thisArg, [pairs[i + 1], pairs[i], this]);
      }
    },
  };
  const descriptor = (value, isEnumerable) => ({ __proto__: null, configurable: true, enumerable: isEnumerable, writable: true, value });
  ObjectDefineProperties(Class.prototype, {
    entries: descriptor(methods.entries, true),
    forEach: descriptor(methods.forEach, true),
    keys: descriptor(methods.keys, true),
    values: descriptor(methods.values, true),
    [SymbolIterator]: descriptor(methods.entries, false),
  });
}

ObjectFreeze(converters);
