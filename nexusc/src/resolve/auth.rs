//! `[auth]`

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Algorithm;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::resolve::{jwks, key, priority, secret};
use crate::source::Place;
use crate::{ir, spec, suggest};

const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
const DEFAULT_MODELS_CLAIM: &str = "models";

pub(super) fn resolve(auth: &spec::auth::Auth, scope: &mut Scope<'_>) -> Option<ir::Jwt> {
    let path = KeyPath::root().key("auth").key("jwt");
    let jwt = auth.jwt.as_ref()?;
    let algorithm = algorithm(&jwt.algorithm, &path.key("algorithm"), scope);
    Some(ir::Jwt {
        keys: algorithm.and_then(|algorithm| verifying_keys(jwt, algorithm, &path, scope)),
        algorithm,
        issuer: jwt.issuer.clone(),
        audience: jwt.audience.clone(),
        leeway: scope.duration(jwt.leeway.as_ref(), DEFAULT_LEEWAY, &path.key("leeway")),
        models_claim: jwt
            .models_claim
            .clone()
            .unwrap_or_else(|| DEFAULT_MODELS_CLAIM.to_owned()),
        models: key::access(&jwt.models, &path.key("models"), scope),
        limit: scope.limit(jwt.limit.as_ref(), &path.key("limit")),
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
        let otherwise = || format!("the algorithms are {}", suggest::list(names.into_iter()));
        let place = Place::Value(path.clone());
        let diagnostic = Diagnostic::new(Code::NX0308, message, place, "");
        scope.report(diagnostic.nearest(name, names.into_iter(), otherwise));
    }
    known
}

/// What the algorithm verifies with: exactly one of `secret`, `public_key` and `jwks`, and one that fits.
fn verifying_keys(
    jwt: &spec::auth::Jwt,
    algorithm: Algorithm,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<ir::TokenKeys> {
    let name = algorithm.name();
    let shares = algorithm == Algorithm::Hs256;
    let written = [
        ("secret", jwt.secret.is_some()),
        ("public_key", jwt.public_key.is_some()),
        ("jwks", jwt.jwks.is_some()),
    ];
    let of_use = |field: &str| (field == "secret") == shares;
    let at_algorithm = Place::Value(path.key("algorithm"));
    let useless = written
        .iter()
        .find(|(field, is_there)| *is_there && !of_use(field));
    if let Some((field, _)) = useless {
        let with = if shares { "secret" } else { "public_key" };
        let diagnostic = Diagnostic::new(
            Code::NX0309,
            format!("`{field}` is of no use to {name}"),
            Place::Key(path.key(field)),
            "",
        )
        .conflict(at_algorithm, format!("verified with `{with}`"))
        .help(match algorithm {
            Algorithm::Hs256 => {
                "write `secret`, which issuer and gateway share; or, if the issuer has a \
                                 public key, the algorithm that goes with it"
            }
            _ => "write `public_key` with the issuer's public key, and nothing of its private one",
        });
        scope.report(diagnostic);
        return None;
    }
    match (&jwt.secret, &jwt.public_key, &jwt.jwks) {
        (Some(secret), None, None) => {
            secret::resolve(secret, &path.key("secret"), scope).map(ir::TokenKeys::Fixed)
        }
        (None, Some(key), None) => {
            secret::resolve(key, &path.key("public_key"), scope).map(ir::TokenKeys::Fixed)
        }
        (None, None, Some(keys)) => {
            let keys = jwks::resolve(keys, path.key("jwks"), scope);
            Some(ir::TokenKeys::Published(keys))
        }
        (None, None, None) if scope.lacks(path) => None,
        (None, None, None) => {
            let (field, help) = if shares {
                ("`secret`", "add `secret = { file = \"/run/secrets/jwt\" }`")
            } else {
                (
                    "`public_key` or `jwks`",
                    "add `public_key = { file = \"/run/secrets/jwt\" }`, or `jwks = { url = \
                     \"https://HOST/PATH\" }` where the issuer publishes its keys",
                )
            };
            let message = format!("{name} has no {field} to verify with");
            scope.report(Diagnostic::new(Code::NX0309, message, at_algorithm, "").help(help));
            None
        }
        (_, _, _) => {
            let diagnostic = Diagnostic::new(
                Code::NX0006,
                format!("`{path}` has both `public_key` and `jwks`"),
                Place::Key(path.key("jwks")),
                "",
            )
            .conflict(Place::Key(path.key("public_key")), "")
            .help("keep `jwks`, whose keys the issuer may change, or the one key that is fixed");
            scope.report(diagnostic);
            None
        }
    }
}
