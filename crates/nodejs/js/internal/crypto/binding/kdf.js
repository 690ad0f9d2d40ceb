// PBKDF2, scrypt and HKDF.

'use strict';

const { host } = require('internal/host');
const { arrayBufferOf, copyOf, viewOf } = require('internal/crypto/binding/bytes');
const { job } = require('internal/crypto/binding/job');
const { secretBytes } = require('internal/crypto/binding/secret');
const { hashBlock } = host.binding('crypto/hash');
const { hkdf, hkdfCheck } = host.binding('crypto/hkdf');
const { pbkdf2 } = host.binding('crypto/pbkdf2');
const { scrypt, scryptCheck } = host.binding('crypto/scrypt');

const taken = (isAsync, data) => (isAsync ? copyOf(data) : viewOf(data));

module.exports = {
  PBKDF2Job: job((isAsync, password, salt, iterations, length, digest) => {
    hashBlock(digest);
    password = taken(isAsync, password);
    salt = taken(isAsync, salt);
    return () => arrayBufferOf(pbkdf2(password, salt, iterations, length, digest));
  }),

  ScryptJob: job((isAsync, password, salt, N, r, p, maxmem, length) => {
    scryptCheck(N, r, p, maxmem);
    password = taken(isAsync, password);
    salt = taken(isAsync, salt);
    return () => arrayBufferOf(scrypt(password, salt, N, r, p, maxmem, length));
  }),

  HKDFJob: job((isAsync, digest, key, salt, info, length) => {
    hkdfCheck(digest, length);
    salt = taken(isAsync, salt);
    info = taken(isAsync, info);
    // A KeyObject, as Node's code has it.
    const bytes = secretBytes(key[require('internal/crypto/util').kHandle]);
    return () => arrayBufferOf(hkdf(digest, bytes, salt, info, length));
  }),
};
