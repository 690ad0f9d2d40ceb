// `internalBinding('http_parser')`: the names of methods. Messages come parsed from the platform.

'use strict';

const { StringPrototypeSplit } = primordials;
const { missing } = require('internal/not_implemented');

const METHODS = 'DELETE,GET,HEAD,POST,PUT,CONNECT,OPTIONS,TRACE,COPY,LOCK,MKCOL,MOVE,PROPFIND,PROPPATCH,SEARCH,UNLOCK,BIND,REBIND,UNBIND,ACL,REPORT,MKACTIVITY,' +
  'CHECKOUT,MERGE,M-SEARCH,NOTIFY,SUBSCRIBE,UNSUBSCRIBE,PATCH,PURGE,MKCALENDAR,LINK,UNLINK,SOURCE,QUERY';

class HTTPParser {
  constructor() { throw missing('HTTPParser'); }
  static REQUEST = 1;
  static RESPONSE = 2;
  static kOnMessageBegin = 0;
  static kOnHeaders = 1;
  static kOnHeadersComplete = 2;
  static kOnBody = 3;
  static kOnMessageComplete = 4;
  static kOnExecute = 5;
  static kOnTimeout = 6;
  static kLenientNone = 0;
  static kLenientHeaders = 1;
  static kLenientChunkedLength = 2;
  static kLenientKeepAlive = 4;
  static kLenientAll = 255;
}

class ConnectionsList {
  all() { return []; }
  idle() { return []; }
  active() { return []; }
  expired() { return []; }
}

module.exports = (binding) => {
  binding.methods = StringPrototypeSplit(METHODS, ',');
  binding.allMethods = binding.methods;
  binding.HTTPParser = HTTPParser;
  binding.ConnectionsList = ConnectionsList;
};
