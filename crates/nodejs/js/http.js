// node:http: Node's own, and what later versions of it have.

'use strict';

const { ObjectAssign } = primordials;
const { host: { CloseEvent, MessageEvent, WebSocket } } = require('internal/host');

module.exports = ObjectAssign(require('node/http'), { CloseEvent, MessageEvent, WebSocket });
