// Random bytes and primes.

'use strict';

const { host } = require('internal/host');
const { arrayBufferOf, copyOf, viewOf } = require('internal/crypto/binding/bytes');
const { job } = require('internal/crypto/binding/job');
const { primeCheck, primeFind } = host.binding('crypto/prime');
const { randomFill } = host.binding('crypto/random');

module.exports = {
  RandomBytesJob: job((isAsync, data, offset, size) => () => randomFill(viewOf(data), offset, size)),

  RandomPrimeJob: job((isAsync, bits, safe, add, rem) => {
    add = copyOf(add);
    rem = copyOf(rem);
    return () => arrayBufferOf(primeFind(bits, safe, add, rem));
  }),

  CheckPrimeJob: job((isAsync, candidate, rounds) => {
    candidate = copyOf(candidate);
    return () => primeCheck(candidate, rounds);
  }),
};
