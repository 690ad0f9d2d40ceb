//! MaxMind databases, in the City and ASN layouts.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::Reader;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

use super::{Colo, EU, Location};

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("{path}: cannot be read as a MaxMind database: {source}")]
    Open { path: PathBuf, source: maxminddb::MaxMindDbError },
}

/// One or more databases; each adds what it knows of an address.
pub(super) struct Database(Vec<Reader<Vec<u8>>>);

/// The fields of both layouts that matter here; a City database has no ASN's, and the other way round.
#[derive(Deserialize, Default)]
struct Record<'a> {
    #[serde(borrow)]
    city: Option<Named<'a>>,
    continent: Option<Continent<'a>>,
    country: Option<Country<'a>>,
    location: Option<Position<'a>>,
    postal: Option<Postal<'a>>,
    subdivisions: Option<Vec<Subdivision<'a>>>,
    autonomous_system_number: Option<Number>,
    autonomous_system_organization: Option<&'a str>,
}

/// A number of whichever of the format's types: writers other than MaxMind's take the smallest that fits.
#[derive(Clone, Copy)]
struct Number(f64);

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    names: Option<Names<'a>>,
}

#[derive(Deserialize)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Deserialize)]
struct Continent<'a> {
    code: Option<&'a str>,
}

#[derive(Deserialize)]
struct Country<'a> {
    iso_code: Option<&'a str>,
    is_in_european_union: Option<bool>,
}

#[derive(Deserialize)]
struct Position<'a> {
    latitude: Option<Number>,
    longitude: Option<Number>,
    time_zone: Option<&'a str>,
    metro_code: Option<Number>,
}

#[derive(Deserialize)]
struct Postal<'a> {
    code: Option<&'a str>,
}

#[derive(Deserialize)]
struct Subdivision<'a> {
    iso_code: Option<&'a str>,
    #[serde(borrow)]
    names: Option<Names<'a>>,
}

// === impl Number ===

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNumber;

        impl Visitor<'_> for AnyNumber {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }
        }

        deserializer.deserialize_any(AnyNumber)
    }
}

// === impl Database ===

impl Database {
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, DatabaseError> {
        let open = |path: &PathBuf| {
            Reader::open_readfile(Path::new(path)).map_err(|source| DatabaseError::Open { path: path.clone(), source })
        };
        paths.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// What the databases know of `ip`; `None` when none has it. Without a position its client reaches `here`.
    pub(super) fn locate(&self, ip: IpAddr, here: &Colo) -> Option<Location> {
        let mut found: Option<Location> = None;
        for reader in &self.0 {
            let record = match reader.lookup(ip).and_then(|result| result.decode::<Record>()) {
                Ok(Some(record)) => record,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(%error, "a geo database's record is damaged");
                    continue;
                }
            };
            merge(found.get_or_insert_with(|| Location::unknown(here)), &record);
        }
        let mut location = found?;
        if let (Some(latitude), Some(longitude)) = (location.latitude, location.longitude) {
            location.colo = Colo::nearest(latitude, longitude).iata.into();
        }
        Some(location)
    }
}

fn merge(location: &mut Location, record: &Record<'_>) {
    fn set(slot: &mut Option<String>, value: Option<&str>) {
        if let Some(value) = value {
            *slot = Some(value.to_owned());
        }
    }
    if let Some(country) = &record.country {
        set(&mut location.country, country.iso_code);
        let member = country.iso_code.is_some_and(|code| EU.contains(&code));
        location.in_eu = country.is_in_european_union.unwrap_or(member);
    }
    set(&mut location.continent, record.continent.as_ref().and_then(|continent| continent.code));
    set(&mut location.city, record.city.as_ref().and_then(|city| city.names.as_ref()?.en));
    set(&mut location.postal_code, record.postal.as_ref().and_then(|postal| postal.code));
    if let Some(region) = record.subdivisions.as_ref().and_then(|all| all.first()) {
        set(&mut location.region, region.names.as_ref().and_then(|names| names.en));
        set(&mut location.region_code, region.iso_code);
    }
    if let Some(position) = &record.location {
        let degrees = |number: Option<Number>| number.map(|Number(degrees)| degrees);
        location.latitude = degrees(position.latitude).or(location.latitude);
        location.longitude = degrees(position.longitude).or(location.longitude);
        set(&mut location.timezone, position.time_zone);
        let metro = position.metro_code.map(|Number(code)| code.to_string());
        location.metro_code = metro.or(location.metro_code.take());
    }
    location.asn = record.autonomous_system_number.map(|Number(asn)| asn as u32).or(location.asn);
    set(&mut location.organization, record.autonomous_system_organization);
}
