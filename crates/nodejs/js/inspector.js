// node:inspector: nobody inspects from within.

'use strict';

const { SymbolDispose } = primordials;
const { host } = require('internal/host');
const { missing } = require('internal/not_implemented');
const EventEmitter = require('events');

class Session extends EventEmitter {
  constructor() {
    super();
    throw missing('Session');
  }
  connect() {}
  connectToMainThread() {}
  disconnect() {}
  post() {}
}

const nothing = () => {};

module.exports = {
  Session,
  close() {},
  console: host.console,
  open: (_port, _host, _wait) => ({ [SymbolDispose]() {} }),
  url: () => undefined,
  waitForDebugger() {},
  Network: {
    requestWillBeSent: nothing, dataReceived: nothing, dataSent: nothing, responseReceived: nothing, loadingFinished: nothing, loadingFailed: nothing,
    webSocketCreated: nothing, webSocketHandshakeResponseReceived: nothing, webSocketClosed: nothing,
  },
};
