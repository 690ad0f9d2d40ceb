// What `util` has on the platform beside all that Node.js 20 has.

'use strict';

const {
  ArrayIsArray, ArrayPrototypePush, ArrayPrototypeReverse, Error, ErrorCaptureStackTrace, Int32Array, NumberIsSafeInteger, ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor, ObjectKeys, ReflectDeleteProperty,
} = primordials;
const { codes: { ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE } } = require('internal/errors');
const { getSystemErrorMap } = require('internal/util');
const { validateNumber, validateOneOf, validateString } = require('internal/validators');

function convertProcessSignalToExitCode(signalCode) {
  const { signals } = internalBinding('constants').os;
  validateOneOf(signalCode, 'signalCode', ObjectKeys(signals));
  return 128 + signals[signalCode];
}

function getSystemErrorMessage(err) {
  validateNumber(err, 'err');
  if (err >= 0 || !NumberIsSafeInteger(err)) throw new ERR_OUT_OF_RANGE('err', 'a negative integer', err);
  return getSystemErrorMap().get(err)?.[1] ?? `Unknown system error ${err}`;
}

// === getCallSites ===

const MOST_FRAMES = 200;

/** Runs `run` with properties of Error, which are the Worker's own, as they are to be meanwhile. */
function withErrorProperties(properties, run) {
  const names = ObjectKeys(properties);
  const before = [];
  for (let i = 0; i < names.length; i++) {
    ArrayPrototypePush(before, ObjectGetOwnPropertyDescriptor(Error, names[i]));
    ObjectDefineProperty(Error, names[i], { __proto__: null, value: properties[names[i]], writable: true, enumerable: true, configurable: true });
  }
  try {
    return run();
  } finally {
    for (let i = 0; i < names.length; i++) {
      if (before[i] === undefined) ReflectDeleteProperty(Error, names[i]);
      else ObjectDefineProperty(Error, names[i], { __proto__: null, ...before[i] });
    }
  }
}

function getCallSites(frameCount = 8) {
  if (typeof frameCount !== 'number' || !(frameCount >= 1 && frameCount <= MOST_FRAMES)) {
    throw new Error('Frame count should be between 1 and 200 inclusive.');
  }
  const target = {};
  const frames = withErrorProperties({ __proto__: null, stackTraceLimit: frameCount, prepareStackTrace: (_error, all) => all }, () => {
    ErrorCaptureStackTrace(target, getCallSites);
    return target.stack;
  });
  const sites = [];
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i];
    const column = frame.getColumnNumber();
    ArrayPrototypePush(sites, {
      functionName: frame.getFunctionName() ?? '', scriptName: frame.getScriptNameOrSourceURL() ?? '', lineNumber: frame.getLineNumber(),
      columnNumber: column, column,
    });
  }
  return sites;
}

// === diff ===

function checkLines(value, name) {
  if (!ArrayIsArray(value)) return validateString(value, name);
  for (let i = 0; i < value.length; i++) validateString(value[i], `${name}[${i}]`);
}

/** For each number of differences up to that which suffices: how far each diagonal came. Myers, "An O(ND) Difference Algorithm", 1986. */
function reach(actual, expected) {
  const levels = [];
  for (let level = 0; ; level++) {
    const before = levels[level - 1];
    const now = new Int32Array(2 * level + 1);
    ArrayPrototypePush(levels, now);
    for (let diagonal = -level; diagonal <= level; diagonal += 2) {
      // A level has its diagonal k at k + level.
      const down = level > 0 && diagonal < level ? before[diagonal + level] ?? -1 : -1;
      const right = level > 0 && diagonal > -level ? before[diagonal + level - 2] ?? -1 : -1;
      let x = level === 0 ? 0 : diagonal === -level || (diagonal !== level && right < down) ? down : right + 1;
      while (x < actual.length && x - diagonal < expected.length && actual[x] === expected[x - diagonal]) x++;
      now[diagonal + level] = x;
      if (x >= actual.length && x - diagonal >= expected.length) return levels;
    }
  }
}

/** What is in both is [0, part], what is in the first alone [1, part], and what is in the second alone [-1, part]. */
function diff(actual, expected) {
  checkLines(actual, 'actual');
  checkLines(expected, 'expected');
  const levels = reach(actual, expected);
  if (levels.length === 1 && actual.length === expected.length && typeof actual === typeof expected) return [];
  const steps = [];
  let x = actual.length;
  let y = expected.length;
  for (let level = levels.length - 1; level >= 0; level--) {
    const diagonal = x - y;
    const before = levels[level - 1];
    const goesDown = level > 0 && (diagonal === -level || (diagonal !== level && before[diagonal + level - 2] < before[diagonal + level]));
    const from = level === 0 ? 0 : goesDown ? before[diagonal + level] : before[diagonal + level - 2] + 1;
    for (; x > from; x--, y--) ArrayPrototypePush(steps, [0, actual[x - 1]]);
    if (level === 0) break;
    if (goesDown) ArrayPrototypePush(steps, [-1, expected[--y]]);
    else ArrayPrototypePush(steps, [1, actual[--x]]);
  }
  return ArrayPrototypeReverse(steps);
}

module.exports = {
  convertProcessSignalToExitCode, diff, getCallSite: getCallSites, getCallSites, getSystemErrorMessage, setTraceSigInt() {},
};
