// Whether a value has all that another one has: `assert.partialDeepStrictEqual`.

'use strict';

const {
  ArrayIsArray, MapPrototypeForEach, MapPrototypeGet, MapPrototypeHas, ObjectGetOwnPropertySymbols, ObjectGetPrototypeOf, ObjectIs, ObjectKeys,
  ObjectPrototype, ObjectPrototypeHasOwnProperty, SafeSet, SetPrototypeAdd, SetPrototypeDelete, SetPrototypeForEach, SetPrototypeHas,
} = primordials;
const { isDeepStrictEqual } = require('internal/util/comparisons');
const { isMap, isSet } = require('internal/util/types');

/** `under`: the objects whose comparison is under way; what leads back to one is as equal as the rest of it. */
function contains(actual, expected, under) {
  if (ObjectIs(actual, expected)) return true;
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) return false;
  if (isMap(expected)) return isMap(actual) && hasEntries(actual, expected, under);
  if (isSet(expected)) return isSet(actual) && hasMembers(actual, expected, under);
  const isList = ArrayIsArray(expected);
  if (!isList && !isPlain(expected)) return isDeepStrictEqual(actual, expected);
  if (ArrayIsArray(actual) !== isList || (isList && expected.length > actual.length)) return false;
  if (SetPrototypeHas(under, expected)) return true;
  SetPrototypeAdd(under, expected);
  const result = hasProperties(actual, expected, ObjectKeys(expected), under) && hasProperties(actual, expected, ObjectGetOwnPropertySymbols(expected), under);
  SetPrototypeDelete(under, expected);
  return result;
}

function isPlain(value) {
  const prototype = ObjectGetPrototypeOf(value);
  return prototype === ObjectPrototype || prototype === null;
}

function hasProperties(actual, expected, keys, under) {
  for (let i = 0; i < keys.length; i++) {
    if (!ObjectPrototypeHasOwnProperty(actual, keys[i]) || !contains(actual[keys[i]], expected[keys[i]], under)) return false;
  }
  return true;
}

function hasEntries(actual, expected, under) {
  let result = true;
  MapPrototypeForEach(expected, (value, key) => {
    result = result && MapPrototypeHas(actual, key) && contains(MapPrototypeGet(actual, key), value, under);
  });
  return result;
}

/** Each member has one of its own in the other set. */
function hasMembers(actual, expected, under) {
  const free = new SafeSet();
  SetPrototypeForEach(actual, (member) => SetPrototypeAdd(free, member));
  let result = true;
  SetPrototypeForEach(expected, (member) => {
    if (!result) return;
    let found = SetPrototypeHas(free, member);
    let match = member;
    if (!found) {
      SetPrototypeForEach(free, (candidate) => {
        if (found || !contains(candidate, member, under)) return;
        found = true;
        match = candidate;
      });
    }
    if (found) SetPrototypeDelete(free, match);
    result = found;
  });
  return result;
}

module.exports = (actual, expected) => contains(actual, expected, new SafeSet());
