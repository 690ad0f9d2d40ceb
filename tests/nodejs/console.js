// What tests/nodejs_modules.rs asks of node:console, node:util and node:process; console.json has what node said.
import { Console } from "node:console";
import constants from "node:constants";
import os from "node:os";
import process from "node:process";
import { Writable } from "node:stream";
import * as web from "node:stream/web";
import util from "node:util";

const failure = (run) => { try { return run(); } catch (error) { return [error.name, error.code, error.message]; } };
const sink = (chunks) => new Writable({ write(chunk, _, done) { chunks.push(String(chunk)); done(); } });

const cases = {
  consoles: () => {
    const out = [];
    const err = [];
    const console = new Console({ stdout: sink(out), stderr: sink(err), colorMode: false });
    console.log("a %s %d %j", "b", 1, { c: 2 });
    console.error(new Map([[1, { a: [] }]]));
    console.group("group");
    console.info("inside\nof it");
    console.groupEnd();
    console.table([{ a: 1, b: "x" }, { a: 2, c: true }]);
    console.table([["p", "q"]], ["0"]);
    console.count();
    console.count("n");
    console.countReset();
    console.count();
    console.assert(1, "not told");
    console.assert(false, "told %s", "so");
    console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 });
    console.warn("w");
    console.timeEnd("none");
    return [out, err, console instanceof Console, failure(() => new Console({})), failure(() => new Console({ stdout: sink([]), colorMode: 1 })), Object.keys(Console.prototype), new Console(sink([])) instanceof Console];
  },
  errors: () => [util.getSystemErrorName(-2), util.getSystemErrorName(-111), [...util.getSystemErrorMap()].length, failure(() => util.getSystemErrorName(1)), failure(() => util.getSystemErrorName("x")), util._errnoException(-2, "open", "/x").message, util._exceptionWithHostPort(-111, "connect", "1.1.1.1", 80).message],
  process: () => {
    const before = process.hrtime();
    const [seconds, nanoseconds] = process.hrtime(before);
    return [
      process.platform, typeof process.hrtime.bigint(), seconds < 10, nanoseconds >= 0, failure(() => process.hrtime(1)), failure(() => process.hrtime([1])), Object.keys(process.memoryUsage()), Object.keys(process.resourceUsage()), process.umask(0o77) >= 0, process.umask(),
      failure(() => process.chdir(1)), failure(() => process.assert(false, "m")).slice(1), String(process), process.stdout.fd, process.stderr.fd, process.stdin.fd, process.stdout.writable, process.stdout instanceof Writable, process.release.name, process.noDeprecation ?? false,
      failure(() => process.nextTick(1)), process.exitCode ?? null,
    ];
  },
  warnings: async () => {
    const heard = [];
    const hear = ({ name, code, message }) => heard.push([name, code, message]);
    process.removeAllListeners("warning");
    process.on("warning", hear);
    process.emitWarning("one");
    process.emitWarning("two", "Kind", "CODE");
    process.emitWarning("three", { type: "Other", code: "C" });
    process.emitWarning(Object.assign(new Error("four"), { name: "Four" }));
    await new Promise((resolve) => setTimeout(resolve, 2));
    process.off("warning", hear);
    return heard.slice(-4);
  },
  os: () => [os.EOL, os.devNull, os.platform(), os.type(), os.endianness(), os.constants, failure(() => os.setPriority(0, 20)), failure(() => os.getPriority("x")), os.getPriority(), Object.keys(os).sort()],
  numbers: () => [Object.keys(constants).filter((name) => !/^(OPENSSL|SSL|ENGINE|DH|RSA|TLS|POINT|default|NGX|ALPN|EXT|O_SYMLINK|SIGINFO)/.test(name)).map((name) => [name, constants[name]])],
  web: () => Object.keys(web).sort(),
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    return Response.json(name === "" ? Object.keys(cases) : (await cases[name]()) ?? null);
  },
};
