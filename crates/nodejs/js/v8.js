// node:v8: nothing of the engine is shown.

'use strict';

const { StringPrototypeCharCodeAt } = primordials;
const { defineMissing, missing, notImplemented } = require('internal/not_implemented');
const { validateFunction, validateOneOf, validateString, validateUint32 } = require('internal/validators');

class Serializer {
  constructor() { throw missing('Serializer'); }
}
class DefaultSerializer extends Serializer {}
class Deserializer {
  constructor(_buffer) { throw missing('Deserializer'); }
}
class DefaultDeserializer extends Deserializer {}
defineMissing(Serializer, 'Serializer', [
  'writeHeader', 'writeValue', 'releaseBuffer', 'transferArrayBuffer', 'writeUint32', 'writeUint64', 'writeDouble', 'writeRawBytes', '_getDataCloneError',
  '_getSharedArrayBufferId', '_setTreatArrayBufferViewsAsHostObjects', '_writeHostObject',
]);
defineMissing(Deserializer, 'Deserializer', [
  'readHeader', 'readValue', 'transferArrayBuffer', 'getWireFormatVersion', 'readUint32', 'readUint64', 'readDouble', 'readRawBytes', '_readHostObject',
]);
class GCProfiler {
  start() {}
  stop() { return undefined; }
}

module.exports = {
  cachedDataVersionTag: () => 0,
  getHeapSnapshot: notImplemented('getHeapSnapshot'),
  getHeapStatistics: () => ({
    total_heap_size: 0, total_heap_size_executable: 0, total_physical_size: 0, total_available_size: 0, used_heap_size: 0, heap_size_limit: 0,
    total_allocated_bytes: 0, malloced_memory: 0, peak_malloced_memory: 0, does_zap_garbage: 0, number_of_native_contexts: 0, number_of_detached_contexts: 0,
    total_global_handles_size: 0, used_global_handles_size: 0, external_memory: 0,
  }),
  getHeapSpaceStatistics: () => [],
  getHeapCodeStatistics: () => ({
    code_and_metadata_size: 0, bytecode_and_metadata_size: 0, external_script_source_size: 0, cpu_profiler_metadata_size: 0,
  }),
  getCppHeapStatistics: () => ({
    committed_size_bytes: 0, resident_size_bytes: 0, used_size_bytes: 0, space_statistics: [], type_names: [], detail_level: 'detailed',
  }),
  setFlagsFromString(flags) { validateString(flags, 'flags'); },
  Serializer, Deserializer, DefaultSerializer, DefaultDeserializer,
  serialize: notImplemented('serialize'),
  deserialize: notImplemented('deserialize'),
  takeCoverage: notImplemented('takeCoverage'),
  stopCoverage: notImplemented('stopCoverage'),
  writeHeapSnapshot: notImplemented('writeHeapSnapshot'),
  promiseHooks: {
    createHook: () => () => {}, onInit: () => () => {}, onBefore: () => () => {}, onAfter: () => () => {}, onSettled: () => () => {},
  },
  queryObjects(constructor, options = {}) {
    validateFunction(constructor, 'constructor');
    validateOneOf(options.format ?? 'count', 'options.format', ['count', 'summary']);
    throw missing('queryObjects');
  },
  startupSnapshot: {
    addSerializeCallback() {}, addDeserializeCallback() {}, setDeserializeMainFunction() {}, isBuildingSnapshot: () => false,
  },
  setHeapSnapshotNearHeapLimit(limit) { validateUint32(limit, 'limit', true); },
  GCProfiler,
  isStringOneByteRepresentation(content) {
    validateString(content, 'content');
    for (let i = 0; i < content.length; i++) {
      if (StringPrototypeCharCodeAt(content, i) > 255) return false;
    }
    return true;
  },
};
