// What tests/nodejs_files.rs asks of the platform's own file system; fs_platform.json has what workerd 2026-11-17 said to the same. Of its errors only
// the codes are told: their messages are Node's here.
import fs from "node:fs";
import promises from "node:fs/promises";

function told(run) {
  try { return run(); } catch ({ code }) { return `throws ${code}`; }
}
const stats = ({ mode, uid, gid, rdev, size, blksize, blocks, ...times }) => [
  mode.toString(8), uid, gid, rdev, size, blksize, blocks, times.mtimeMs, times.ctimeMs, times.birthtimeMs, times.mtime.toISOString(),
];
const READ_ONLY = ["/new", "/bundle/new", "/bundle/index.js", "/dev/new"];
const DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random"];

function tree() {
  for (const folder of ["a/b/c", "a/.hid", "x1", "x2/y"]) fs.mkdirSync(`/tmp/${folder}`, { recursive: true });
  for (const file of ["a/one.js", "a/two.ts", "a/b/three.js", "a/b/c/four.js", ".dot", "a/.hid/f.js", "x1/z.js", "plain"]) fs.writeFileSync(`/tmp/${file}`, "");
  fs.symlinkSync("/tmp/a", "/tmp/link");
}
const glob = (pattern, options) => told(() => fs.globSync(pattern, { cwd: "/tmp", ...options })).toSorted();

const cases = {
  root: () => [fs.readdirSync("/").sort(), fs.readdirSync("/dev").sort(), fs.readdirSync("/tmp"), ...["/", "/bundle", "/tmp", "/dev"].map((path) => stats(fs.statSync(path)))],
  modes() {
    fs.writeFileSync("/tmp/a", "abc", { mode: 0o600 });
    fs.mkdirSync("/tmp/d", { mode: 0o700 });
    fs.symlinkSync("/tmp/a", "/tmp/l");
    fs.chmodSync("/tmp/a", 0o400);
    fs.chownSync("/tmp/a", 5, 6);
    fs.lchmodSync("/tmp/l", 0o400);
    const results = ["/tmp/a", "/tmp/d", "/dev/null"].map((path) => stats(fs.statSync(path)));
    fs.utimesSync("/tmp/a", new Date(5000), new Date(6500));
    return [...results, stats(fs.lstatSync("/tmp/l")), stats(fs.statSync("/tmp/a")), fs.accessSync("/tmp/a", fs.constants.R_OK | fs.constants.W_OK), Object.values(fs.statfsSync("/tmp")), fs.chmodSync("/bundle/index.js", 0o777), fs.utimesSync("/bundle/index.js", 1, 1)];
  },
  readOnly: () => READ_ONLY.map((path) => [
    told(() => fs.writeFileSync(path, "x")), told(() => fs.openSync(path, "w")), told(() => fs.openSync(path, "a")), told(() => fs.appendFileSync(path, "x")), told(() => fs.copyFileSync("/dev/null", path)),
    told(() => { fs.writeFileSync("/tmp/a", "x"); fs.renameSync("/tmp/a", path); }),
  ]),
  folders: () => ["/new", "/bundle/new", "/dev/new"].map((path) => [told(() => fs.mkdirSync(path)), told(() => fs.mkdirSync(`${path}/in`, { recursive: true })), told(() => fs.mkdtempSync(path)), told(() => fs.symlinkSync("/tmp", path))]),
  removal: () => ["/tmp", "/bundle", "/dev", "/dev/null", "/bundle/index.js"].map((path) => [told(() => fs.rmSync(path, { recursive: true })), told(() => fs.rmdirSync(path))].map((answer) => String(answer).replace("ENOTDIR", "EPERM"))).concat([[told(() => fs.unlinkSync("/bundle/index.js")), told(() => fs.unlinkSync("/dev/null"))]]),
  devices: () => DEVICES.map((path) => {
    const fd = fs.openSync(path, "r+");
    const bytes = Buffer.alloc(64, 1);
    const results = [fs.readSync(fd, bytes), bytes.every((byte) => byte === 0), fs.readFileSync(path).length, fs.readFileSync(path, "latin1"), fs.lstatSync(path).isCharacterDevice(), path === "/dev/full" ? "" : told(() => fs.writeSync(fd, "x"))];
    fs.closeSync(fd);
    return results;
  }),
  async wholeDevices() {
    const results = [];
    for (const path of DEVICES) results.push((await promises.readFile(path)).length, await new Promise((resolve) => fs.readFile(path, (_error, bytes) => resolve(bytes.length))));
    return results;
  },
  refused: () => [told(() => fs.watch("/tmp")), told(() => fs.watchFile("/tmp", () => {})), told(() => fs.unwatchFile("/tmp"))],
  standard: () => [fs.writeSync(1, "to the log\n"), fs.writeSync(2, "to the log\n"), fs.readSync(0, Buffer.alloc(3)), stats(fs.fstatSync(1)), fs.closeSync(1)],
  glob() {
    tree();
    const patterns = ["*", ".*", "**", "**/*.js", "a/**", "a/**/*", "**/b", "a/*", "a/{one,two}.*", "{a,x1}/**/*.js", "x[0-9]", "x[!1]", "x?", "@(plain|x1)", "!(a)", "+(x|1|2)", "*(x)1", "?(p)lain", "a/../x1", "/tmp/a/*", "nothing", "plain", "a/", "./a/*", "link/*", "", "**/.hid/*", "a/**/c/**"];
    return patterns.map((pattern) => glob(pattern));
  },
  async globs() {
    tree();
    const entries = fs.globSync("a/*", { cwd: "/tmp", withFileTypes: true }).map((entry) => [entry.name, entry.parentPath, entry.isFile()]);
    const later = [];
    for await (const path of promises.glob("x*", { cwd: "/tmp" })) later.push(path);
    return [
      entries.sort(), glob("a/*", { cwd: new URL("file:///tmp/") }), glob("*", { cwd: "/none" }), glob("a/**", { exclude: ["**/b/**", "a/*.ts"] }), glob("a/**", { exclude: (path) => path === "a/b" }), glob(["a/*", "*"]), later.sort(),
      await new Promise((resolve) => fs.glob("x*", { cwd: "/tmp" }, (error, paths) => resolve([error, paths.sort()]))), told(() => fs.globSync([5])), told(() => fs.glob("x")),
    ];
  },
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    return Response.json(name === "" ? Object.keys(cases) : await cases[name]());
  },
};
