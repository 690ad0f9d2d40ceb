// What tests/nodejs_modules.rs asks of what workerd has beside Node.js 20's modules; more.json has what workerd 2026-11-17 said to the same
// (compatibility date 2026-11-17).
import JSStreamSocket from "node:_stream_wrap";
import assert from "node:assert";
import { asyncWrapProviders } from "node:async_hooks";
import constants from "node:constants";
import * as crypto from "node:crypto";
import module from "node:module";
import net, { Socket } from "node:net";
import sqlite from "node:sqlite";
import { PassThrough } from "node:stream";
import test, { mock } from "node:test";
import timers, { Timeout } from "node:timers";
import util from "node:util";

function show(value) {
  if (value === undefined) return "undefined";
  if (typeof value === "function") return `function ${value.name}`;
  if (typeof value === "symbol") return String(value);
  return value;
}
function told(run) {
  try { return show(run()); } catch ({ name, code, message }) { return ["throws", name, code, message]; }
}
/** The code alone, where only the words differ. */
function code(run) {
  try { return show(run()); } catch (error) { return ["throws", error.name, error.code]; }
}
const names = (object) => Object.getOwnPropertyNames(object).sort();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const REFUSED = [
  "register", "registerHooks", "findPackageJSON", "findSourceMap", "SourceMap", "setSourceMapsSupport", "stripTypeScriptTypes", "runMain", "syncBuiltinESMExports", "wrap", "_debug", "_findPath",
  "_initPaths", "_load", "_nodeModulePaths", "_preloadModules", "_resolveFilename", "_resolveLookupPaths", "Module",
];

const cases = {
  modules: () => [
    REFUSED.map((name) => told(() => module[name]())), told(() => new module.Module("x")), module === module.Module, told(() => module.prototype.load()), told(() => module.prototype.require("x")), module.prototype.isPreloading, told(() => module.enableCompileCache()),
    told(() => module.flushCompileCache()), told(() => module.getCompileCacheDir()), module.getSourceMapsSupport(), module.constants, module.globalPaths, module._cache, module._pathCache, Object.keys(module._extensions), told(() => module._extensions[".js"]()),
    ["fs", "node:sqlite", "sqlite", "node:test", "test", "sys", "nothing", 5].map((name) => module.isBuiltin(name)), module.builtinModules.includes("sqlite"), module.builtinModules.includes("test"), module.builtinModules.includes("fs/promises"),
    ["/a.js", "file:///a.js", new URL("file:///a.js")].map((path) => typeof module.createRequire(path)("node:path").join), ["a.js", "https://x/y", undefined, 5].map((path) => code(() => module.createRequire(path))),
  ],
  timers: () => [
    timers.setTimeout(() => {}, 1) instanceof Timeout, told(() => timers.active({})), told(() => timers.active(undefined)), told(() => timers.unenroll({})), told(() => timers.unenroll(timers.setTimeout(() => {}, 5))), told(() => timers.enroll({}, 5)), typeof timers.promises.setTimeout,
    told(() => timers.active(timers.setTimeout(() => {}, 5))),
  ],
  util: () => [
    ["SIGTERM", "SIGHUP", "SIGSYS", "x", undefined].map((signal) => told(() => util.convertProcessSignalToExitCode(signal))), [["a\nb", "a\nc"], [["a", "b"], ["b", "c"]], ["", ""], ["abc", "abc"], [5, "x"], [["a"], "a"], ["kitten", "sitting"], [[1], ["1"]], ["abcabba", "cbabac"], ["", "ab"]].map(([a, b]) => told(() => util.diff(a, b))),
    util.getCallSites().length > 0, Object.keys(util.getCallSites(1)[0]), [0, 201, "x"].map((count) => told(() => util.getCallSites(count))), told(() => util.setTraceSigInt(true)), [-2, -99999, 2, "x"].map((number) => told(() => util.getSystemErrorMessage(number))), util.types.isFloat16Array(new Float16Array(1)), util.types.isFloat16Array(1),
  ],
  assert: () => [
    [
      [[1, 2, 3], [1, 2]], [[1, 2], [1, 2, 3]], [{ a: [1, 2], b: 1 }, { a: [1] }], [new Map([[1, 2], [3, 4]]), new Map([[1, 2]])], [new Map([[1, 2]]), new Map([[1, 3]])], [new Set([{ a: 1 }, 2]), new Set([{ a: 1 }])], [{ a: 1 }, {}], [{}, { a: undefined }], [1, 1], [1, "1"], [null, {}], [{}, null],
      [new Date(1), new Date(1)], [new Date(1), new Date(2)], [[1], { 0: 1 }], [{ [Symbol.iterator]: 1 }, {}], [{ a: { b: { c: 1, d: 2 } } }, { a: { b: { c: 1 } } }], [/a/, /a/], [/a/, /b/], [[[1, 2], [3]], [[1]]], [NaN, NaN], [0, -0], [[1, 2, 3, 4], [2, 3]],
    ].map(([actual, expected]) => told(() => assert.partialDeepStrictEqual(actual, expected))),
    code(() => new assert.Assert().equal(1, "1")), told(() => new assert.Assert({ strict: false }).equal(1, "1")), told(() => new assert.Assert({ diff: "x" })), names(new assert.Assert()), names(assert.Assert.prototype), code(() => new assert.Assert().ok(0)), typeof assert.strict.Assert,
  ],
  others: () => [
    asyncWrapProviders, constants.O_SYMLINK, constants.SIGINFO, constants.defaultCipherList, new net.BoundSocket().address(), new net.BoundSocket({ port: 1 }).address(), new net.BoundSocket().fd, told(() => new net.BoundSocket().close()),
    ["CryptoKey", "PublicKeyObject", "PrivateKeyObject", "SecretKeyObject", "pseudoRandomBytes", "createCipher"].map((name) => [typeof crypto[name], typeof crypto.default[name]]), crypto.CryptoKey === globalThis.CryptoKey, crypto.pseudoRandomBytes(3).length,
    told(() => new sqlite.DatabaseSync(":memory:")), told(() => new sqlite.StatementSync()), told(() => sqlite.backup()), sqlite.constants,
  ],
  mocks() {
    const double = mock.fn((a) => { if (a === 3) throw new Error("three"); return a * 2; }, (a) => a + 100, { times: 2 });
    const results = [1, 2, 3, 4].map((a) => told(() => double(a)));
    const calls = double.mock.calls.map((call) => [Object.keys(call), call.result, call.error?.message, typeof call.stack, typeof call.target]);
    double.mock.mockImplementation(() => "replaced");
    results.push(double(1));
    double.mock.mockImplementationOnce(() => "once", 6);
    results.push(double(1), double(1), double(1), double.mock.callCount());
    double.mock.resetCalls();
    results.push(double.mock.callCount());
    double.mock.restore();
    results.push(double(4));
    class Thing {
      constructor(x) { this.x = x; }
      method() { return this.x; }
      get value() { return 1; }
      set value(value) { this.given = value; }
    }
    const Mocked = mock.fn(Thing);
    const thing = new Mocked(5);
    const method = mock.method(Thing.prototype, "method", () => "mocked");
    const replaced = [thing.method(), method.mock.callCount()];
    mock.getter(Thing.prototype, "value", () => 9);
    mock.setter(Thing.prototype, "value", function(value) { this.given = value * 2; });
    thing.value = 4;
    replaced.push(thing.value, thing.given);
    mock.restoreAll();
    replaced.push(thing.method());
    const object = { a: 1 };
    const property = mock.property(object, "a", 7);
    const seen = [object.a, (object.a = 8), object.a, property.mock.accessCount(), property.mock.accesses.map(({ type, value }) => [type, value])];
    property.mock.mockImplementationOnce(20);
    seen.push(object.a, object.a, property.a, names(Object.getPrototypeOf(property.mock)));
    property.mock.resetAccesses();
    seen.push(property.mock.accessCount());
    mock.restoreAll();
    seen.push(object.a);
    return [
      results, calls, thing.x, thing instanceof Thing, Mocked.mock.calls[0].result === thing, replaced, seen, names(test), names(Object.getPrototypeOf(mock)), told(() => mock.timers), told(() => mock.fn(5)), told(() => mock.fn(() => {}, 5)), told(() => mock.method({}, "x")), told(() => mock.method(5, "x")), told(() => mock.method({ x: 1 }, "x")),
      told(() => mock.property({}, "x", 1)), told(() => mock.fn(() => 1, () => 2, { times: 0 })), told(() => mock.method({ x() {} }, "x", { getter: true, setter: true })), told(() => mock.fn().mock.mockImplementation(5)), told(() => mock.fn().mock.mockImplementationOnce(() => 1, -1)),
    ];
  },
  async streams() {
    const stream = new PassThrough();
    const through = [];
    const socket = new JSStreamSocket(stream);
    stream.on("data", (chunk) => through.push(String(chunk)));
    socket.write("hello");
    await pause(30);
    const results = [through, socket instanceof Socket, JSStreamSocket.name, socket.stream === stream, socket.isClosing()];
    socket.destroy();
    await pause(30);
    return [...results, stream.destroyed, socket.destroyed, code(() => new JSStreamSocket())[0]];
  },
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    return Response.json(name === "" ? Object.keys(cases) : await cases[name]());
  },
};
