//! What Workers `fetch()` of hosts that are served here: it goes to the Worker or the origin of the host without the network, by the
//! platform's rules. <https://developers.cloudflare.com/workers/runtime-apis/fetch/>

use std::sync::{Arc, Weak};

use edge::Handler as _;
use edge::error_page::EdgeError;
use http::{HeaderName, HeaderValue};
use webapi::fetch::{Inner as Answer, Passed};
use workers::{ServedHere, Via};

use crate::dispatch::{MAX_INVOCATIONS, Met};
use crate::origin::Origin;
use crate::router::{By, Target};
use crate::{Elsewhere, Inner, Platform};

const CF_EW_VIA: HeaderName = HeaderName::from_static("cf-ew-via");
const CF_WORKER: HeaderName = HeaderName::from_static("cf-worker");

/// Does not keep the platform alive, whose Workers have it.
pub(crate) struct Served(pub(crate) Weak<Inner>);

/// Where a request of a Worker's goes.
enum Way {
    /// To whoever answers clients at this address.
    Front,
    Origin(Arc<Origin>),
    Refused(EdgeError),
    /// To another process of this server.
    Elsewhere(Arc<dyn Elsewhere>),
    Network,
}

// === impl Served ===

impl ServedHere for Served {
    fn answer(&self, via: &Via, public: bool, mut request: Passed) -> Result<Answer, Box<Passed>> {
        let zone = via.zone.as_deref().and_then(|zone| HeaderValue::from_str(zone).ok());
        request.headers.insert(CF_EW_VIA, (MAX_INVOCATIONS - 1).saturating_sub(via.hops).into());
        if let Some(zone) = zone.clone() {
            request.headers.insert(CF_WORKER, zone);
        }
        let Some(platform) = self.0.upgrade().map(Platform) else { return Err(Box::new(request)) };
        match platform.way(via, public, &request) {
            Way::Network => Err(Box::new(request)),
            Way::Origin(origin) => Ok(Box::pin(async move {
                let met = Met::inside(&platform, &request.headers);
                Ok(origin.pass(request).await.unwrap_or_else(|error| met.error(error)))
            })),
            Way::Refused(error) => {
                let response = Met::inside(&platform, &request.headers).error(error);
                Ok(Box::pin(std::future::ready(Ok(response))))
            }
            Way::Elsewhere(elsewhere) => {
                let request = platform.within(request, zone);
                Ok(Box::pin(async move { Ok(elsewhere.pass(request).await) }))
            }
            Way::Front => Ok(Box::pin(async move {
                let request = platform.within(request, zone);
                let abandoned = request.gone.clone().drop_guard();
                let response = platform.handle(request).await;
                abandoned.disarm();
                Ok(response)
            })),
        }
    }
}

// === impl Platform ===

impl Platform {
    /// A Worker's request as it meets whoever answers clients.
    fn within(&self, request: Passed, zone: Option<HeaderValue>) -> edge::Request {
        let Passed { method, url, headers, body } = request;
        let body = Some(body).filter(|body| body.length() != Some(0));
        let mut request = edge::Request::within(&self.0.geo, method, &url, headers, body);
        if let Some(zone) = zone {
            request.headers.insert(CF_WORKER, zone);
        }
        request
    }

    fn way(&self, via: &Via, public: bool, request: &Passed) -> Way {
        let url = &request.url;
        let ours = url.port().is_none_or(|port| self.0.ports.contains(&port));
        let found = url
            .host_str()
            .filter(|_| ours)
            .and_then(|host| self.router().find(url.scheme() == "https", host, url.path()));
        let Some(found) = found else {
            let elsewhere = self.0.elsewhere.as_ref().filter(|_| ours);
            let elsewhere = elsewhere.filter(|elsewhere| url.host_str().is_some_and(|host| elsewhere.has(host)));
            return elsewhere.map_or(Way::Network, |elsewhere| Way::Elsewhere(elsewhere.clone()));
        };
        // A Worker stands before the server of its zone, so what it asks of the zone is asked of that server.
        let stays = !public && via.zone.is_some() && via.zone == found.zone;
        match (found.target, found.by) {
            (Target::Origin(origin), _) => Way::Origin(origin),
            (_, By::OwnHost) if stays => Way::Refused(EdgeError::SameZoneFetch),
            (_, By::Route(origin)) if stays => origin.map_or(Way::Network, Way::Origin),
            _ => Way::Front,
        }
    }
}
