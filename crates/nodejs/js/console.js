// node:console: the platform's console.

'use strict';

module.exports = require('internal/host').host.console;
