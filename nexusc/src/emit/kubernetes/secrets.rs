//! What the gateway does not start without, as keys of Secrets, and where its files are mounted.
//!
//! A variable is a key of its own name. A file is a key made of its path, and comes to lie where the spec says: a folder
//! is mounted as a whole, so that what is renewed in the Secret is renewed in the pod.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::conventions::kubernetes as names;
use crate::emit::{environment, shell};
use crate::ir::{Secret, Topology};

/// What the manifest of the gateway says about secrets.
#[derive(Serialize)]
pub(super) struct Secrets<'t> {
    /// The Secret.
    secrets: String,
    /// What `kubectl create secret` is given for it.
    options: Vec<Given>,
    /// The Secret with the gateway's own certificate.
    certificate: Option<Certificate>,
    variables: Vec<Variable<'t>>,
    mounts: Vec<Mount>,
    volumes: Vec<Volume>,
}

#[derive(Serialize)]
struct Given {
    kind: &'static str,
    /// As a word of the shell.
    value: String,
}

/// Paths as words of the shell.
#[derive(Serialize)]
struct Certificate {
    secret: String,
    certificate: String,
    private_key: String,
}

#[derive(Serialize)]
struct Variable<'t> {
    name: &'t str,
    origin: String,
}

#[derive(Serialize)]
struct Mount {
    volume: String,
    path: String,
    sub_path: Option<String>,
}

#[derive(Serialize)]
struct Volume {
    name: String,
    sources: Vec<Source>,
}

#[derive(Serialize)]
struct Source {
    secret: String,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    key: String,
    path: String,
    origin: String,
}

/// A file with the Secret and the key that it is in.
struct Kept<'t> {
    path: &'t str,
    secret: String,
    key: String,
    origin: String,
}

pub(super) fn secrets(topology: &Topology) -> Secrets<'_> {
    let needs = environment::secrets(topology);
    let mut variables: BTreeMap<&str, String> = BTreeMap::new();
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    for need in needs {
        let of_variable = need.variable.map(|name| (&mut variables, name));
        let of_file = need.file.map(|path| (&mut paths, path));
        // The first that needs it is named; what else does reads the same.
        for (found, name) in of_variable.into_iter().chain(of_file) {
            found.entry(name).or_insert_with(|| need.origin.clone());
        }
    }
    let secrets = names::secrets(&topology.name);
    let files = kept(topology, &secrets, &variables, paths);
    let (mounts, volumes) = mounted(&files);
    Secrets {
        options: options(topology, &secrets, &variables, &files),
        certificate: topology.gateway.tls.as_ref().map(|tls| Certificate {
            secret: names::certificate(&topology.name),
            certificate: shell::word(&tls.identity.certificate),
            private_key: shell::word(&tls.identity.private_key),
        }),
        variables: variables
            .into_iter()
            .map(|(name, origin)| Variable { name, origin })
            .collect(),
        mounts,
        volumes,
        secrets,
    }
}

/// The key that each file is in.
fn kept<'t>(
    topology: &'t Topology,
    secrets: &str,
    variables: &BTreeMap<&str, String>,
    paths: BTreeMap<&'t str, String>,
) -> Vec<Kept<'t>> {
    let identity = topology.gateway.tls.as_ref().map(|tls| &tls.identity);
    let mut taken: BTreeSet<String> = variables.keys().map(|&name| name.to_owned()).collect();
    let keep = |(path, origin): (&'t str, String)| {
        // By the names that `kubectl create secret tls` and cert-manager give them.
        let own = identity.and_then(|identity| match path {
            _ if path == identity.certificate => Some("tls.crt"),
            _ if path == identity.private_key => Some("tls.key"),
            _ => None,
        });
        let (secret, key) = match own {
            Some(key) => (names::certificate(&topology.name), key.to_owned()),
            None => {
                let key = first_free(&key(path), '_', &taken);
                taken.insert(key.clone());
                (secrets.to_owned(), key)
            }
        };
        Kept {
            path,
            secret,
            key,
            origin,
        }
    };
    paths.into_iter().map(keep).collect()
}

/// A path as the key of a Secret: `/run/secrets/ca.crt` is `run.secrets.ca.crt`.
fn key(path: &str) -> String {
    const LONGEST: usize = 240;
    let clean = |c: char| match c {
        '/' => '.',
        c if c.is_ascii_alphanumeric() || "-_.".contains(c) => c,
        _ => '_',
    };
    path.trim_matches('/')
        .chars()
        .map(clean)
        .take(LONGEST)
        .collect()
}

/// `wanted`, or with a number behind it where that is `taken`.
fn first_free(wanted: &str, separator: char, taken: &BTreeSet<String>) -> String {
    let numbered = (2_u64..).map(|number| format!("{wanted}{separator}{number}"));
    let mut all = std::iter::once(wanted.to_owned()).chain(numbered);
    let free = all.find(|name| !taken.contains(name));
    free.expect("not all numbers are taken")
}

/// The volumes with these files, and where they are mounted.
fn mounted(files: &[Kept<'_>]) -> (Vec<Mount>, Vec<Volume>) {
    let parents: BTreeSet<&str> = files.iter().filter_map(|file| folder(file.path)).collect();
    // Of folders that lie in one another, the outermost: a mount inside of a mount that cannot be written to fails.
    let mut roots: Vec<&str> = Vec::new();
    for parent in parents {
        if !roots.iter().any(|root| is_in(parent, root)) {
            roots.push(parent);
        }
    }
    let mut taken = BTreeSet::new();
    let (mut mounts, mut volumes) = (Vec::new(), Vec::new());
    for root in roots {
        let inside = |file: &&Kept<'_>| folder(file.path).is_some_and(|parent| is_in(parent, root));
        let relative = |file: &Kept<'_>| {
            let path = file.path.strip_prefix(root).unwrap_or(file.path);
            path.trim_matches('/').to_owned()
        };
        let name = first_free(&volume_name(root), '-', &taken);
        taken.insert(name.clone());
        mounts.push(Mount {
            volume: name.clone(),
            path: root.to_owned(),
            sub_path: None,
        });
        volumes.push(volume(name, files.iter().filter(inside), relative));
    }
    let alone = || files.iter().filter(|file| folder(file.path).is_none());
    if alone().next().is_some() {
        let name = first_free("files", '-', &taken);
        mounts.extend(alone().map(|file| Mount {
            volume: name.clone(),
            path: file.path.to_owned(),
            sub_path: Some(file.key.clone()),
        }));
        volumes.push(volume(name, alone(), |file| file.key.clone()));
    }
    (mounts, volumes)
}

/// The folder that a file is mounted with; none where that is the system's, whose other files would be hidden.
fn folder(path: &str) -> Option<&str> {
    let (parent, _) = path.trim_end_matches('/').rsplit_once('/')?;
    let depth = parent.split('/').filter(|step| !step.is_empty()).count();
    (depth >= 2).then_some(parent)
}

fn is_in(folder: &str, root: &str) -> bool {
    let rest = folder.strip_prefix(root);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A folder as the name of a volume: `/run/secrets` is `run-secrets`.
fn volume_name(folder: &str) -> String {
    const LONGEST: usize = 50;
    let clean = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = folder.chars().map(clean).collect();
    let name: String = name.trim_matches('-').chars().take(LONGEST).collect();
    match name.trim_end_matches('-') {
        "" => "files".to_owned(),
        name => name.to_owned(),
    }
}

fn volume<'f, 't: 'f>(
    name: String,
    files: impl Iterator<Item = &'f Kept<'t>>,
    path: impl Fn(&Kept<'t>) -> String,
) -> Volume {
    let mut sources: BTreeMap<&str, Vec<Item>> = BTreeMap::new();
    for file in files {
        let items = sources.entry(&file.secret).or_default();
        items.push(Item {
            key: file.key.clone(),
            path: path(file),
            origin: file.origin.clone(),
        });
    }
    let source = |(secret, items): (&str, Vec<Item>)| Source {
        secret: secret.to_owned(),
        items,
    };
    Volume {
        name,
        sources: sources.into_iter().map(source).collect(),
    }
}

/// What makes the Secret: values from the variables of whoever makes it, files by their paths.
fn options(
    topology: &Topology,
    secrets: &str,
    variables: &BTreeMap<&str, String>,
    files: &[Kept<'_>],
) -> Vec<Given> {
    let redis = super::redis_address(topology);
    let store = topology.store.as_ref().and_then(|store| store.url.as_ref());
    let of_variables = variables.keys().map(|&name| {
        let is_address = matches!(store, Some(Secret::Env(variable)) if variable == name);
        let value = match &redis {
            Some(address) if is_address => format!("{name}={}", shell::word(address)),
            _ => format!("{name}={}", shell::variable(name)),
        };
        let kind = "literal";
        Given { kind, value }
    });
    let in_secret = files.iter().filter(|file| file.secret == secrets);
    let of_files = in_secret.map(|file| {
        let is_address = matches!(store, Some(Secret::File(path)) if path == file.path);
        match &redis {
            Some(address) if is_address => Given {
                kind: "literal",
                value: format!("{}={}", file.key, shell::word(address)),
            },
            _ => Given {
                kind: "file",
                value: format!("{}={}", file.key, shell::word(file.path)),
            },
        }
    });
    of_variables.chain(of_files).collect()
}
