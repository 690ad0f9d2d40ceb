// Whose file system it is: every event has a /tmp of its own, and so has an object, and the start of the script. It is gone with them.

'use strict';

const {
  ArrayPrototypePush, MapPrototypeGet, MapPrototypeSet, StringPrototypeSplit,
} = primordials;
const { host } = require('internal/host');
const native = internalBinding('bundle');
const { BundleFile, Device, Directory } = require('internal/vfs/nodes');

const DEVICES = ['null', 'zero', 'full', 'random'];

let bundle;
let devices;

/** The Worker's modules by their names, with the folders that these tell. */
function bundleDirectory() {
  const top = new Directory(undefined, true);
  const modules = native.modules();
  for (let i = 0; i < modules.length; i += 2) {
    const name = modules[i];
    const parts = [];
    const all = StringPrototypeSplit(name, '/');
    for (let j = 0; j < all.length; j++) {
      if (all[j] !== '' && all[j] !== '.' && all[j] !== '..') ArrayPrototypePush(parts, all[j]);
    }
    let directory = top;
    for (let j = 0; j < parts.length - 1 && directory !== undefined; j++) directory = folder(directory, parts[j]);
    if (directory === undefined || parts.length === 0) continue;
    const file = new BundleFile(modules[i + 1], (target, position) => native.read(name, target, position));
    MapPrototypeSet(directory.entries, parts[parts.length - 1], file);
  }
  return top;
}

/** The folder of this name, new or not; undefined where a module stands. */
function folder(parent, name) {
  const there = MapPrototypeGet(parent.entries, name);
  if (there !== undefined) return there.entries === undefined ? undefined : there;
  const made = new Directory(parent, true);
  MapPrototypeSet(parent.entries, name, made);
  return made;
}

function deviceDirectory() {
  const directory = new Directory(undefined, true);
  for (let i = 0; i < DEVICES.length; i++) MapPrototypeSet(directory.entries, DEVICES[i], new Device(DEVICES[i]));
  return directory;
}

/** `count`: how many files, directories and links it has; `descriptors`: those that are open, by number. */
function newFiles() {
  bundle ??= bundleDirectory();
  devices ??= deviceDirectory();
  const root = new Directory(undefined, true);
  MapPrototypeSet(root.entries, 'bundle', bundle);
  MapPrototypeSet(root.entries, 'tmp', new Directory(undefined, false));
  MapPrototypeSet(root.entries, 'dev', devices);
  return { __proto__: null, root, working: bundle, count: 0, descriptors: { __proto__: null } };
}

const start = { __proto__: null, files: undefined };
let isStarted = false;

/** Of what was made while the script started, only what is open stays. */
function endStart() {
  isStarted = true;
  const { files } = start;
  if (files !== undefined) start.files = { __proto__: null, ...newFiles(), descriptors: files.descriptors };
}

/** What the running code has. What has no owner any more has nothing. */
function currentFiles() {
  const owner = host.owner() ?? (host.frame() === undefined ? start : { __proto__: null, files: undefined });
  if (owner !== start && !isStarted) endStart();
  return (owner.files ??= newFiles());
}

/** What was made while the script started: its descriptors are good in all events. */
const startFiles = () => start.files;

module.exports = { currentFiles, startFiles };
