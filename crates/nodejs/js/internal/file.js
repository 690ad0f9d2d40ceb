// File is the platform's.

'use strict';

module.exports = { File: require('internal/host').host.File };
