// What the platform exports by name of a module beside its own enumerable properties: by id, a function of `module.exports`.

'use strict';

const { ObjectAssign, ObjectGetOwnPropertyNames } = primordials;
const { host: { CloseEvent, MessageEvent, WebSocket } } = require('internal/host');

/** All of them, hidden or not. */
function everything(exported) {
  const names = ObjectGetOwnPropertyNames(exported);
  const all = {};
  for (let i = 0; i < names.length; i++) all[names[i]] = exported[names[i]];
  return all;
}

const systemErrors = ({ getSystemErrorMap }) => ({ getSystemErrorMessage: (number) => getSystemErrorMap().get(number)?.[1] });

module.exports = {
  '__proto__': null,
  '_stream_duplex': (Duplex) => ({ Duplex }),
  '_stream_passthrough': (PassThrough) => ({ PassThrough }),
  '_stream_readable': (Readable) => ({ Readable }),
  '_stream_transform': (Transform) => ({ Transform }),
  '_stream_writable': (Writable) => ({ Writable }),
  'cluster': ({ constructor: Cluster, disconnect, fork, setupMaster, setupPrimary }) => ({ Cluster, disconnect, fork, setupMaster, setupPrimary }),
  'diagnostics_channel': ({ tracingChannel }) => ({ TracingChannel: tracingChannel('name').constructor }),
  'dns/promises': () => {
    const { ADDRCONFIG, ALL, V4MAPPED } = require('dns');
    return { ADDRCONFIG, ALL, V4MAPPED };
  },
  'http': () => ({ CloseEvent, MessageEvent, WebSocket }),
  'stream/promises': (promises) => ({ promises }),
  'timers': () => ({ promises: require('timers/promises') }),
  'sys': systemErrors,
  'url': () => ({ toPathIfFileURL: require('internal/url').toPathIfFileURL }),
  'util': systemErrors,
  // Its constants, those of Brotli too.
  'zlib': (exported) => ObjectAssign(everything(exported), exported.constants),
};
