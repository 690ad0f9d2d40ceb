// The bindings under url, zlib, net, tls, dns, http, os and fs, each made when it is first asked for.

'use strict';

const { Int32Array, ObjectAssign } = primordials;

module.exports = {
  __proto__: null,
  block_list(binding) {
    require('internal/block_list_binding')(binding);
  },
  cares_wrap(binding) {
    require('internal/cares_binding')(binding);
  },
  encoding_binding(binding) {
    binding.toASCII = binding.toAscii;
  },
  fs(binding) {
    require('internal/fs_binding')(binding);
  },
  fs_dir(binding) {
    require('internal/fs_dir_binding')(binding);
  },
  http_parser(binding) {
    require('internal/http_parser_binding')(binding);
  },
  js_stream(binding) {
    require('internal/js_stream_binding')(binding);
  },
  pipe_wrap(binding) {
    binding.PipeConnectWrap = class PipeConnectWrap {};
    binding.constants = { __proto__: null, SOCKET: 0, SERVER: 1, IPC: 2, UV_READABLE: 1, UV_WRITABLE: 2 };
  },
  stream_wrap(binding) {
    binding.ShutdownWrap = class ShutdownWrap {};
    binding.WriteWrap = class WriteWrap {};
    binding.kReadBytesOrError = 0;
    binding.kArrayBufferOffset = 1;
    binding.kBytesWritten = 2;
    binding.kLastWriteWasAsync = 3;
    binding.streamBaseState = new Int32Array(4);
  },
  symbols(binding) {
    ObjectAssign(binding, require('internal/async_hooks').symbols);
  },
  tcp_wrap(binding) {
    require('internal/tcp_binding')(binding);
  },
  trace_events(binding) {
    binding.trace = () => {};
    binding.isTraceCategoryEnabled = () => false;
    binding.getCategoryEnabledBuffer = () => [0];
  },
  url(binding) {
    require('internal/url_binding')(binding);
  },
  uv(binding) {
    require('internal/uv_binding')(binding);
  },
  zlib(binding) {
    require('internal/zlib_binding')(binding);
  },
};
