// node:https: as node:http, with https: for the protocol.

'use strict';

const { FunctionPrototypeSymbolHasInstance, ObjectAssign, ObjectSetPrototypeOf, ReflectApply } = primordials;
const { Agent: HttpAgent } = require('_http_agent');
const { ClientRequest } = require('_http_client');
const { Server, createServer } = require('_http_server');
const { URL, isURL, urlToHttpOptions } = require('internal/url');

function Agent(options) {
  if (!FunctionPrototypeSymbolHasInstance(Agent, this)) return new Agent(options);
  ReflectApply(HttpAgent, this, [options]);
  this.defaultPort = 443;
  this.protocol = 'https:';
  this.maxCachedSessions = this.options.maxCachedSessions ?? 100;
}
ObjectSetPrototypeOf(Agent.prototype, HttpAgent.prototype);
ObjectSetPrototypeOf(Agent, HttpAgent);

const globalAgent = new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000 });

function request(...args) {
  let options = {};
  let at = 0;
  if (typeof args[0] === 'string') {
    options = urlToHttpOptions(new URL(args[0]));
    at = 1;
  } else if (isURL(args[0])) {
    options = urlToHttpOptions(args[0]);
    at = 1;
  }
  if (args[at] && typeof args[at] !== 'function') ObjectAssign(options, args[at++]);
  options._defaultAgent = module.exports.globalAgent;
  return new ClientRequest(options, args[at]);
}

function get(input, options, callback) {
  const outgoing = request(input, options, callback);
  outgoing.end();
  return outgoing;
}

module.exports = { Agent, globalAgent, Server, createServer, get, request };
