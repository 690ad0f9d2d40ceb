// What mock.js takes for mocking modules, which is not there.

'use strict';

module.exports = {};
