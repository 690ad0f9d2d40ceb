//! Lists: pages of keys in the order of their UTF-8 bytes, those with a common beginning folded into one entry where asked.

use store::rusqlite::{Connection, params};

use crate::{Bucket, Error, Object, index, limits};

/// Bytes of keys and metadata in one page: past it a page ends early, as on the platform.
const PAGE: usize = 256 * 1024;

#[derive(Clone, Debug, Default)]
pub struct List {
    pub prefix: String,
    /// Keys that have it behind the prefix are folded. Empty: none.
    pub delimiter: String,
    /// What the page before gave.
    pub cursor: Option<String>,
    pub start_after: Option<String>,
    /// Entries in a page, 1000 when it isn't given.
    pub limit: Option<u32>,
    /// The page need hold neither kind of metadata, or one, or both.
    pub http: bool,
    pub custom: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub objects: Vec<Object>,
    /// The beginnings that keys were folded to.
    pub prefixes: Vec<String>,
    /// Where the next page goes on. `None`: this is the last one.
    pub cursor: Option<String>,
}

/// Keys from here on.
enum From {
    /// This one and what comes after it.
    At(Vec<u8>),
    After(Vec<u8>),
}

// === impl Bucket ===

impl Bucket {
    pub async fn list(&self, options: List) -> Result<Listed, Error> {
        let limit = match options.limit {
            None => limits::KEYS,
            Some(limit) if (1..=limits::KEYS as u32).contains(&limit) => limit as usize,
            Some(_) => return Err(Error::InvalidMaxKeys),
        };
        let from = start(&options)?;
        self.r2.engine().await?.index.read(|connection| match self.number(connection)? {
            Some(bucket) => page(connection, bucket, &options, from, limit),
            None => Ok(Listed::default()),
        })
    }
}

fn start(options: &List) -> Result<From, Error> {
    let mut from = From::At(options.prefix.clone().into_bytes());
    if let Some(after) = options.start_after.as_ref().filter(|after| after.as_bytes() >= options.prefix.as_bytes()) {
        from = From::After(after.clone().into_bytes());
    }
    let Some(cursor) = &options.cursor else { return Ok(from) };
    let cursor = crate::unhex(cursor).filter(|cursor| !cursor.is_empty()).ok_or(Error::InvalidCursor)?;
    let (From::At(first) | From::After(first)) = &from;
    // The page before ended with a key, or with a beginning: all that has it lies before its end.
    let (key, folded) = (&cursor[1..], cursor[0] == 1);
    if folded {
        let end = end_of(key).ok_or(Error::InvalidCursor)?;
        return Ok(if end < *first { from } else { From::At(end) });
    }
    Ok(if key < &first[..] { from } else { From::After(key.to_vec()) })
}

/// The first bytes behind all that begin with `prefix`. `None`: nothing can lie behind.
pub(crate) fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

fn page(connection: &Connection, bucket: i64, options: &List, from: From, limit: usize) -> Result<Listed, Error> {
    let columns = index::OBJECT;
    let at = format!("SELECT {columns} FROM objects WHERE bucket = ?1 AND key >= ?2 ORDER BY key");
    let after = format!("SELECT {columns} FROM objects WHERE bucket = ?1 AND key > ?2 ORDER BY key");
    let mut listed = Listed::default();
    let (mut weight, mut last) = (0, Vec::new());
    let mut from = Some(from);
    while let Some(here) = from.take() {
        let (query, key) = match &here {
            From::At(key) => (&at, key),
            From::After(key) => (&after, key),
        };
        let mut statement = connection.prepare_cached(query)?;
        let mut rows = statement.query(params![bucket, key])?;
        while let Some(row) = rows.next()? {
            let key = row.get_ref(0)?.as_blob().unwrap_or_default();
            let Some(rest) = key.strip_prefix(options.prefix.as_bytes()) else { return Ok(listed) };
            let full = listed.objects.len() + listed.prefixes.len() >= limit || weight > PAGE;
            if full {
                listed.cursor = Some(crate::hex(&last));
                return Ok(listed);
            }
            if let Some(folded) = folded(rest, options.delimiter.as_bytes()) {
                let prefix = key[..options.prefix.len() + folded].to_vec();
                last = [&[1], &prefix[..]].concat();
                weight += prefix.len();
                from = end_of(&prefix).map(From::At);
                listed.prefixes.push(index::key(prefix)?);
                // Whatever else begins so is behind us: one step in the index, however many they are.
                break;
            }
            last = [&[0], key].concat();
            let mut object = index::object(row)?;
            weight += object.key.len();
            if options.http {
                weight += object.http.weight();
            } else {
                object.http = crate::HttpMetadata::default();
            }
            if options.custom {
                weight += object.custom.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            } else {
                object.custom.clear();
            }
            listed.objects.push(object);
        }
    }
    Ok(listed)
}

/// How many bytes of `rest` the entry of a folded key has.
pub(crate) fn folded(rest: &[u8], delimiter: &[u8]) -> Option<usize> {
    if delimiter.is_empty() {
        return None;
    }
    rest.windows(delimiter.len()).position(|window| window == delimiter).map(|at| at + delimiter.len())
}
