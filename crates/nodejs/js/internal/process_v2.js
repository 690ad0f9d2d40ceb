// What `process` has beside that from 2025-09-15 on: the answers are those that the platform gives to everybody.

'use strict';

const {
  BigInt, DateNow, Error, MathTrunc, ObjectAssign, ObjectDefineProperties, SafeSet, SymbolToStringTag,
} = primordials;
const { notImplemented } = require('internal/not_implemented');
const { codes: { ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE } } = require('internal/errors');
const { validateArray, validateString } = require('internal/validators');

function failure(code, message) {
  const error = new Error(message);
  error.code = code;
  return error;
}

/** What only the superuser may. */
function notPermitted() {
  throw failure('EPERM', 'operation not permitted');
}

function hrtime(before = undefined) {
  const now = DateNow();
  const seconds = MathTrunc(now / 1000);
  const nanoseconds = (now % 1000) * 1e6;
  if (before === undefined) return [seconds, nanoseconds];
  validateArray(before, 'time');
  if (before.length !== 2) throw new ERR_OUT_OF_RANGE('time', 2, before.length);
  const more = nanoseconds - before[1];
  return more < 0 ? [seconds - before[0] - 1, more + 1e9] : [seconds - before[0], more];
}
hrtime.bigint = () => BigInt(DateNow()) * 1000000n;

const memoryUsage = () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 });

const resourceUsage = () => ({
  userCPUTime: 0, systemCPUTime: 0, maxRSS: 0, sharedMemorySize: 0, unsharedDataSize: 0, unsharedStackSize: 0, minorPageFault: 0,
  majorPageFault: 0, swappedOut: 0, fsRead: 0, fsWrite: 0, ipcSent: 0, ipcReceived: 0, signalsCount: 0, voluntaryContextSwitches: 0,
  involuntaryContextSwitches: 0,
});

let mask = 0o22;
function umask(value = undefined) {
  const before = mask;
  if (value !== undefined) {
    const number = typeof value === 'string' ? parseOctal(value) : value;
    if (typeof number !== 'number') throw new ERR_INVALID_ARG_TYPE('mask', ['number', 'string'], value);
    mask = number & 0o777;
  }
  return before;
}

function parseOctal(text) {
  let number = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = +text[i];
    if (!(digit >= 0 && digit < 8)) throw failure('ERR_INVALID_ARG_VALUE', `The argument 'mask' must be a 32-bit unsigned integer or an octal string. Received '${text}'`);
    number = number * 8 + digit;
  }
  return number;
}

function assert(value, message) {
  if (!value) throw new (require('internal/assert/assertion_error'))({ message: message ?? 'assertion error', actual: value, expected: true, operator: '==' });
}

/** The named methods, each of which throws. */
function missingMethods(names) {
  const methods = { __proto__: null };
  for (let i = 0; i < names.length; i++) methods[names[i]] = notImplemented(`process.${names[i]}`, names[i]);
  return methods;
}

module.exports = (process) => {
  ObjectAssign(process, {
    allowedNodeEnvironmentFlags: new SafeSet(),
    argv0: 'workerd', execArgv: [], execPath: '', debugPort: 0, noDeprecation: false, traceDeprecation: false, throwDeprecation: false,
    sourceMapsEnabled: false, connected: false, channel: null, domain: null, exitCode: undefined, mainModule: undefined, moduleLoadList: [],
    _exiting: false, _preload_modules: [],
    _channel: undefined, _disconnect: undefined, _handleQueue: undefined, _pendingMessage: undefined, _send: undefined,
    release: { name: 'node', lts: true, sourceUrl: '', headersUrl: '' },
    report: {
      compact: false, directory: '', filename: '', reportOnFatalError: false, reportOnSignal: false, reportOnUncaughtException: false,
      excludeNetwork: false, excludeEnv: false, signal: 'SIGUSR2',
    },
    config: { target_defaults: { default_configuration: 'Release' }, variables: {} },
    permission: { has: () => true },
    finalization: { register() {}, unregister() {}, registerBeforeExit() {} },
    assert, hrtime, memoryUsage, resourceUsage, umask,
    uptime: () => 0, constrainedMemory: () => 0, availableMemory: () => 0,
    getuid: () => 0, geteuid: () => 0, getgid: () => 0, getegid: () => 0, getgroups: () => [0],
    setuid: notPermitted, seteuid: notPermitted, setgid: notPermitted, setegid: notPermitted, setgroups: notPermitted, initgroups: notPermitted,
    setSourceMapsEnabled() {}, getSourceMapsSupport: () => ({ __proto__: null, enabled: false, nodeModules: false, generatedCode: false }),
    ref() {}, unref() {}, _rawDebug() {}, _tickCallback() {}, _startProfilerIdleNotifier() {}, _stopProfilerIdleNotifier() {},
    _getActiveRequests: () => [], _getActiveHandles: () => [],
    chdir(directory) {
      validateString(directory, 'directory');
      throw failure('ENOENT', `no such file or directory, chdir '${directory}'`);
    },
    loadEnvFile(path = '.env') { throw failure('ENOENT', `no such file or directory, open '${path}'`); },
    ...missingMethods([
      'abort', 'kill', 'binding', 'dlopen', 'cpuUsage', 'threadCpuUsage', 'getActiveResourcesInfo', 'setUncaughtExceptionCaptureCallback',
      'hasUncaughtExceptionCaptureCallback', 'send', 'execve', 'openStdin', '_linkedBinding', '_kill', '_fatalException', '_debugProcess', '_debugEnd',
    ]),
    reallyExit: process.exit,
  });
  const streams = require('internal/process_streams');
  ObjectDefineProperties(process, {
    stdin: { __proto__: null, get: streams.stdin, enumerable: true, configurable: true },
    stdout: { __proto__: null, get: streams.stdout, enumerable: true, configurable: true },
    stderr: { __proto__: null, get: streams.stderr, enumerable: true, configurable: true },
    [SymbolToStringTag]: { __proto__: null, value: 'process', configurable: true },
  });
};
