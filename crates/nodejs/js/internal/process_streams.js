// The standard streams: what is written comes out as lines of the log; nothing comes in.

'use strict';

const { StringPrototypeIndexOf, StringPrototypeSlice } = primordials;
const { host } = require('internal/host');
const { Readable, Writable } = require('stream');
const { StringDecoder } = require('string_decoder');

const LOG = 1;
const ERROR = 3;
/** A line that does not end is cut after so many characters. */
const LONGEST = 16384;

class LineStream extends Writable {
  #level;
  #decoder = new StringDecoder('utf8');
  #line = '';

  constructor(fd, level) {
    super({ decodeStrings: true, emitClose: false, autoDestroy: false });
    this.fd = fd;
    this._type = 'fs';
    this._isStdio = true;
    this.#level = level;
  }

  _write(chunk, _encoding, done) {
    this.#line += this.#decoder.write(chunk);
    for (;;) {
      const end = StringPrototypeIndexOf(this.#line, '\n');
      if (end === -1 && this.#line.length < LONGEST) break;
      const cut = end === -1 ? LONGEST : end;
      host.log(this.#level, StringPrototypeSlice(this.#line, 0, cut));
      this.#line = StringPrototypeSlice(this.#line, end === -1 ? cut : end + 1);
    }
    done();
  }

  _final(done) {
    if (this.#line !== '') host.log(this.#level, this.#line);
    this.#line = '';
    done();
  }

  _destroy(error, done) { done(error); }
}

let stdin;
let stdout;
let stderr;

module.exports = {
  stdin() {
    if (stdin === undefined) {
      stdin = new Readable({ read() { this.push(null); } });
      stdin.fd = 0;
    }
    return stdin;
  },
  stdout: () => (stdout ??= new LineStream(1, LOG)),
  stderr: () => (stderr ??= new LineStream(2, ERROR)),
};
