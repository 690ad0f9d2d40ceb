// `internalBinding('crypto')`: classes over native functions that take bytes and give bytes. A family in each file of binding/.

'use strict';

const { ObjectAssign } = primordials;

module.exports = (binding) => {
  ObjectAssign(
    binding,
    require('internal/crypto/binding/numbers'),
    require('internal/crypto/binding/hash').binding,
    require('internal/crypto/binding/kdf'),
    require('internal/crypto/binding/random'),
    require('internal/crypto/binding/cipher'),
    require('internal/crypto/binding/keys').binding,
    require('internal/crypto/binding/keygen'),
    require('internal/crypto/binding/sign'),
    require('internal/crypto/binding/rsa'),
    require('internal/crypto/binding/dh'),
    require('internal/crypto/binding/certificates'),
  );
};
