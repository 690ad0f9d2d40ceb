// As watchers.js.

'use strict';

module.exports = { FSWatcher: require('internal/fs/watchers').FSWatcher };
