//! `internalBinding('cares_wrap')`: names by the machine's own resolver, as the policy for outbound requests lets a Worker see them.

mod records;

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolveHosts;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};
use isolate::{Args, Op, op, v8};
use webapi::fetch::Outbound;

pub(crate) const OPS: &[Op] =
    &[op!(lookup), op!(query), op!(reverse), op!(servers), op!(canonicalize_ip), op!(ip_bits)];

/// For all attempts at one question.
const PATIENCE: Duration = Duration::from_secs(15);

/// Of a resolver, for the process.
const CACHED: u64 = 1024;

/// The longest name that the DNS has.
const MAX_NAME: usize = 255;

/// What libuv's `getaddrinfo` says of a name that has no address.
const EAI_NONAME: i32 = -3008;

/// `lookup(hostname, family)` → a promise of an array of addresses, or of a negative number of libuv's
fn lookup(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let hostname = isolate::string_arg(scope, &args, 0);
    let family = args.get(1).uint32_value(scope).unwrap_or(0);
    let Some(outbound) = outbound(scope) else { return };
    isolate::spawn_output(scope, rv, async move {
        let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((hostname.as_str(), 0))).await;
        let mut addresses: Vec<IpAddr> = Vec::new();
        for address in found.into_iter().flatten().flatten().map(|address| address.ip()) {
            let wanted = family == 0 || address.is_ipv4() == (family == 4);
            if wanted && outbound.allows(address) && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Ok(match addresses.is_empty() {
            true => f64::from(EAI_NONAME).into(),
            false => serde_json::to_string(&addresses).unwrap_or_default().into(),
        })
    });
}

/// `query(name, type)` → a promise of JSON: what is asked for with `ttls`, or `code`, an error's by c-ares
fn query(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let name = isolate::string_arg(scope, &args, 0);
    let kind = isolate::string_arg(scope, &args, 1);
    ask(scope, rv, move || Some((absolute(&name)?, kind.parse().ok()?)));
}

/// `reverse(address)` → as `query`
fn reverse(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let address = isolate::string_arg(scope, &args, 0);
    ask(scope, rv, move || Some((Name::from(address.parse::<IpAddr>().ok()?), RecordType::PTR)));
}

/// `servers()` → the addresses of the machine's name servers, as JSON
fn servers(scope: &mut v8::PinScope, _args: Args, mut rv: v8::ReturnValue) {
    let read = hickory_resolver::system_conf::read_system_conf();
    let mut addresses: Vec<IpAddr> = Vec::new();
    for server in read.iter().flat_map(|(config, _)| config.name_servers()) {
        if !addresses.contains(&server.ip) {
            addresses.push(server.ip);
        }
    }
    rv.set(isolate::new_string(scope, &serde_json::to_string(&addresses).unwrap_or_default()).into());
}

/// `canonicalizeIp(text)` → the address in its usual form; undefined for what is none
fn canonicalize_ip(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    if let Ok(address) = isolate::string_arg(scope, &args, 0).parse::<IpAddr>() {
        rv.set(isolate::new_string(scope, &address.to_string()).into());
    }
}

/// `ipBits(text)` → its 4 or 16 bytes, or those of IPv4 that one of IPv6 has within; undefined for what is no address
fn ip_bits(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(address) = isolate::string_arg(scope, &args, 0).parse::<IpAddr>() else { return };
    let bytes = match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    rv.set(isolate::new_bytes(scope, bytes).into());
}

fn ask(
    scope: &mut v8::PinScope,
    rv: v8::ReturnValue,
    question: impl FnOnce() -> Option<(Name, RecordType)> + Send + 'static,
) {
    let Some(outbound) = outbound(scope) else { return };
    isolate::spawn_output(scope, rv, async move {
        let answer = match question() {
            None => Err("EBADNAME"),
            Some((name, kind)) => match resolver() {
                None => Err("ECONNREFUSED"),
                Some(resolver) => resolve(resolver, name, kind, |address| outbound.allows(address)).await,
            },
        };
        let answer = answer.unwrap_or_else(|code| serde_json::json!({ "code": code }));
        Ok(answer.to_string().into())
    });
}

/// What the running event may ask of the network; throws where there is no event, or none may be asked any more.
fn outbound(scope: &mut v8::PinScope) -> Option<Outbound> {
    if !isolate::require_io(scope) {
        return None;
    }
    if let Some(Err(error)) = isolate::io_context(scope).map(|context| context.take_subrequest()) {
        isolate::throw(scope, error);
        return None;
    }
    isolate::embedder::<Outbound>(scope).cloned()
}

/// c-ares looks a name up as it is, without the domains that the machine searches.
fn absolute(name: &str) -> Option<Name> {
    if name.len() > MAX_NAME {
        return None;
    }
    let mut name: Name = name.parse().ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// The one for the process, by `/etc/resolv.conf`.
fn resolver() -> Option<&'static TokioResolver> {
    static RESOLVER: OnceLock<Option<TokioResolver>> = OnceLock::new();
    let made = RESOLVER.get_or_init(|| {
        let mut builder = TokioResolver::builder_tokio().ok()?;
        let options = builder.options_mut();
        options.cache_size = CACHED;
        options.use_hosts_file = ResolveHosts::Never;
        builder.build().ok()
    });
    made.as_ref()
}

async fn resolve(
    resolver: &TokioResolver,
    name: Name,
    kind: RecordType,
    allows: impl Fn(IpAddr) -> bool,
) -> Result<serde_json::Value, &'static str> {
    let answer = tokio::time::timeout(PATIENCE, resolver.lookup(name, kind)).await;
    match answer {
        Err(_) => Err("ETIMEOUT"),
        Ok(Err(error)) => Err(code(&error)),
        Ok(Ok(lookup)) => records::of(kind, lookup.answers(), allows).ok_or("ENODATA"),
    }
}

fn code(error: &NetError) -> &'static str {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NoError => "ENODATA",
            code => of_response(code),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => of_response(*code),
        NetError::Timeout => "ETIMEOUT",
        NetError::NoConnections | NetError::Io(_) => "ECONNREFUSED",
        NetError::Proto(_) => "EBADRESP",
        _ => "ESERVFAIL",
    }
}

fn of_response(code: ResponseCode) -> &'static str {
    match code {
        ResponseCode::NXDomain => "ENOTFOUND",
        ResponseCode::Refused => "EREFUSED",
        ResponseCode::FormErr => "EFORMERR",
        ResponseCode::NotImp => "ENOTIMP",
        _ => "ESERVFAIL",
    }
}

#[cfg(test)]
mod tests;
