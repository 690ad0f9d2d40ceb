// What Node's own modules take of lib/internal/async_hooks.js: names of properties. Contexts are V8's matter here, and nothing counts ids.

'use strict';

const { ReflectApply, Symbol } = primordials;

const symbols = {
  __proto__: null,
  async_id_symbol: Symbol('async_id_symbol'),
  owner_symbol: Symbol('owner_symbol'),
  trigger_async_id_symbol: Symbol('trigger_async_id_symbol'),
};

module.exports = {
  symbols,
  newAsyncId: () => 0,
  getOrSetAsyncId: () => 0,
  getDefaultTriggerAsyncId: () => 0,
  defaultTriggerAsyncIdScope: (_id, block, ...args) => ReflectApply(block, null, args),
};
