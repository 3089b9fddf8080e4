//! Ids and times of responses: derived from the request, so that an answer is a pure function of it.

/// The `created` field of every response and model, in seconds since 1970: 2026-01-01.
pub(crate) const CREATED: u64 = 1_767_225_600;

/// A response id: the prefix and a digest of the request.
pub(crate) fn response_id(prefix: &str, request: &[u8]) -> String {
    format!("{prefix}-{:016x}", digest(request))
}

/// FNV-1a, 64 bits: spreads well enough for ids and for embeddings of words.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
