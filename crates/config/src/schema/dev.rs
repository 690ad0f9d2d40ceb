//! The `dev` table: how the development server listens.

use super::{choice, record};
use crate::read::{Read, Reader, whole_number};
use crate::value::{Kind, Value};

record! {
    #[derive(Default)]
    pub struct Dev {
        ip: Option<String>,
        port: Option<u16>,
        inspector_port: Option<u16>,
        inspector_ip: Option<String>,
        local_protocol: Option<Protocol>,
        upstream_protocol: Option<Protocol>,
        host: Option<String>,
        enable_containers: Option<bool>,
        container_engine: Option<ContainerEngine>,
        generate_types: Option<bool>,
    }
}

choice! {
    pub enum Protocol {
        Http = "http",
        Https = "https",
    }
}

/// A port; 0 asks for any free one.
impl Read for u16 {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let number = whole_number(value, reader, 0, u16::MAX.into())?;
        u16::try_from(number).ok()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum ContainerEngine {
    Socket(String),
    LocalDocker(LocalDocker),
}

impl Read for ContainerEngine {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match &value.kind {
            Kind::String(socket) => Some(Self::Socket(socket.clone())),
            Kind::Table(_) => LocalDocker::read(value, reader).map(Self::LocalDocker),
            _ => {
                reader.expected(value, "a string or a table with `localDocker`");
                None
            }
        }
    }
}

record! {
    pub struct LocalDocker {
        local_docker = "localDocker": DockerSocket,
    }
}

record! {
    pub struct DockerSocket {
        socket_path = "socketPath": String,
        container_egress_interceptor_image = "containerEgressInterceptorImage": Option<String>,
    }
}
