// node:url: Node's own, and what the platform has beside it.

'use strict';

const { ObjectAssign } = primordials;

module.exports = ObjectAssign(require('node/url'), { toPathIfFileURL: require('internal/url').toPathIfFileURL });
