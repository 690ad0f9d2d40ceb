// node:util: Node's own, and what the platform has beside it.

'use strict';

const { ObjectAssign } = primordials;

// What it has of its own is put where `util.types` sees it.
require('util/types');

module.exports = ObjectAssign(require('node/util'), require('internal/util_more'));
