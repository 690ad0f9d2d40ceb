// node:constants: Node's own, and what the platform has beside them.

'use strict';

const { ObjectAssign, ObjectFreeze } = primordials;

module.exports = ObjectFreeze(ObjectAssign({}, require('node/constants'), { O_SYMLINK: 0x200000, SIGINFO: 29, defaultCipherList: '' }));
