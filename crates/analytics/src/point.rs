//! One data point, within the platform's limits. <https://developers.cloudflare.com/analytics/analytics-engine/limits/>

/// Blobs, and doubles, of one point.
pub(crate) const MEMBERS: usize = 20;
const MAX_INDEX: usize = 96;
/// All blobs of a point together.
const MAX_BLOBS: usize = 16 << 10;
/// Points that one invocation of a Worker may write.
pub const MAX_POINTS: u32 = 250;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    pub(crate) index: String,
    pub(crate) blobs: Vec<Option<String>>,
    pub(crate) doubles: Vec<f64>,
}

/// Why a point is refused, in the platform's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    #[error("writeDataPoint(): Maximum of 1 indexes supported.")]
    Indexes,
    // The parenthesis that nothing opens is the platform's.
    #[error("writeDataPoint(): Size of indexes[0] exceeds {MAX_INDEX} bytes).")]
    IndexSize,
    #[error("writeDataPoint(): Maximum of {MEMBERS} blobs supported.")]
    Blobs,
    #[error("writeDataPoint(): Cumulative size of blobs exceeds {MAX_BLOBS} bytes).")]
    BlobSize,
    #[error("writeDataPoint(): Maximum of {MEMBERS} doubles supported.")]
    Doubles,
}

// === impl Point ===

impl Point {
    /// A member that is `None` is left out, and those after it keep their places.
    pub fn new(
        indexes: Vec<Option<String>>,
        blobs: Vec<Option<String>>,
        doubles: Vec<f64>,
    ) -> Result<Self, PointError> {
        if indexes.len() > 1 {
            return Err(PointError::Indexes);
        }
        let index = indexes.into_iter().next().flatten().unwrap_or_default();
        if index.len() > MAX_INDEX {
            return Err(PointError::IndexSize);
        }
        if blobs.len() > MEMBERS {
            return Err(PointError::Blobs);
        }
        if blobs.iter().flatten().map(String::len).sum::<usize>() > MAX_BLOBS {
            return Err(PointError::BlobSize);
        }
        if doubles.len() > MEMBERS {
            return Err(PointError::Doubles);
        }
        Ok(Self { index, blobs, doubles })
    }

    /// What it takes of memory, about.
    pub(crate) fn weight(&self) -> usize {
        128 + self.index.len()
            + self.blobs.iter().flatten().map(|blob| blob.len() + 32).sum::<usize>()
            + 8 * self.doubles.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_limits() {
        let text = |length: usize| Some("x".repeat(length));
        assert!(Point::new(vec![text(96)], vec![text(819); 20], vec![0.0; 20]).is_ok());
        for (refused, why) in [
            (Point::new(vec![None, None], vec![], vec![]), "writeDataPoint(): Maximum of 1 indexes supported."),
            (Point::new(vec![text(97)], vec![], vec![]), "writeDataPoint(): Size of indexes[0] exceeds 96 bytes)."),
            (Point::new(vec![], vec![None; 21], vec![]), "writeDataPoint(): Maximum of 20 blobs supported."),
            (
                Point::new(vec![], vec![text(16385)], vec![]),
                "writeDataPoint(): Cumulative size of blobs exceeds 16384 bytes).",
            ),
            (Point::new(vec![], vec![], vec![0.0; 21]), "writeDataPoint(): Maximum of 20 doubles supported."),
        ] {
            assert_eq!(refused.unwrap_err().to_string(), why);
        }
    }
}
