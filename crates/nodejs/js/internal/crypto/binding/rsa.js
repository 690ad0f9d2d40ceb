// Encrypting with RSA keys.

'use strict';

const { host } = require('internal/host');
const { bufferOver, viewOf } = require('internal/crypto/binding/bytes');
const { anyKey, privateKey } = require('internal/crypto/binding/keys');
const { rsaPrivateDecrypt, rsaPrivateEncrypt, rsaPublicDecrypt, rsaPublicEncrypt } = host.binding('crypto/rsa');

function withPublic(operation) {
  return (key, format, type, passphrase, data, padding, hash, label) => {
    const { bytes, isPrivate } = anyKey(key, format, type, passphrase);
    return bufferOver(operation(bytes, isPrivate, viewOf(data), padding, hash, viewOf(label)));
  };
}

function withPrivate(operation) {
  return (key, format, type, passphrase, data, padding, hash, label) => {
    const { bytes } = privateKey(key, format, type, passphrase);
    return bufferOver(operation(bytes, viewOf(data), padding, hash, viewOf(label)));
  };
}

module.exports = {
  privateDecrypt: withPrivate(rsaPrivateDecrypt),
  privateEncrypt: withPrivate(rsaPrivateEncrypt),
  publicDecrypt: withPublic(rsaPublicDecrypt),
  publicEncrypt: withPublic(rsaPublicEncrypt),
};
