// What a Worker's compatibility date and flags ask for, by the platform's names. The snapshot is as with the newest date.

import { primordials } from "./primordials.js";
const { ObjectHasOwn } = primordials;

/** Whether each flag that JavaScript follows is on. */
export const flags = {
  bind_asynclocalstorage_snapshot_to_request: true,
  blob_standard_mime_type: true,
  cache_no_cache_enabled: true,
  cache_option_enabled: true,
  cache_reload_enabled: false,
  crypto_preserve_public_exponent: true,
  delete_all_deletes_alarm: true,
  disallow_importable_env: false,
  dont_substitute_null_on_type_error: true,
  durable_object_fetch_requires_full_url: true,
  enable_ctx_exports: true,
  enable_global_performance_classes: true,
  enable_navigator_language: true,
  enable_nodejs_global_timers: true,
  enable_nodejs_perf_hooks_module: true,
  enhanced_error_serialization: true,
  enable_request_signal: true,
  enable_weak_ref: true,
  encoder_stream_spec_compliant_backpressure: true,
  env_module_nullable_support: false,
  expose_global_message_channel: true,
  fetch_iterable_type_support: true,
  fetch_iterable_type_support_override_adjustment: true,
  fetch_refuses_unknown_protocols: true,
  fetch_standard_url: true,
  fetcher_no_get_put_delete: true,
  formdata_parser_supports_files: true,
  global_navigator: true,
  http_headers_getsetcookie: true,
  internal_stream_byob_return_view: true,
  no_cf_botmanagement_default: true,
  no_global_importscripts: true,
  no_resizable_array_buffer_in_blob: false,
  nodejs_als: false,
  nodejs_compat: true,
  nodejs_compat_populate_process_env: true,
  nodejs_compat_v2: true,
  queue_consumer_no_wait_for_wait_until: false,
  queues_json_messages: true,
  r2_list_honor_include: true,
  response_redirect_url_standard: true,
  rpc: true,
  set_event_target_this: true,
  set_tostring_tag: true,
  spec_compliant_dispatch_exceptions: true,
  streams_byob_reader_detaches_buffer: true,
  streams_enable_constructors: true,
  strict_compression_checks: true,
  strict_crypto_checks: true,
  strip_bom_in_read_all_text: true,
  throw_on_not_implemented_tls_options: true,
  transformstream_enable_standard_constructor: true,
  upper_case_all_http_methods: true,
  urlsearchparams_delete_has_value_arg: true,
  web_socket_auto_reply_to_close: true,
  websocket_close_reason_byte_limit: true,
  websocket_standard_binary_type: true,
  writable_stream_spec_compliant_writer: true,
};

/** Before a Worker's code runs: the flags that are not in it as above, with others that native code follows. */
export function deviate(names) {
  for (let i = 0; i < names.length; i++) {
    if (ObjectHasOwn(flags, names[i])) flags[names[i]] = !flags[names[i]];
  }
}
