// Makes the web standards' classes known to inspect().

import { AbortController, AbortSignal } from "./abort.js";
import { Blob, File } from "./blob.js";
import { TextDecoder, TextEncoder } from "./encoding.js";
import { Event } from "./events.js";
import { FormData, formDataEntries } from "./formdata.js";
import { Headers, headersPairs } from "./headers.js";
import { showAttributes, showPairs } from "./inspect_platform.js";
import { Request } from "./request.js";
import { Response } from "./response.js";
import { ReadableStream, TransformStream, WritableStream } from "./streams.js";
import { searchParamsList, URL, URLSearchParams } from "./url.js";

showAttributes(AbortController);
showAttributes(AbortSignal, ["aborted", "reason", "onabort"]);
showAttributes(Blob, ["size", "type"]);
showAttributes(Event);
showAttributes(File);
showAttributes(ReadableStream);
showAttributes(Request);
showAttributes(Response);
showAttributes(TextDecoder);
showAttributes(TextEncoder);
showAttributes(TransformStream);
showAttributes(URL);
showAttributes(WritableStream);
showPairs(FormData, formDataEntries);
showPairs(Headers, headersPairs);
showPairs(URLSearchParams, searchParamsList);
