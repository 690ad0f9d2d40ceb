// TextEncoder and TextDecoder are the platform's.

'use strict';

const { host: { TextDecoder, TextEncoder } } = require('internal/host');

module.exports = { TextDecoder, TextEncoder };
