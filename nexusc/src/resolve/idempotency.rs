//! `[gateway.idempotency]`

use std::time::Duration;

use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::{ir, spec};

const DEFAULT_TTL: Duration = Duration::from_secs(10 * 60);
const DEFAULT_MAX_BYTES: u64 = 16 << 20;

pub(super) fn resolve(
    idempotency: &spec::idempotency::Idempotency,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> ir::Idempotency {
    let spec::idempotency::Idempotency { ttl, max_bytes } = idempotency;
    ir::Idempotency {
        ttl: scope.duration(ttl.as_ref(), DEFAULT_TTL, &path.key("ttl")),
        max_bytes: scope.size(
            max_bytes.as_ref(),
            DEFAULT_MAX_BYTES,
            1 << 20..=1 << 32,
            &path.key("max_bytes"),
        ),
    }
}
