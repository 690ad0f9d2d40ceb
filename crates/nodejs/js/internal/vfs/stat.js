// What `stat` tells, as Node's JavaScript takes it: as many numbers in a row, of doubles or of big integers.

'use strict';

const { BigInt, BigInt64Array, Float64Array, MathFloor, MathRound } = primordials;

/** Every file is on the one device, so that its number tells it from all others. */
const DEVICE = 1;

function numbers(values, bigint) {
  const array = bigint ? new BigInt64Array(values.length) : new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) array[i] = bigint ? BigInt(values[i]) : values[i];
  return array;
}

const seconds = (time) => MathFloor(time / 1000);
const nanoseconds = (time) => MathRound((time - seconds(time) * 1000) * 1e6);

/** dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks, and four times. Nobody but `utimes` says when something was. */
function statOf({ accessed, ino, links, mode, modified, size }, bigint) {
  return numbers([
    DEVICE, mode, links, 0, 0, 0, 0, ino, size, 0, seconds(accessed), nanoseconds(accessed), seconds(modified), nanoseconds(modified),
    seconds(modified), nanoseconds(modified), 0, 0,
  ], bigint);
}

/** type, bsize, blocks, bfree, bavail, files, ffree: it is no disk. */
const statfsOf = (bigint) => numbers([0, 0, 0, 0, 0, 0, 0], bigint);

module.exports = { statOf, statfsOf };
