// Microtasks are the platform's.

'use strict';

module.exports = { queueMicrotask: require('internal/host').host.queueMicrotask };
