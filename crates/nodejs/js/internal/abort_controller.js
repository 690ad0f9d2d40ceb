// AbortController is the platform's.

'use strict';

const { host: { AbortController, AbortSignal } } = require('internal/host');

module.exports = {
  AbortController,
  AbortSignal,
  aborted: (signal, resource) => new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { __proto__: null, once: true });
  }),
};
