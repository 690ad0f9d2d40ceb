// node:inspector/promises: nobody inspects from within.

'use strict';

const { notImplemented } = require('internal/not_implemented');
const { Network, Session, console } = require('inspector');

module.exports = {
  close: notImplemented('Inspector.close', 'close'),
  console,
  Network,
  open: notImplemented('Inspector.open', 'open'),
  Session,
  url: notImplemented('Inspector.url', 'url'),
  waitForDebugger: notImplemented('Inspector.waitForDebugger', 'waitForDebugger'),
};
