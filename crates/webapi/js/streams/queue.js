// A first-in first-out list threaded through the `next` field of its nodes: no arrays, so no setters on Array.prototype to meet.

export class Queue {
  head = undefined;
  tail = undefined;

  get empty() {
    return this.head === undefined;
  }

  push(node) {
    if (this.tail === undefined) this.head = node;
    else this.tail.next = node;
    this.tail = node;
  }

  shift() {
    const node = this.head;
    this.head = node.next;
    if (this.head === undefined) this.tail = undefined;
    node.next = undefined;
    return node;
  }

  /** Empties the list and returns the first node of the chain that it held. */
  takeAll() {
    const first = this.head;
    this.head = undefined;
    this.tail = undefined;
    return first;
  }
}

/** A chunk in a queue-with-sizes (section 8.1). */
export class QueuedChunk {
  next = undefined;
  chunk;
  size;

  constructor(chunk, size) {
    this.chunk = chunk;
    this.size = size;
  }
}
