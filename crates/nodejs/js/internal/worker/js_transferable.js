// There is no other thread to transfer anything to; keys and certificates can't be cloned either.

'use strict';

const { Symbol } = primordials;

module.exports = {
  JSTransferable: class JSTransferable {},
  kClone: Symbol('kClone'),
  kDeserialize: Symbol('kDeserialize'),
  kTransfer: Symbol('kTransfer'),
  kTransferList: Symbol('kTransferList'),
  makeTransferable: (object) => object,
  markTransferMode: () => {},
};
