// node:_stream_wrap: Node's socket over a stream, without Node's warning that it is deprecated.

'use strict';

module.exports = require('internal/js_stream_socket');
