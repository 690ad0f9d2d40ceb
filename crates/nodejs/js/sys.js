// node:sys is util. Node warns of the name; the platform does not.

'use strict';

module.exports = require('util');
