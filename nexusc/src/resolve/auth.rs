//! `[auth]`

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Algorithm;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::resolve::{key, priority, secret};
use crate::source::Place;
use crate::{ir, spec, suggest};

const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
const DEFAULT_MODELS_CLAIM: &str = "models";

pub(super) fn resolve(auth: &spec::auth::Auth, scope: &mut Scope<'_>) -> Option<ir::Jwt> {
    let path = KeyPath::root().key("auth").key("jwt");
    let jwt = auth.jwt.as_ref()?;
    let algorithm = algorithm(&jwt.algorithm, &path.key("algorithm"), scope);
    Some(ir::Jwt {
        key: algorithm.and_then(|algorithm| verifying_key(jwt, algorithm, &path, scope)),
        algorithm,
        issuer: jwt.issuer.clone(),
        audience: jwt.audience.clone(),
        leeway: scope.duration(jwt.leeway.as_ref(), DEFAULT_LEEWAY, &path.key("leeway")),
        models_claim: jwt
            .models_claim
            .clone()
            .unwrap_or_else(|| DEFAULT_MODELS_CLAIM.to_owned()),
        models: key::access(&jwt.models, &path.key("models"), scope),
        priority: priority::resolve(jwt.priority.as_ref(), &path.key("priority"), scope),
        path,
    })
}

fn algorithm(name: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Algorithm> {
    let known = Algorithm::ALL
        .into_iter()
        .find(|known| known.name() == name);
    if known.is_none() {
        let message = format!("tokens cannot be signed with {}", shown(name));
        let names = Algorithm::ALL.map(Algorithm::name);
        let help = suggest::nearest(name, names.into_iter())
            .unwrap_or_else(|| format!("the algorithms are {}", suggest::list(names.into_iter())));
        let place = Place::Value(path.clone());
        scope.report(Diagnostic::new(Code::NX0308, message, place, "").help(help));
    }
    known
}

/// What the algorithm verifies with: exactly one of `secret` and `public_key`, and the one that fits.
fn verifying_key(
    jwt: &spec::auth::Jwt,
    algorithm: Algorithm,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<ir::Secret> {
    let name = algorithm.name();
    let (fitting, field, other, other_field) = match algorithm {
        Algorithm::Hs256 => (&jwt.secret, "secret", &jwt.public_key, "public_key"),
        Algorithm::Rs256 | Algorithm::Es256 => {
            (&jwt.public_key, "public_key", &jwt.secret, "secret")
        }
    };
    let at_algorithm = Place::Value(path.key("algorithm"));
    let diagnostic = match (fitting, other) {
        (Some(fitting), None) => return secret::resolve(fitting, &path.key(field), scope),
        (_, Some(_)) => Diagnostic::new(
            Code::NX0309,
            format!("`{other_field}` is of no use to {name}"),
            Place::Key(path.key(other_field)),
            "",
        )
        .conflict(at_algorithm, format!("verified with `{field}`"))
        .help(match algorithm {
            Algorithm::Hs256 => {
                "write `secret`, which issuer and gateway share; or, if the issuer has a \
                                 public key, the algorithm that goes with it"
            }
            _ => "write `public_key` with the issuer's public key, and nothing of its private one",
        }),
        (None, None) if scope.lacks(path) => return None,
        (None, None) => Diagnostic::new(
            Code::NX0309,
            format!("{name} has no `{field}` to verify with"),
            at_algorithm,
            "",
        )
        .help(format!("add `{field} = {{ file = \"/run/secrets/jwt\" }}`")),
    };
    scope.report(diagnostic);
    None
}
