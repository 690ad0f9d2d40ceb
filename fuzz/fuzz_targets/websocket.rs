//! WebSocket frames as they come from a peer, compressed or not.

#![no_main]

use libfuzzer_sys::fuzz_target;

const OFFERS: [Option<&str>; 3] =
    [None, Some("permessage-deflate"), Some("permessage-deflate; server_max_window_bits=9; client_max_window_bits=9")];

// The first byte says who reads, and what was agreed on; the second how many bytes come at a time.
fuzz_target!(|bytes: &[u8]| {
    let [how, piece, bytes @ ..] = bytes else { return };
    let offers = OFFERS[usize::from(how >> 1) % OFFERS.len()];
    webapi::websocket::fuzzing::check(how & 1 == 0, offers, usize::from(*piece), bytes);
});
