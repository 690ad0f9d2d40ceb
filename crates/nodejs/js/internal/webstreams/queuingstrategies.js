// Queuing strategies are the platform's.

'use strict';

const { host: { streams: { ByteLengthQueuingStrategy, CountQueuingStrategy } } } = require('internal/host');

module.exports = { ByteLengthQueuingStrategy, CountQueuingStrategy };
