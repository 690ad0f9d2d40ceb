// What a Worker's compatibility date and flags ask for, by the platform's names. The snapshot is as with the newest date.

import { primordials } from "./primordials.js";
const { ObjectHasOwn } = primordials;

/** Whether each flag that JavaScript follows is on. */
export const flags = {
  allow_eval_during_startup: true,
  blob_standard_mime_type: true,
  cache_no_cache_enabled: true,
  cache_option_enabled: true,
  crypto_preserve_public_exponent: true,
  enable_navigator_language: true,
  enable_request_signal: true,
  enable_weak_ref: true,
  expose_global_message_channel: true,
  fetch_iterable_type_support: true,
  fetch_iterable_type_support_override_adjustment: true,
  formdata_parser_supports_files: true,
  global_navigator: true,
  http_headers_getsetcookie: true,
  no_global_importscripts: true,
  nodejs_als: true,
  nodejs_compat: true,
  nodejs_compat_populate_process_env: true,
  nodejs_compat_v2: true,
  response_redirect_url_standard: true,
  set_event_target_this: true,
  set_tostring_tag: true,
  spec_compliant_dispatch_exceptions: true,
  streams_enable_constructors: true,
  strict_compression_checks: true,
  strip_bom_in_read_all_text: true,
  throw_on_unrecognized_import_assertion: true,
  transformstream_enable_standard_constructor: true,
  upper_case_all_http_methods: true,
  urlsearchparams_delete_has_value_arg: true,
  web_socket_auto_reply_to_close: true,
  web_socket_compression: true,
  websocket_close_reason_byte_limit: true,
  websocket_standard_binary_type: true,
};

/** Before a Worker's code runs: the flags that are off in it, with others that native code follows. */
export function turnOff(names) {
  for (let i = 0; i < names.length; i++) {
    if (ObjectHasOwn(flags, names[i])) flags[names[i]] = false;
  }
}
