// Node's modules tell observers how long things took; nobody observes them here.

'use strict';

module.exports = { hasObserver: () => false, startPerf() {}, stopPerf() {} };
