//! Where clients are: `request.cf`, from a MaxMind database when there is one, else from the profile of one colo.

mod cf;
mod choice;
mod colos;
mod database;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

pub use cf::Cf;
pub(crate) use choice::{Choice, X_SKERRY_COLO};
use database::Database;
pub use database::DatabaseError;

/// The colo of a server that was told none.
pub const DEFAULT_COLO: &str = "SJC";

/// A Cloudflare location, and a plausible client beside it.
#[derive(Debug)]
pub struct Colo {
    /// Its code: the nearest airport's.
    pub iata: &'static str,
    pub city: &'static str,
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// Two letters, as MaxMind has them.
    pub continent: &'static str,
    pub region: &'static str,
    /// ISO 3166-2, without the country.
    pub region_code: &'static str,
    pub postal_code: &'static str,
    pub latitude: f64,
    pub longitude: f64,
    /// IANA's name.
    pub timezone: &'static str,
    pub asn: u32,
    pub organization: &'static str,
}

/// What is known of one client's whereabouts.
#[derive(Debug, Clone)]
pub struct Location {
    /// The colo that such a client reaches.
    pub colo: Arc<str>,
    pub country: Option<String>,
    pub in_eu: bool,
    pub continent: Option<String>,
    pub region: Option<String>,
    pub region_code: Option<String>,
    pub city: Option<String>,
    pub postal_code: Option<String>,
    pub metro_code: Option<String>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
    pub timezone: Option<String>,
    pub asn: Option<u32>,
    pub organization: Option<String>,
}

/// This server's place, and the way to find its clients'.
pub struct Geo {
    here: &'static Colo,
    profile: Location,
    choices: Vec<&'static Colo>,
    database: Option<Database>,
}

#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    #[error("\"{given}\" is no known colo. Give an airport code such as {}.", .near.join(", "))]
    UnknownColo { given: String, near: Vec<&'static str> },
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

// === impl Colo ===

impl Colo {
    /// The colo of this code, in any case.
    pub fn find(iata: &str) -> Option<&'static Colo> {
        colos::COLOS.iter().find(|colo| colo.iata.eq_ignore_ascii_case(iata))
    }

    pub fn all() -> &'static [Colo] {
        colos::COLOS
    }

    /// The colo nearest to a position, along the great circle.
    pub fn nearest(latitude: f64, longitude: f64) -> &'static Colo {
        let distance = |colo: &Colo| central_angle(latitude, longitude, colo.latitude, colo.longitude);
        colos::COLOS.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(&colos::COLOS[0])
    }
}

/// The haversine formula: the angle between two places seen from the Earth's centre.
fn central_angle(lat1: f64, lon1: f64, lat2: f64, lon2: f64) -> f64 {
    let (lat1, lat2) = (lat1.to_radians(), lat2.to_radians());
    let half_lat = (lat2 - lat1) / 2.0;
    let half_lon = (lon2 - lon1).to_radians() / 2.0;
    let h = half_lat.sin().powi(2) + lat1.cos() * lat2.cos() * half_lon.sin().powi(2);
    2.0 * h.sqrt().min(1.0).asin()
}

// === impl Geo ===

impl Geo {
    /// A server at `colo` whose clients come from the databases (City, ASN or both), or are its neighbours without any.
    pub fn new(colo: Option<&str>, databases: &[PathBuf]) -> Result<Self, GeoError> {
        let given = colo.unwrap_or(DEFAULT_COLO);
        let here = Colo::find(given).ok_or_else(|| unknown(given))?;
        let database = match databases {
            [] => None,
            paths => Some(Database::open(paths)?),
        };
        Ok(Self { here, profile: Location::beside(here), choices: Vec::new(), database })
    }

    /// This server's colo.
    pub fn colo(&self) -> &'static Colo {
        self.here
    }

    /// Where the client at `ip` is when its request comes in at `colo`: beside it, unless the databases know better.
    pub(crate) fn locate_at(&self, ip: IpAddr, colo: &Colo) -> Location {
        let known = self.database.as_ref().and_then(|database| database.locate(ip, colo));
        Location { colo: colo.iata.into(), ..known.unwrap_or_else(|| Location::beside(colo)) }
    }

    /// Where the client at `ip` is. An unknown address that is not the internet's is this machine's neighbour.
    pub fn locate(&self, ip: IpAddr) -> Location {
        if let Some(first) = self.choices.first() {
            return self.locate_at(ip, first);
        }
        let Some(database) = &self.database else { return self.profile.clone() };
        database.locate(ip, self.here).unwrap_or_else(|| match webapi::fetch::is_public(ip) {
            true => Location::unknown(self.here),
            false => self.profile.clone(),
        })
    }
}

impl std::fmt::Debug for Geo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Geo").field("colo", &self.here.iata).field("database", &self.database.is_some()).finish()
    }
}

fn unknown(given: &str) -> GeoError {
    let first = given.get(..1).unwrap_or("").to_ascii_uppercase();
    let mut near: Vec<_> =
        colos::COLOS.iter().map(|c| c.iata).filter(|iata| iata.starts_with(&first)).take(8).collect();
    if near.is_empty() || first.is_empty() {
        near = vec!["SJC", "IAD", "LHR", "FRA", "NRT", "SIN", "SYD", "GRU"];
    }
    GeoError::UnknownColo { given: given.to_owned(), near }
}

// === impl Location ===

/// The European Union's members.
const EU: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

impl Location {
    fn beside(colo: &Colo) -> Self {
        let text = |value: &str| Some(value.to_owned());
        Self {
            colo: colo.iata.into(),
            country: text(colo.country),
            in_eu: EU.contains(&colo.country),
            continent: text(colo.continent),
            region: text(colo.region),
            region_code: text(colo.region_code),
            city: text(colo.city),
            postal_code: text(colo.postal_code),
            metro_code: None,
            latitude: Some(colo.latitude),
            longitude: Some(colo.longitude),
            timezone: text(colo.timezone),
            asn: Some(colo.asn),
            organization: text(colo.organization),
        }
    }

    /// A client of whom the databases know nothing reaches this server all the same.
    fn unknown(here: &Colo) -> Self {
        Self {
            colo: here.iata.into(),
            country: None,
            in_eu: false,
            continent: None,
            region: None,
            region_code: None,
            city: None,
            postal_code: None,
            metro_code: None,
            latitude: None,
            longitude: None,
            timezone: None,
            asn: None,
            organization: None,
        }
    }
}
