//! The round trip time that the kernel measured on a client's connection, through `NETLINK_SOCK_DIAG`: the same
//! `tcp_info` as `getsockopt` would give, without a C structure to read.

use std::io;
use std::net::SocketAddr;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr as NetlinkAddr};

/// `INET_DIAG_NOCOOKIE`: any socket of these addresses.
const NO_COOKIE: [u8; 8] = [0xff; 8];

/// Where `tcpi_rtt` stands in `struct tcp_info` (linux/tcp.h): after eight bytes and fifteen 32-bit numbers.
const TCP_INFO_RTT: usize = 68;

/// The smoothed round trip time in microseconds of the connection between these addresses of this machine and its peer.
pub(crate) fn microseconds(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u32>> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&NetlinkAddr::new(0, 0))?;
    // The kernel has answered by the time `send` returns: there is nothing to wait for.
    socket.set_non_blocking(true)?;

    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let request = InetRequest {
        family: if local.is_ipv4() { AF_INET } else { AF_INET6 },
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::INFO,
        states: StateFlags::all(),
        socket_id: SocketId {
            source_port: local.port(),
            destination_port: remote.port(),
            source_address: local.ip(),
            destination_address: remote.ip(),
            interface_id: 0,
            cookie: NO_COOKIE,
        },
    };
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;

    let mut answer = Vec::with_capacity(4096);
    socket.recv(&mut answer, 0)?;
    let message = NetlinkMessage::<SockDiagMessage>::deserialize(&answer).map_err(io::Error::other)?;
    let NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) = message.payload else {
        return Ok(None);
    };
    Ok(response.nlas.iter().find_map(|nla| match nla {
        Nla::TcpInfo(info) => info.get(TCP_INFO_RTT..)?.first_chunk().copied().map(u32::from_ne_bytes),
        _ => None,
    }))
}
