// The console is the platform's.

'use strict';

module.exports = require('internal/host').host.console;
