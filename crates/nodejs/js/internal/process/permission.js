// Nothing restricts a process: there is none.

'use strict';

module.exports = { has: () => true, isEnabled: () => false };
