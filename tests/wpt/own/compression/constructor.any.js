// Constructors, attributes and the interfaces' shape (https://compression.spec.whatwg.org/#compression-stream).
// Whether they inherit from TransformStream, as on Cloudflare, or have its attributes themselves is not looked at.
const interfaces = { CompressionStream, DecompressionStream };
const formats = ["deflate", "deflate-raw", "gzip"];

for (const [name, Interface] of Object.entries(interfaces)) {
  for (const format of formats) {
    test(() => {
      const stream = new Interface(format);
      assert_true(stream instanceof Interface);
      assert_true(stream.readable instanceof ReadableStream);
      assert_true(stream.writable instanceof WritableStream);
      assert_false(stream.readable.locked);
      assert_false(stream.writable.locked);
      assert_equals(stream.readable, stream.readable, "the same object each time");
      assert_equals(stream.writable, stream.writable, "the same object each time");
      assert_equals(Object.prototype.toString.call(stream), `[object ${name}]`);
    }, `${name}: ${format} makes a pair of streams`);
  }

  for (const format of ["", "a", "GZIP", "Gzip", "gzip ", " gzip", "gzip\0", "x-gzip", "zlib", "raw", "deflate_raw", "Deflate", "identity", "compress", null, undefined, 0, {}, [], true]) {
    test(() => {
      assert_throws_js(TypeError, () => new Interface(format));
    }, `${name}: ${typeof format === "object" && format ? JSON.stringify(format) : format_value(format)} is no format`);
  }

  test(() => {
    assert_throws_js(TypeError, () => new Interface());
  }, `${name}: the format is required`);

  test(() => {
    assert_throws_js(TypeError, () => Interface("gzip"));
  }, `${name}: needs new`);

  test(() => {
    assert_throws_js(TypeError, () => new Interface(Symbol("gzip")));
  }, `${name}: a symbol is no format`);

  test(() => {
    const error = new Error("from toString");
    assert_throws_exactly(error, () => new Interface({ toString() { throw error; } }));
  }, `${name}: what toString() throws passes through`);

  test(() => {
    assert_true(new Interface({ toString: () => "gzip" }) instanceof Interface);
    assert_true(new Interface(["deflate-raw"]) instanceof Interface);
  }, `${name}: the format is made a string`);

  test(() => {
    assert_equals(Interface.name, name);
    assert_equals(Interface.length, 1);
    const described = Object.getOwnPropertyDescriptor(self, name);
    assert_true(described.writable);
    assert_true(described.configurable);
    assert_false(described.enumerable);
    assert_equals(Interface.prototype.constructor, Interface);
    assert_equals(Interface.prototype[Symbol.toStringTag], name);
    assert_false(Object.getOwnPropertyDescriptor(Interface, "prototype").writable);
  }, `${name}: the interface object`);

  for (const attribute of ["readable", "writable"]) {
    test(() => {
      const owner = Object.hasOwn(Interface.prototype, attribute) ? Interface.prototype : Object.getPrototypeOf(Interface.prototype);
      const described = Object.getOwnPropertyDescriptor(owner, attribute);
      assert_equals(typeof described.get, "function");
      assert_equals(described.set, undefined);
      assert_true(described.enumerable);
      assert_true(described.configurable);
      assert_equals(described.get.name, `get ${attribute}`);
    }, `${name}: ${attribute} is an accessor of the prototype`);

    test(() => {
      const stream = new Interface("gzip");
      const before = stream[attribute];
      assert_throws_js(TypeError, () => { "use strict"; stream[attribute] = null; });
      assert_equals(stream[attribute], before);
    }, `${name}: ${attribute} is read-only`);

    test(() => {
      assert_throws_js(TypeError, () => Interface.prototype[attribute]);
      assert_throws_js(TypeError, () => Reflect.get(Interface.prototype, attribute, {}));
    }, `${name}: ${attribute} needs a stream as this`);
  }

  test(() => {
    class Derived extends Interface {}
    const stream = new Derived("deflate");
    assert_true(stream instanceof Derived);
    assert_true(stream instanceof Interface);
    assert_true(stream.readable instanceof ReadableStream);
  }, `${name}: can be extended`);
}
