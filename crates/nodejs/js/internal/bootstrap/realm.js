// Which modules are the runtime's.

'use strict';

const { ArrayPrototypeIncludes } = primordials;
const { publicNames } = require('internal/host');

module.exports = { BuiltinModule: { exists: (id) => ArrayPrototypeIncludes(publicNames, id) } };
