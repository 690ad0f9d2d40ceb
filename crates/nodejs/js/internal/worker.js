// An isolate is its own main thread.

'use strict';

module.exports = { isMainThread: true, ownsProcessState: true };
