// `internalBinding('zlib')`: the handles of Node's streams, each with a native engine that is made when the first bytes come.

'use strict';

const { Error, MathMin, ReflectApply, Uint32Array } = primordials;

const Z_NO_FLUSH = 0;
/** As much as a native step takes, and yields. */
const STEP = 65536;

module.exports = (binding) => {
  const { crc32, dropEngine, openBrotli, openZlib, params: setParams, reset: resetEngine, step, turn } = binding;
  const progress = new Uint32Array(2);

  class Handle {
    mode;
    #id = -1;
    #make;
    /** [what is left of the output's room, what is left of the input] */
    #result;
    #done;
    #writing = false;
    #closed = false;

    constructor(mode) { this.mode = mode; }

    begin(result, done, make) {
      this.#result = result;
      this.#done = done;
      this.#make = make;
    }

    /** Whether there is an engine; otherwise `onerror` was told. */
    open() {
      if (this.#id !== -1) return true;
      const made = this.#make();
      if (typeof made !== 'number') {
        this.#fail(made);
        return false;
      }
      this.#id = made;
      return true;
    }

    writeSync(flush, input, inputAt, inputLength, output, outputAt, outputLength) {
      this.#begin();
      if (this.open()) {
        const work = { flush, input, inputAt, inputLength, output, outputAt, outputLength };
        let more = true;
        while (more) more = this.#step(work);
      }
      this.#writing = false;
    }

    write(flush, input, inputAt, inputLength, output, outputAt, outputLength) {
      this.#begin();
      this.#writeInTurns({ flush, input, inputAt, inputLength, output, outputAt, outputLength });
    }

    /** Other events have their turn before each step. */
    async #writeInTurns(work) {
      let more = true;
      while (more === true) {
        await turn();
        if (this.#closed) return;
        more = this.open() && this.#step(work);
      }
      this.#writing = false;
      // A step that failed has told `onerror`.
      if (work.failed !== true && this.#id !== -1) ReflectApply(this.#done, this, []);
      if (this.#closed) this.#drop();
    }

    #begin() {
      if (this.#closed) throw new Error('already finalized');
      if (this.#writing) throw new Error('write in progress');
      this.#writing = true;
    }

    /** Whether there is more to be done of `work`. */
    #step(work) {
      const length = MathMin(work.inputLength, STEP);
      const room = MathMin(work.outputLength, STEP);
      const isLast = length === work.inputLength;
      const failure = step(
        this.#id, isLast ? work.flush : Z_NO_FLUSH, work.input, work.inputAt, length, work.output, work.outputAt, room, progress,
      );
      const taken = progress[0];
      const written = progress[1];
      work.inputAt += taken;
      work.inputLength -= taken;
      work.outputAt += written;
      work.outputLength -= written;
      if (failure !== undefined) {
        work.failed = true;
        this.#writing = false;
        this.#fail(failure);
        return false;
      }
      this.#result[0] = work.outputLength;
      this.#result[1] = work.inputLength;
      if (work.outputLength === 0) return false;
      return written === room || (taken === length && !isLast);
    }

    #fail({ 0: message, 1: errno, 2: code }) {
      this.onerror(message, errno, code);
    }

    params(level, strategy) {
      if (!this.open()) return;
      const failure = setParams(this.#id, level, strategy);
      if (failure !== undefined) this.#fail(failure);
    }

    reset() {
      if (!this.open()) return;
      const failure = resetEngine(this.#id);
      if (failure !== undefined) this.#fail(failure);
    }

    close() {
      this.#closed = true;
      if (!this.#writing) this.#drop();
    }

    #drop() {
      const id = this.#id;
      this.#id = -1;
      if (id !== -1) dropEngine(id);
    }
  }

  class Zlib extends Handle {
    init(windowBits, level, memLevel, strategy, result, done, dictionary) {
      this.begin(result, done, () => openZlib(this.mode, windowBits, level, memLevel, strategy, dictionary));
    }
  }

  class Brotli extends Handle {
    init(parameters, result, done) {
      this.begin(result, done, () => openBrotli(this.mode, own));
      // The array is another stream's next.
      const own = new Uint32Array(parameters.length);
      for (let i = 0; i < own.length; i++) own[i] = parameters[i];
      const made = openBrotli(this.mode, own);
      if (typeof made !== 'number') {
        const error = new Error('Initialization failed');
        error.code = 'ERR_ZLIB_INITIALIZATION_FAILED';
        throw error;
      }
      dropEngine(made);
    }
  }

  binding.Zlib = Zlib;
  binding.BrotliEncoder = class BrotliEncoder extends Brotli {};
  binding.BrotliDecoder = class BrotliDecoder extends Brotli {};
  binding.crc32 = crc32;
  binding.ZLIB_VERSION = '1.3.0.1-motley';
};
