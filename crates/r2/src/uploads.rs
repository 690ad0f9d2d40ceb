//! What has begun: uploads of a bucket, parts of an upload, a page at a time.

use store::rusqlite::{Connection, params};

use crate::list::{end_of, folded};
use crate::multipart::UploadedPart;
use crate::{Algorithm, Bucket, Error, StorageClass, hex, index, limits};

/// Which uploads a page is to hold.
#[derive(Clone, Debug, Default)]
pub struct Uploads {
    pub prefix: String,
    /// Keys that have it behind the prefix are folded. Empty: none.
    pub delimiter: String,
    pub after: Option<UploadsAfter>,
    /// Entries in a page, from 1 to 1000.
    pub limit: u32,
}

/// Where the page before ended: all uploads of the key are behind, or those up to one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadsAfter {
    pub key: String,
    pub upload: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadInfo {
    pub key: String,
    pub id: String,
    /// Milliseconds since the epoch.
    pub begun: i64,
    pub storage_class: StorageClass,
    pub checksum: Option<Algorithm>,
}

/// The parts of an upload, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    pub parts: Vec<UploadedPart>,
    pub more: bool,
    pub storage_class: StorageClass,
    pub checksum: Option<Algorithm>,
}

/// Uploads by key, and by id under one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadsPage {
    pub uploads: Vec<UploadInfo>,
    /// The beginnings that keys were folded to.
    pub prefixes: Vec<String>,
    /// Where the next page goes on. `None`: this is the last one.
    pub next: Option<UploadsAfter>,
}

// === impl Bucket ===

impl Bucket {
    /// The uploads that have begun and not ended.
    pub async fn uploads(&self, options: Uploads) -> Result<UploadsPage, Error> {
        if !(1..=limits::KEYS as u32).contains(&options.limit) {
            return Err(Error::InvalidMaxKeys);
        }
        self.r2.engine().await?.index.read(|connection| match self.number(connection)? {
            Some(bucket) => page(connection, bucket, &options),
            None => Ok(UploadsPage::default()),
        })
    }

    /// The parts of an upload behind a number, at most `limit`.
    pub async fn parts(&self, key: &str, upload: &str, after: u16, limit: u32) -> Result<Parts, Error> {
        self.r2.engine().await?.index.read(|connection| {
            let begun = self.find_upload(connection, key, upload)?;
            let begun = begun.filter(|begun| !begun.ended).ok_or(Error::NoSuchUpload)?;
            let mut statement = connection.prepare_cached(
                "SELECT part, size, md5, uploaded, checksums FROM segments WHERE owner = ?1 AND part > ?2
                 ORDER BY part LIMIT ?3",
            )?;
            let mut rows = statement.query(params![begun.version, after, limit + 1])?;
            let mut page = Parts { storage_class: begun.storage_class, checksum: begun.checksum, ..Parts::default() };
            while let Some(row) = rows.next()? {
                if page.parts.len() == limit as usize {
                    page.more = true;
                    break;
                }
                page.parts.push(UploadedPart {
                    number: row.get(0)?,
                    size: index::size(row, 1)?,
                    etag: hex(row.get_ref(2)?.as_blob().unwrap_or_default()),
                    uploaded: row.get(3)?,
                    checksums: index::optional_json(row, 4)?.unwrap_or_default(),
                });
            }
            Ok(page)
        })
    }
}

fn page(connection: &Connection, bucket: i64, options: &Uploads) -> Result<UploadsPage, Error> {
    let prefix = options.prefix.as_bytes();
    let (mut key, mut upload) = match &options.after {
        None => (prefix.to_vec(), String::new()),
        Some(UploadsAfter { key, upload: Some(upload) }) => (key.clone().into_bytes(), upload.clone()),
        Some(UploadsAfter { key, upload: None }) => {
            let rest = key.as_bytes().strip_prefix(prefix).unwrap_or_default();
            let whole = folded(rest, options.delimiter.as_bytes()) == Some(rest.len());
            // Behind all that was folded to it; or behind it, where nothing comes before a zero byte.
            let end = if whole { end_of(key.as_bytes()) } else { Some([key.as_bytes(), &[0]].concat()) };
            let Some(end) = end else { return Ok(UploadsPage::default()) };
            (end, String::new())
        }
    };
    if &key[..] < prefix {
        (key, upload) = (prefix.to_vec(), String::new());
    }
    let mut page = UploadsPage::default();
    let mut last = UploadsAfter::default();
    let mut from = Some((key, upload));
    while let Some((key, upload)) = from.take() {
        let mut statement = connection.prepare_cached(
            "SELECT key, id, begun, storage_class, checksum FROM uploads
             WHERE bucket = ?1 AND (key, id) > (?2, ?3) AND ended IS NULL ORDER BY key, id",
        )?;
        let mut rows = statement.query(params![bucket, key, upload])?;
        while let Some(row) = rows.next()? {
            let key = row.get_ref(0)?.as_blob().unwrap_or_default();
            let Some(rest) = key.strip_prefix(prefix) else { return Ok(page) };
            if page.uploads.len() + page.prefixes.len() >= options.limit as usize {
                page.next = Some(last);
                return Ok(page);
            }
            if let Some(folded) = folded(rest, options.delimiter.as_bytes()) {
                let beginning = key[..prefix.len() + folded].to_vec();
                from = end_of(&beginning).map(|end| (end, String::new()));
                let beginning = index::key(beginning)?;
                last = UploadsAfter { key: beginning.clone(), upload: None };
                page.prefixes.push(beginning);
                break;
            }
            let info = UploadInfo {
                key: index::key(key.to_vec())?,
                id: row.get(1)?,
                begun: row.get(2)?,
                storage_class: row.get_ref(3)?.as_str().unwrap_or_default().parse()?,
                checksum: index::optional_json(row, 4)?,
            };
            last = UploadsAfter { key: info.key.clone(), upload: Some(info.id.clone()) };
            page.uploads.push(info);
        }
    }
    Ok(page)
}
