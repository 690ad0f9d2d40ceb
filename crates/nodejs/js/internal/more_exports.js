// What the platform exports by name of a module beside its own enumerable properties: by id, a function of `module.exports`.

'use strict';

const { ObjectGetOwnPropertyNames } = primordials;

/** All of them, hidden or not. */
function everything(exported) {
  const names = ObjectGetOwnPropertyNames(exported);
  const all = {};
  for (let i = 0; i < names.length; i++) all[names[i]] = exported[names[i]];
  return all;
}

module.exports = {
  '__proto__': null,
  '_stream_duplex': (Duplex) => ({ Duplex }),
  '_stream_passthrough': (PassThrough) => ({ PassThrough }),
  '_stream_readable': (Readable) => ({ Readable }),
  '_stream_transform': (Transform) => ({ Transform }),
  '_stream_writable': (Writable) => ({ Writable }),
  'cluster': ({ constructor: Cluster, disconnect, fork, setupMaster, setupPrimary }) => ({ Cluster, disconnect, fork, setupMaster, setupPrimary }),
  'crypto': ({ createCipher, createDecipher, fips, pseudoRandomBytes }) => ({ createCipher, createDecipher, fips, pseudoRandomBytes }),
  'diagnostics_channel': ({ tracingChannel }) => ({ TracingChannel: tracingChannel('name').constructor }),
  'dns/promises': () => {
    const { ADDRCONFIG, ALL, V4MAPPED } = require('dns');
    return { ADDRCONFIG, ALL, V4MAPPED };
  },
  'stream/promises': (promises) => ({ promises }),
  'timers': ({ Timeout }) => ({ Timeout }),
  // Its constants are hidden.
  'zlib': everything,
};
