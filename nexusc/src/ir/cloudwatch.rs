//! What Amazon CloudWatch is told.

/// Where metrics are kept.
#[derive(Debug, PartialEq, Eq)]
pub struct CloudWatch {
    /// The region.
    pub region: String,
    /// The namespace.
    pub namespace: String,
}
