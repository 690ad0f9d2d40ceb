// node:_http_agent: Node's Agent. The platform has connections of its own, so that it keeps none.

'use strict';

const nodes = require('node/_http_agent');

// A ClientRequest begins its exchange by itself.
nodes.Agent.prototype.addRequest = function addRequest() {};

module.exports = nodes;
