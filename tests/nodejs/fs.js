// What tests/nodejs_files.rs asks of node:fs; fs.json has what node v20.20.2 said to the same, in a directory of its own.
import fs from "node:fs";
import promises from "node:fs/promises";

/** What is the machine's own is left out of what is shown. */
function stats(stat) {
  return [stat.size, stat.nlink, stat.isFile(), stat.isDirectory(), stat.isSymbolicLink(), stat.constructor.name];
}
const failure = ({ name, code, message, errno, syscall, path, dest }) => ({ name, code, message, errno, syscall, path, dest });
function told(run) {
  try { return run(); } catch (error) { return failure(error); }
}
const later = (run) => Promise.resolve().then(run).catch(failure);
const called = (run) => new Promise((resolve) => run((error, ...results) => resolve(error ? failure(error) : results)));
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Paths under the directory of a case. */
const cases = {
  readAndWrite(at) {
    fs.writeFileSync(at("a"), "h\u00e9llo");
    fs.writeFileSync(at("b"), new Uint16Array([0x6161, 0x6262]));
    fs.writeFileSync(at("c"), new DataView(new ArrayBuffer(3), 1));
    fs.writeFileSync(at("d"), "6869", "hex");
    fs.appendFileSync(at("a"), "!");
    fs.appendFileSync(at("new"), Buffer.from("appended"));
    return [
      fs.readFileSync(at("a"), "utf8"), fs.readFileSync(at("a"), { encoding: "latin1" }), hex(fs.readFileSync(at("b"))), fs.readFileSync(at("c")).length, fs.readFileSync(at("d"), "ascii"),
      fs.readFileSync(at("new"), "utf8"), fs.readFileSync(Buffer.from(at("a")), "utf8"), fs.readFileSync(new URL(`file://${at("a")}`), "utf8"), fs.readdirSync(at(".")),
      fs.existsSync(at("a")), fs.existsSync(at("none")), fs.existsSync(5),
    ];
  },
  missing(at) {
    return [
      told(() => fs.readFileSync(at("none"))), told(() => fs.readFileSync(at("none"), "utf8")), told(() => fs.writeFileSync(at("none/a"), "x")), told(() => fs.openSync(at("none"))), told(() => fs.statSync(at("none"))),
      told(() => fs.lstatSync(at("none"))), told(() => fs.readdirSync(at("none"))), told(() => fs.opendirSync(at("none"))).code, told(() => fs.rmdirSync(at("none"))), told(() => fs.unlinkSync(at("none"))),
      told(() => fs.rmSync(at("none"))), told(() => fs.renameSync(at("none"), at("b"))), told(() => fs.linkSync(at("none"), at("b"))), told(() => fs.readlinkSync(at("none"))), told(() => fs.realpathSync(at("none"))),
      told(() => fs.realpathSync.native(at("none"))), told(() => fs.copyFileSync(at("none"), at("b"))), told(() => fs.cpSync(at("none"), at("b"))), told(() => fs.truncateSync(at("none"))), told(() => fs.accessSync(at("none"))),
      told(() => fs.chmodSync(at("none"), 0o600)), told(() => fs.chownSync(at("none"), 0, 0)), told(() => fs.lchownSync(at("none"), 0, 0)), told(() => fs.utimesSync(at("none"), 1, 1)), told(() => fs.lutimesSync(at("none"), 1, 1)),
      told(() => fs.mkdtempSync(at("none/x"))), told(() => fs.mkdirSync(at("none/x"))), told(() => fs.symlinkSync("x", at("none/x"))), told(() => fs.statfsSync(at("none"))), told(() => fs.appendFileSync(at("none/x"), "")),
      fs.statSync(at("none"), { throwIfNoEntry: false }), fs.lstatSync(at("none/x"), { throwIfNoEntry: false }), fs.rmSync(at("none"), { force: true }),
    ];
  },
  wrongKind(at) {
    fs.writeFileSync(at("file"), "x");
    fs.mkdirSync(at("dir/in"), { recursive: true });
    return [
      told(() => fs.readFileSync(at("dir"))), told(() => fs.readFileSync(at("dir"), "utf8")), told(() => fs.writeFileSync(at("dir"), "x")), told(() => fs.readFileSync(at("file/x"))), told(() => fs.readFileSync(at("file/"))),
      told(() => fs.writeFileSync(at("file/x"), "x")), told(() => fs.writeFileSync(at("new/"), "x")), told(() => fs.readdirSync(at("file"))), told(() => fs.opendirSync(at("file"))).code, told(() => fs.mkdirSync(at("file"))), told(() => fs.mkdirSync(at("dir"))),
      told(() => fs.mkdirSync(at("file/x"))), told(() => fs.mkdirSync(at("file"), { recursive: true })), told(() => fs.mkdirSync(at("file/x"), { recursive: true })), told(() => fs.rmdirSync(at("file"))), told(() => fs.rmdirSync(at("dir"))),
      told(() => fs.rmSync(at("dir"))), told(() => fs.readlinkSync(at("file"))), told(() => fs.openSync(at("dir"), "w")), told(() => fs.openSync(at("file"), fs.constants.O_DIRECTORY)), told(() => fs.truncateSync(at("dir"))),
      told(() => fs.openSync(at("file"), "wx")), told(() => fs.statSync(at("file/x"))), told(() => fs.accessSync(at("file/x"))), told(() => fs.copyFileSync(at("dir"), at("copy"))), told(() => fs.copyFileSync(at("file"), at("dir"))),
      told(() => fs.readFileSync("")), told(() => fs.mkdirSync("")), told(() => fs.statSync(at(`${"x".repeat(256)}`))), told(() => fs.statSync(`/${"x/".repeat(3000)}`).size).code,
    ];
  },
  arguments(at) {
    fs.writeFileSync(at("a"), "abc");
    const fd = fs.openSync(at("a"), "r+");
    const results = [
      told(() => fs.readFileSync(5.5)), told(() => fs.statSync({})), told(() => fs.readSync("x")), told(() => fs.readFile(at("a"))), told(() => fs.writeFileSync(at("a"), {})), told(() => fs.readFileSync(at("a"), "nope")).code,
      told(() => fs.openSync(at("a"), "bad")), told(() => fs.closeSync("1")), told(() => fs.closeSync(-1)), told(() => fs.fstatSync(1.5)), told(() => fs.readFileSync("a\0b")), told(() => fs.mkdirSync(at("m"), { recursive: 1 })), told(() => fs.mkdirSync(at("m"), "x")),
      told(() => fs.readSync(fd, Buffer.alloc(2), 3)), told(() => fs.readSync(fd, Buffer.alloc(2), 0, 3)), told(() => fs.readSync(fd, Buffer.alloc(2), 0, 1, "x")), told(() => fs.writeSync(fd, Buffer.alloc(2), 3)), told(() => fs.writeSync(fd, Buffer.alloc(2), 0, 5)), told(() => fs.writeSync(fd, {})),
      told(() => fs.readvSync(fd, "x")), told(() => fs.writevSync(fd, [1])), told(() => fs.truncateSync(at("a"), 1.5)), told(() => fs.ftruncateSync(fd, "x")), told(() => fs.accessSync(at("a"), 9)), told(() => fs.copyFileSync(at("a"), at("b"), 99)), told(() => fs.symlinkSync("a", at("b"), "nope")),
      told(() => fs.utimesSync(at("a"), "x", {})), told(() => fs.chmodSync(at("a"), "9")), told(() => fs.chownSync(at("a"), -5, 0)), told(() => fs.readFileSync(new URL("http://x/a"))), told(() => fs.rmSync(at("a"), 1)), told(() => fs.mkdtempSync(5)), told(() => fs.opendirSync(at("."), { bufferSize: 0 })),
      told(() => fs.createReadStream(at("a"), { start: 5, end: 2 })), told(() => fs.createReadStream(at("a"), { start: "x" })), told(() => fs.exists(at("a"))), told(() => fs.cpSync(at("a"), at("b"), { recursive: 1 })),
    ];
    fs.closeSync(fd);
    return results;
  },
  descriptors(at) {
    const fd = fs.openSync(at("a"), "w+");
    const results = [fs.writeSync(fd, "hello"), fs.writeSync(fd, Buffer.from(" world!"), 0, 6), fs.writeSync(fd, "J", 0), fs.writeSync(fd, Buffer.from("xyz"), { offset: 1, length: 1, position: 4 })];
    const bytes = Buffer.alloc(20);
    results.push(fs.readSync(fd, bytes), fs.readSync(fd, bytes, 0, 5, 0), bytes.toString("latin1", 0, 5), fs.readSync(fd, bytes, { position: 6n }), bytes.toString("latin1", 0, 5), fs.readSync(fd, bytes, 0, 5, 100));
    results.push(fs.writevSync(fd, [Buffer.from("12"), new Uint8Array([51, 52])], 2), fs.writevSync(fd, [Buffer.from("!")]), fs.readFileSync(at("a"), "latin1"));
    const parts = [Buffer.alloc(3), new DataView(new ArrayBuffer(4)), Buffer.alloc(30)];
    results.push(fs.readvSync(fd, parts, 1), parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("latin1")), stats(fs.fstatSync(fd)));
    fs.ftruncateSync(fd, 3);
    results.push(fs.readFileSync(at("a"), "latin1"));
    fs.ftruncateSync(fd, 6);
    results.push(hex(fs.readFileSync(at("a"))), fs.writeSync(fd, "z", 9), hex(fs.readFileSync(at("a"))));
    fs.ftruncateSync(fd);
    fs.fsyncSync(fd); fs.fdatasyncSync(fd); fs.fchmodSync(fd, 0o600);
    results.push(fs.readFileSync(at("a")).length, fs.readFileSync(fd, "utf8"), fs.closeSync(fd));
    results.push(told(() => fs.closeSync(fd)), told(() => fs.readSync(fd, bytes)), told(() => fs.writeSync(fd, "x")), told(() => fs.writeSync(fd, bytes)), told(() => fs.fstatSync(fd)), told(() => fs.ftruncateSync(fd)), told(() => fs.fsyncSync(fd)), told(() => fs.readvSync(fd, [bytes])), told(() => fs.futimesSync(fd, 1, 1)), told(() => fs.fchmodSync(fd, 1)), told(() => fs.readFileSync(fd)), told(() => fs.writeFileSync(fd, "x")));
    return results;
  },
  flags(at) {
    const results = {};
    for (const flag of ["r", "rs", "r+", "rs+", "w", "wx", "w+", "wx+", "a", "ax", "a+", "ax+", "as", "as+"]) {
      fs.writeFileSync(at("a"), "12345");
      fs.rmSync(at("none"), { force: true });
      results[flag] = ["a", "none"].map((name) => told(() => {
        const fd = fs.openSync(at(name), flag);
        const found = [told(() => fs.writeSync(fd, "x")), told(() => fs.writeSync(fd, "y", 1)), told(() => { const bytes = Buffer.alloc(9); return bytes.toString("latin1", 0, fs.readSync(fd, bytes, 0, 9, 0)); })];
        fs.closeSync(fd);
        return [found, fs.readFileSync(at(name), "latin1")];
      }));
    }
    return results;
  },
  directories(at) {
    const results = [fs.mkdirSync(at("x")), fs.mkdirSync(at("p/q/r"), { recursive: true }) === at("p"), fs.mkdirSync(at("p/q/r"), { recursive: true }), fs.mkdirSync(at("p/q/s/t"), { recursive: true }) === at("p/q/s")];
    fs.writeFileSync(at("p/f"), "1");
    fs.writeFileSync(at("p/q/g"), "2");
    const sorted = (list) => [...list].sort();
    const entries = (list) => list.map((entry) => [entry.name, entry.parentPath, entry.isFile(), entry.isDirectory(), entry.isSymbolicLink(), entry.isFIFO(), entry.constructor.name]);
    results.push(sorted(fs.readdirSync(at("p"))), sorted(fs.readdirSync(at("p"), { recursive: true })), entries(fs.readdirSync(at("p"), { withFileTypes: true })), sorted(fs.readdirSync(at("p"), { recursive: true, withFileTypes: true }).map((entry) => `${entry.parentPath}/${entry.name}`)));
    results.push(fs.readdirSync(at("p"), "buffer").map(hex).sort(), fs.readdirSync(at("p/q/r")));
    const dir = fs.opendirSync(at("p"));
    const names = [];
    for (let entry; (entry = dir.readSync()) !== null;) names.push(entry.name);
    results.push(names.sort(), dir.path, dir.closeSync(), told(() => dir.readSync()), told(() => dir.closeSync()));
    const temporary = fs.mkdtempSync(at("t-"));
    results.push(temporary.length - at("t-").length, stats(fs.statSync(temporary)).slice(2), fs.mkdtempSync(at("t-")) !== temporary);
    results.push(fs.rmdirSync(at("x")), fs.rmSync(at("p"), { recursive: true }), fs.existsSync(at("p")), fs.mkdirSync(at("y/z/"), { recursive: true }) === at("y"), fs.readdirSync(at("y")), fs.readdirSync(at("y/./z/.././z")));
    return results;
  },
  links(at) {
    fs.writeFileSync(at("a"), "target");
    fs.mkdirSync(at("d"));
    fs.linkSync(at("a"), at("hard"));
    fs.symlinkSync("a", at("relative"));
    fs.symlinkSync(at("a"), at("absolute"));
    fs.symlinkSync("../a", at("d/up"));
    fs.symlinkSync(at("d"), at("folder"));
    fs.symlinkSync("nowhere", at("dangling"));
    fs.symlinkSync("loop2", at("loop1"));
    fs.symlinkSync("loop1", at("loop2"));
    fs.writeFileSync(at("hard"), "changed");
    const results = [
      fs.readFileSync(at("a"), "utf8"), stats(fs.statSync(at("a"))), fs.readlinkSync(at("relative")), fs.readlinkSync(at("absolute")), fs.readlinkSync(at("relative"), "hex"), fs.readFileSync(at("relative"), "utf8"), fs.readFileSync(at("d/up"), "utf8"), fs.readFileSync(at("folder/up"), "utf8"),
      fs.realpathSync(at("folder/up")), fs.realpathSync.native(at("folder/up")), fs.realpathSync(at("d/../d/./up")), fs.readdirSync(at("folder")), stats(fs.lstatSync(at("relative"))).slice(1), stats(fs.statSync(at("folder"))).slice(2), stats(fs.lstatSync(at("folder/"))).slice(2),
      fs.existsSync(at("dangling")), told(() => fs.readFileSync(at("dangling"))), told(() => fs.openSync(at("dangling"), "wx")), told(() => fs.statSync(at("loop1"))), told(() => fs.realpathSync.native(at("loop1"))), told(() => fs.openSync(at("relative"), fs.constants.O_NOFOLLOW)),
      told(() => fs.linkSync(at("a"), at("hard"))), told(() => fs.symlinkSync("x", at("a"))), told(() => fs.linkSync(at("d"), at("e"))), told(() => fs.symlinkSync("", at("e"))),
    ];
    fs.writeFileSync(at("dangling"), "made");
    results.push(fs.readFileSync(at("nowhere"), "utf8"));
    fs.unlinkSync(at("hard"));
    results.push(stats(fs.statSync(at("a"))), fs.unlinkSync(at("folder")), fs.readdirSync(at("d")));
    fs.symlinkSync(at("d"), at("folder"));
    fs.rmSync(at("folder"), { recursive: true });
    results.push(fs.readdirSync(at("d")), fs.existsSync(at("folder")));
    return results;
  },
  renames(at) {
    fs.writeFileSync(at("a"), "a");
    fs.writeFileSync(at("b"), "b");
    fs.mkdirSync(at("d/in"), { recursive: true });
    fs.mkdirSync(at("empty"));
    fs.linkSync(at("a"), at("same"));
    fs.renameSync(at("a"), at("c"));
    const results = [fs.existsSync(at("a")), fs.readFileSync(at("c"), "utf8")];
    fs.renameSync(at("c"), at("b"));
    results.push(fs.readFileSync(at("b"), "utf8"), fs.existsSync(at("c")), fs.renameSync(at("b"), at("same")), fs.existsSync(at("b")), fs.renameSync(at("b"), at("b")));
    results.push(told(() => fs.renameSync(at("d"), at("d/in/d"))), told(() => fs.renameSync(at("d"), at("b"))), told(() => fs.renameSync(at("b"), at("d"))), told(() => fs.renameSync(at("empty"), at("d"))), told(() => fs.renameSync(at("b"), at("none/b"))), told(() => fs.renameSync(at("b"), at("none/"))), told(() => fs.renameSync(at("b"), at("same/x"))));
    fs.renameSync(at("d"), at("empty"));
    results.push(fs.readdirSync(at("empty")), fs.existsSync(at("d")));
    fs.renameSync(at("empty"), at("other/"));
    fs.writeFileSync(at("other/in/../f"), "1");
    results.push(fs.readdirSync(at("other")), told(() => fs.rmdirSync(at("other/in/."))));
    return results;
  },
  copies(at) {
    fs.writeFileSync(at("a"), "content");
    fs.mkdirSync(at("d/e"), { recursive: true });
    fs.writeFileSync(at("d/1"), "one");
    fs.writeFileSync(at("d/e/2"), "two");
    fs.symlinkSync("1", at("d/link"));
    fs.copyFileSync(at("a"), at("b"));
    fs.appendFileSync(at("b"), "!");
    const results = [fs.readFileSync(at("a"), "utf8"), fs.readFileSync(at("b"), "utf8"), told(() => fs.copyFileSync(at("a"), at("b"), fs.constants.COPYFILE_EXCL)), fs.copyFileSync(at("a"), at("a")), fs.readFileSync(at("a"), "utf8"), fs.copyFileSync(at("a"), at("b"), fs.constants.COPYFILE_FICLONE), fs.readFileSync(at("b"), "utf8")];
    results.push(told(() => fs.cpSync(at("d"), at("x"))), fs.cpSync(at("d"), at("x"), { recursive: true }), fs.readdirSync(at("x"), { recursive: true }).sort(), fs.readFileSync(at("x/e/2"), "utf8"), fs.readlinkSync(at("x/link")));
    results.push(told(() => fs.cpSync(at("d"), at("d/inside"), { recursive: true })), told(() => fs.cpSync(at("a"), at("b"), { errorOnExist: true, force: false })), fs.cpSync(at("d"), at("y"), { recursive: true, filter: (from) => !from.endsWith("e") }), fs.readdirSync(at("y")).sort(), told(() => fs.cpSync(at("a"), at("d"))), told(() => fs.cpSync(at("d"), at("a"), { recursive: true })), told(() => fs.cpSync(at("a"), at("a"))));
    return results;
  },
  times(at) {
    fs.writeFileSync(at("a"), "x");
    fs.symlinkSync("a", at("l"));
    const times = (stat) => [stat.atimeMs, stat.mtimeMs, stat.atime, stat.mtime];
    fs.utimesSync(at("a"), 100, 200.5);
    const results = [times(fs.statSync(at("a")))];
    fs.utimesSync(at("a"), new Date(5000), "7");
    results.push(times(fs.statSync(at("a"))), fs.statSync(at("a"), { bigint: true }).mtimeNs.toString());
    const fd = fs.openSync(at("a"));
    fs.futimesSync(fd, 11, 12);
    results.push(times(fs.fstatSync(fd)));
    fs.closeSync(fd);
    fs.lutimesSync(at("l"), 1, 2);
    results.push(times(fs.lstatSync(at("l"))), times(fs.statSync(at("a"))));
    fs.mkdirSync(at("d"));
    fs.utimesSync(at("d"), 1, 2);
    results.push(times(fs.statSync(at("d"))));
    return results;
  },
  async callbacks(at) {
    const results = [
      await called((done) => fs.writeFile(at("a"), "abc", done)), await called((done) => fs.appendFile(at("a"), "def", done)), await called((done) => fs.readFile(at("a"), "utf8", done)), await called((done) => fs.readFile(at("none"), done)), await called((done) => fs.stat(at("none"), done)),
      await called((done) => fs.access(at("a"), done)), await called((done) => fs.copyFile(at("a"), at("b"), done)), await called((done) => fs.rename(at("b"), at("c"), done)), await called((done) => fs.mkdir(at("d/e"), { recursive: true }, done)).then(([made]) => made === at("d")), await called((done) => fs.readdir(at("."), done)),
      await called((done) => fs.symlink("a", at("l"), done)), await called((done) => fs.readlink(at("l"), done)), await called((done) => fs.realpath(at("l"), done)), await called((done) => fs.link(at("a"), at("h"), done)), await called((done) => fs.unlink(at("h"), done)), await called((done) => fs.truncate(at("a"), 4, done)),
      await called((done) => fs.rmdir(at("d/e"), done)), await called((done) => fs.rm(at("d"), { recursive: true }, done)), await called((done) => fs.rm(at("d"), done)), await called((done) => fs.cp(at("a"), at("copy"), done)), await called((done) => fs.utimes(at("a"), 1, 2, done)), await called((done) => fs.chmod(at("a"), 0o644, done)),
      await new Promise((resolve) => fs.exists(at("a"), resolve)), (await called((done) => fs.mkdtemp(at("t-"), done)))[0].length - at("t-").length,
    ];
    const [fd] = await called((done) => fs.open(at("a"), "r+", done));
    const bytes = Buffer.alloc(8);
    results.push((await called((done) => fs.read(fd, bytes, 0, 8, 0, done)))[0], (await called((done) => fs.read(fd, done))).map((value) => value.length ?? value), await called((done) => fs.write(fd, "zz", 1, done)), (await called((done) => fs.write(fd, Buffer.from("y"), done)))[0], (await called((done) => fs.writev(fd, [Buffer.from("w")], 0, done)))[0], (await called((done) => fs.readv(fd, [bytes], 0, done)))[0]);
    results.push(await called((done) => fs.fstat(fd, done)).then(([stat]) => stat.size), await called((done) => fs.ftruncate(fd, 1, done)), await called((done) => fs.fsync(fd, done)), await called((done) => fs.close(fd, done)), await called((done) => fs.close(fd, done)), await called((done) => fs.read(fd, bytes, done)));
    const [dir] = await called((done) => fs.opendir(at("."), done));
    results.push(dir.constructor.name, (await called((done) => dir.read(done)))[0].constructor.name, await called((done) => dir.close(done)), await called((done) => fs.opendir(at("none"), done)));
    return results;
  },
  async promises(at) {
    const results = [
      await promises.writeFile(at("a"), "abc"), await promises.appendFile(at("a"), "def"), await promises.readFile(at("a"), "utf8"), await later(() => promises.readFile(at("none"))), await later(() => promises.stat(at("none"))), await promises.access(at("a")), await later(() => promises.access(at("none"))), await promises.copyFile(at("a"), at("b")),
      await promises.rename(at("b"), at("c")), await later(() => promises.rename(at("none"), at("c"))), await promises.mkdir(at("d/e"), { recursive: true }) === at("d"), await promises.readdir(at(".")), await promises.readdir(at("."), { recursive: true }).then((names) => names.sort()), await promises.symlink("a", at("l")), await promises.readlink(at("l")), await promises.realpath(at("l")),
      await promises.link(at("a"), at("h")), await promises.unlink(at("h")), await later(() => promises.unlink(at("h"))), await promises.truncate(at("a"), 4), await promises.rmdir(at("d/e")), await promises.rm(at("d"), { recursive: true }), await later(() => promises.rm(at("d"))), await promises.cp(at("a"), at("copy")), await promises.utimes(at("a"), 1, 2), await promises.chmod(at("a"), 0o644),
      stats(await promises.lstat(at("l"))).slice(1), (await promises.mkdtemp(at("t-"))).length - at("t-").length, await promises.writeFile(at("many"), ["a", "b", "c"]), await promises.readFile(at("many"), "utf8"), promises === fs.promises, promises.constants === fs.constants,
    ];
    async function* parts() { yield "x"; yield Buffer.from("y"); }
    await promises.writeFile(at("generated"), parts());
    results.push(await promises.readFile(at("generated"), "utf8"));
    const dir = await promises.opendir(at("."));
    const names = [];
    for await (const { name } of dir) names.push(name.startsWith("t-") ? "t-" : name);
    results.push(names.sort(), await later(() => dir.read()), await later(() => promises.opendir(at("none"))));
    const abort = new AbortController();
    abort.abort();
    results.push(await promises.readFile(at("a"), { signal: abort.signal }).catch(({ name, code }) => [name, code]));
    return results;
  },
  async handles(at) {
    await promises.writeFile(at("a"), "line 1\nline 2\n");
    const handle = await promises.open(at("a"), "r+");
    const bytes = Buffer.alloc(6);
    const closed = [];
    handle.on("close", () => closed.push("close"));
    const results = [
      typeof handle.fd, (await handle.read(bytes, 0, 6, 0)).bytesRead, bytes.toString(), (await handle.read({ buffer: bytes, position: 7 })).buffer === bytes, bytes.toString(), (await handle.write("L")).bytesWritten, (await handle.write(Buffer.from("xyz"), 1, 1, 5)).bytesWritten, (await handle.writev([Buffer.from("1"), Buffer.from("2")], 3)).bytesWritten,
      (await handle.readv([bytes], 0)).bytesRead, await handle.readFile("utf8"), (await handle.stat()).size, await handle.truncate(5), await handle.sync(), await handle.datasync(), await handle.chmod(0o644), await handle.utimes(1, 2), await handle.appendFile("+"), await handle.writeFile("w"),
      await promises.readFile(at("a"), "latin1"), await handle.close(), closed, handle.fd, await handle.close(), await later(() => handle.read(bytes)), await later(() => handle.stat()), await later(() => promises.open(at("none"))), await later(() => promises.open(at("none"), "bad")),
    ];
    const chunks = [];
    const streamed = await promises.open(at("a"));
    for await (const chunk of streamed.createReadStream({ encoding: "utf8" })) chunks.push(chunk);
    results.push(chunks, streamed.fd);
    const whole = await promises.open(at("a"));
    let size = 0;
    for await (const chunk of whole.readableWebStream()) size += chunk.byteLength;
    results.push(size, told(() => whole.readableWebStream()).code);
    await whole.close();
    const written = await promises.open(at("b"), "w");
    const stream = written.createWriteStream();
    stream.end("through a handle");
    await new Promise((resolve) => stream.on("close", resolve));
    results.push(await promises.readFile(at("b"), "utf8"));
    return results;
  },
  async streams(at) {
    fs.writeFileSync(at("a"), "0123456789");
    const events = [];
    const read = fs.createReadStream(at("a"), { start: 1, end: 7, highWaterMark: 3, encoding: "latin1" });
    for (const name of ["open", "ready", "end", "close"]) read.on(name, () => events.push(name));
    const chunks = [];
    for await (const chunk of read) chunks.push(chunk);
    await pause();
    const results = [chunks, events, read.bytesRead, read.path, read.pending, read.destroyed];
    const failed = fs.createReadStream(at("none"));
    results.push(await new Promise((resolve) => failed.on("error", (error) => resolve(failure(error)))));
    const write = fs.createWriteStream(at("w"), { flags: "w" });
    const written = [];
    for (const name of ["open", "ready", "finish", "close"]) write.on(name, () => written.push(name));
    write.write("abc");
    write.cork(); write.write("de"); write.write("f"); write.uncork();
    write.end("g");
    await new Promise((resolve) => write.on("close", resolve));
    results.push(written, write.bytesWritten, fs.readFileSync(at("w"), "utf8"));
    const over = fs.createWriteStream(at("w"), { flags: "r+", start: 2 });
    over.end("XY");
    await new Promise((resolve) => over.on("close", resolve));
    results.push(fs.readFileSync(at("w"), "utf8"));
    const nowhere = fs.createWriteStream(at("none/w"));
    results.push(await new Promise((resolve) => nowhere.on("error", (error) => resolve(failure(error)))));
    const { pipeline } = await import("node:stream/promises");
    await pipeline(fs.createReadStream(at("a")), fs.createWriteStream(at("piped")));
    results.push(fs.readFileSync(at("piped"), "latin1"));
    const blob = await fs.openAsBlob(at("a"), { type: "text/x" });
    results.push(blob.size, blob.type, await blob.text(), await blob.slice(2, 4).text());
    return results;
  },
  open(at) {
    fs.writeFileSync(at("u"), "kept");
    const fd = fs.openSync(at("u"));
    fs.unlinkSync(at("u"));
    const results = [fs.existsSync(at("u")), fs.readFileSync(fd, "utf8"), fs.fstatSync(fd).nlink];
    fs.closeSync(fd);
    const big = Buffer.alloc(300_000, "ab");
    fs.writeFileSync(at("big"), big);
    results.push(fs.readFileSync(at("big")).equals(big), fs.statSync(at("big")).size, fs.readFileSync(at("big"), "utf8").length);
    const handle = fs.openSync(at("big"), "a");
    for (let i = 0; i < 100; i++) fs.writeSync(handle, "0123456789");
    fs.closeSync(handle);
    results.push(fs.statSync(at("big")).size, fs.readFileSync(at("big")).subarray(-12).toString("latin1"), new fs.Stats().isFile(), fs.Stats.prototype.isFile.length);
    return results;
  },
};

function shown(value, base) {
  const text = JSON.stringify(value, (_key, part) => (part === undefined ? "undefined" : typeof part === "string" ? part.replaceAll(base, "BASE") : part));
  return text.replaceAll(Buffer.from(base).toString("hex"), "BASE");
}

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    if (name === "") return Response.json(Object.keys(cases));
    const base = fs.mkdtempSync("/tmp/c-");
    return new Response(shown(await cases[name]((path) => `${base}/${path}`), base));
  },
};
