// DOMException (Web IDL section 2.8.1 and section 3.14.3). Instances are real errors: they have a stack and `Error.isError` knows them.

import { primordials } from "./primordials.js";
import { converters, defineInterface, illegalInvocation, isObject } from "./webidl.js";
const {
  Error, ErrorCaptureStackTrace, ErrorPrototype, ObjectDefineProperty, ObjectSetPrototypeOf, ReflectConstruct, SafeMap,
} = primordials;

// Name, legacy code and the name of its constant.
const LEGACY = [
  ["IndexSizeError", 1, "INDEX_SIZE_ERR"],
  ["DOMStringSizeError", 2, "DOMSTRING_SIZE_ERR"],
  ["HierarchyRequestError", 3, "HIERARCHY_REQUEST_ERR"],
  ["WrongDocumentError", 4, "WRONG_DOCUMENT_ERR"],
  ["InvalidCharacterError", 5, "INVALID_CHARACTER_ERR"],
  ["NoDataAllowedError", 6, "NO_DATA_ALLOWED_ERR"],
  ["NoModificationAllowedError", 7, "NO_MODIFICATION_ALLOWED_ERR"],
  ["NotFoundError", 8, "NOT_FOUND_ERR"],
  ["NotSupportedError", 9, "NOT_SUPPORTED_ERR"],
  ["InUseAttributeError", 10, "INUSE_ATTRIBUTE_ERR"],
  ["InvalidStateError", 11, "INVALID_STATE_ERR"],
  ["SyntaxError", 12, "SYNTAX_ERR"],
  ["InvalidModificationError", 13, "INVALID_MODIFICATION_ERR"],
  ["NamespaceError", 14, "NAMESPACE_ERR"],
  ["InvalidAccessError", 15, "INVALID_ACCESS_ERR"],
  ["ValidationError", 16, "VALIDATION_ERR"],
  ["TypeMismatchError", 17, "TYPE_MISMATCH_ERR"],
  ["SecurityError", 18, "SECURITY_ERR"],
  ["NetworkError", 19, "NETWORK_ERR"],
  ["AbortError", 20, "ABORT_ERR"],
  ["URLMismatchError", 21, "URL_MISMATCH_ERR"],
  ["QuotaExceededError", 22, "QUOTA_EXCEEDED_ERR"],
  ["TimeoutError", 23, "TIMEOUT_ERR"],
  ["InvalidNodeTypeError", 24, "INVALID_NODE_TYPE_ERR"],
  ["DataCloneError", 25, "DATA_CLONE_ERR"],
];
// These names are not in the standard's table any more: their constants are, their codes come out as 0.
const RETIRED = { __proto__: null, DOMStringSizeError: true, NoDataAllowedError: true, ValidationError: true };

const codes = new SafeMap();
const constants = { __proto__: null };
for (let i = 0; i < LEGACY.length; i++) {
  const name = LEGACY[i][0];
  if (!(name in RETIRED)) codes.set(name, LEGACY[i][1]);
  constants[LEGACY[i][2]] = LEGACY[i][1];
}

class ReturnArgument {
  constructor(object) {
    return object;
  }
}

/** The exception's own fields, stamped on an Error. */
class Fields extends ReturnArgument {
  #name;
  #message;

  constructor(error, name, message) {
    super(error);
    this.#name = name;
    this.#message = message;
  }

  static is(value) { return isObject(value) && #name in value; }
  static name(self) { return #name in self ? self.#name : illegalInvocation(); }
  static message(self) { return #name in self ? self.#message : illegalInvocation(); }
}

export class DOMException {
  constructor(message = "", options = "Error") {
    const prefix = "Failed to construct 'DOMException'";
    message = converters.DOMString(message, prefix, "parameter 1");
    const error = ReflectConstruct(Error, [], new.target);
    if (isObject(options)) {
      const { name } = options;
      new Fields(error, name === undefined ? "Error" : converters.DOMString(name, prefix, "member name"), message);
      if ("cause" in options) {
        ObjectDefineProperty(error, "cause", { __proto__: null, configurable: true, writable: true, value: options.cause });
      }
    } else {
      new Fields(error, converters.DOMString(options, prefix, "parameter 2"), message);
    }
    ErrorCaptureStackTrace(error, DOMException);
    return error;
  }

  get name() {
    if (!isObject(this)) illegalInvocation();
    return Fields.name(this);
  }

  get message() {
    if (!isObject(this)) illegalInvocation();
    return Fields.message(this);
  }

  get code() {
    if (!isObject(this)) illegalInvocation();
    return codes.get(Fields.name(this)) ?? 0;
  }
}
defineInterface(DOMException, { constants });
ObjectSetPrototypeOf(DOMException.prototype, ErrorPrototype);

/** The brand check. */
export function isDOMException(value) {
  return Fields.is(value);
}
