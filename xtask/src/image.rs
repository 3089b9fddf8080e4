//! `cargo xtask image`: the container image of a spec's gateway, from its emitted Dockerfile to the tag that runs.
//!
//! What is emitted names no version. A release does, in `clusters/<spec>/[<overlay>/]kustomization.yaml`: a
//! kustomization on the emitted one, made here once and its owner's from then on, with the tag as its only fixed line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};

use crate::command::{Error, is_there, root, run, shown};

/// What is done with an image.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Build it, by docker or podman
    Build {
        #[command(flatten)]
        image: Image,
        /// What answers in the place of engines, for overlays with `servers = "mock"`
        #[arg(long)]
        mock: bool,
    },
    /// Push it to where `[deploy] image` says
    Push {
        #[command(flatten)]
        image: Image,
        /// What answers in the place of engines
        #[arg(long)]
        mock: bool,
    },
    /// Set the tag that a deployment in Kubernetes runs, in `clusters/`
    Set {
        #[command(flatten)]
        image: Image,
        /// The overlay of the spec that is deployed; the base if none is named
        #[arg(long, value_name = "NAME")]
        overlay: Option<String>,
    },
}

/// The image of a gateway.
#[derive(Debug, Args)]
pub(crate) struct Image {
    /// The spec, by its name
    spec: String,
    /// Its version: a git revision or a release
    #[arg(long, value_parser = tag, default_value = "latest")]
    tag: String,
}

/// What builds and pushes images, the first that is there.
const ENGINES: &[&str] = &["docker", "podman"];

/// Does it, and prints the command or the change.
pub(crate) fn task(task: &Task) -> Result<(), Error> {
    let root = root();
    match task {
        Task::Build { image, mock } => run_printed(&mut build(&root, engine()?, image, *mock)?),
        Task::Push { image, mock } => run_printed(&mut push(&root, engine()?, image, *mock)?),
        Task::Set { image, overlay } => {
            println!("{}", set(&root, image, overlay.as_deref())?);
            Ok(())
        }
    }
}

fn engine() -> Result<&'static str, Error> {
    let engine = ENGINES.iter().find(|engine| is_there(engine));
    engine.copied().ok_or_else(|| Error::Absent {
        what: ENGINES.join(" or "),
        help: "install one of them, or build where there is one".to_owned(),
    })
}

fn build(root: &Path, engine: &str, image: &Image, mock: bool) -> Result<Command, Error> {
    let dockerfile = format!("deploy/{}/Dockerfile", image.spec);
    if !root.join(&dockerfile).exists() {
        return Err(Error::Absent {
            what: dockerfile,
            help: format!(
                "`[deploy] artifacts` of `{}` needs `compose`; then run `cargo xtask build-spec`",
                image.spec
            ),
        });
    }
    let mut build = Command::new(engine);
    build.args(["build", "--file", &dockerfile]);
    if mock {
        build.args(["--target", "mock"]);
    }
    build
        .args(["--tag", &reference(root, image, mock)?, "."])
        .current_dir(root);
    Ok(build)
}

fn push(root: &Path, engine: &str, image: &Image, mock: bool) -> Result<Command, Error> {
    let mut push = Command::new(engine);
    push.args(["push", &reference(root, image, mock)?])
        .current_dir(root);
    Ok(push)
}

fn run_printed(command: &mut Command) -> Result<(), Error> {
    println!("{}", shown(command));
    run(command)
}

/// The image with its tag; that of the mock is named after the gateway's.
fn reference(root: &Path, image: &Image, mock: bool) -> Result<String, Error> {
    let name = name(root, &image.spec)?;
    let mock = if mock { "-mock" } else { "" };
    Ok(format!("{name}{mock}:{}", image.tag))
}

/// The name of the image, from what is emitted: that is what a release has to replace.
fn name(root: &Path, spec: &str) -> Result<String, Error> {
    let path = format!("deploy/{spec}/kubernetes/base/deployment.yaml");
    let text = fs::read_to_string(root.join(&path)).map_err(|_| Error::Absent {
        what: path.clone(),
        help: format!(
            "`{spec}` names a spec with `kubernetes` among its artifacts; then run `cargo xtask build-spec`"
        ),
    })?;
    let mut images = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("image: "));
    let image = images.next().map(|image| image.trim_matches('"'));
    let name = image.and_then(|image| image.rsplit_once(':'));
    let (name, _) = name.ok_or(Error::Stale {
        path,
        program: "nexusc build".to_owned(),
    })?;
    Ok(name.to_owned())
}

/// Writes the tag into the kustomization of a release, made if there is none; says what changed.
fn set(root: &Path, image: &Image, overlay: Option<&str>) -> Result<String, Error> {
    let name = name(root, &image.spec)?;
    let emitted = match overlay {
        None => format!("deploy/{}/kubernetes/base", image.spec),
        Some(overlay) => format!("deploy/{}/kubernetes/overlays/{overlay}", image.spec),
    };
    if !root.join(&emitted).join("kustomization.yaml").exists() {
        return Err(Error::Absent {
            what: emitted,
            help: format!(
                "`--overlay` names an `[overlays]` entry of `{}`",
                image.spec
            ),
        });
    }
    // Not `releases`: the members of the workspace are patterns, which that would match.
    let folder: PathBuf = ["clusters", &image.spec]
        .into_iter()
        .chain(overlay)
        .collect();
    let file = folder.join("kustomization.yaml");
    let path = file.display().to_string();
    let before = match fs::read_to_string(root.join(&file)) {
        Ok(text) => Some(text),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => None,
        Err(cause) => return Err(Error::Read { path, cause }),
    };
    let (text, old) = match before {
        None => {
            let up = "../".repeat(folder.components().count());
            (
                release(&folder, &format!("{up}{emitted}"), &name, &image.tag),
                None,
            )
        }
        Some(text) => {
            let replaced = with_tag(&text, &name, &image.tag);
            let (text, old) = replaced.ok_or_else(|| Error::Untagged {
                path: path.clone(),
                image: name.clone(),
            })?;
            (text, Some(old))
        }
    };
    fs::create_dir_all(root.join(&folder))
        .and_then(|()| fs::write(root.join(&file), text))
        .map_err(|cause| Error::Write {
            path: path.clone(),
            cause,
        })?;
    let old = old.map_or(String::new(), |old| format!("{old} -> "));
    Ok(format!(
        "{path}: {name} {old}{}\nkubectl apply -k {}",
        image.tag,
        folder.display()
    ))
}

/// A kustomization that says which version of what is emitted runs.
fn release(folder: &Path, emitted: &str, name: &str, tag: &str) -> String {
    format!(
        "# What runs: `kubectl apply -k {}`.\n\
         # Patches of your own have their place here; `cargo xtask image set` changes the tag and nothing else.\n\
         apiVersion: kustomize.config.k8s.io/v1beta1\n\
         kind: Kustomization\n\
         resources:\n  \
           - {emitted}\n\
         images:\n  \
           - name: \"{name}\"\n    \
             newTag: \"{tag}\"\n",
        folder.display()
    )
}

/// The text with another tag behind the image of this name, and the tag that was there.
fn with_tag(text: &str, name: &str, tag: &str) -> Option<(String, String)> {
    let value = |line: &str, key: &str| {
        let line = line.trim().trim_start_matches("- ");
        let value = line.strip_prefix(key)?.strip_prefix(':')?;
        let value = value.split(" #").next()?.trim();
        Some(value.trim_matches(['"', '\'']).to_owned())
    };
    let lines: Vec<&str> = text.lines().collect();
    let entry = lines
        .iter()
        .position(|line| value(line, "name").is_some_and(|found| found == name))?;
    let starts_next = |line: &&str| line.trim_start().starts_with('-') || !line.starts_with(' ');
    let of_entry = lines
        .iter()
        .skip(entry + 1)
        .take_while(|line| !starts_next(line));
    let (offset, old) = of_entry
        .enumerate()
        .find_map(|(offset, line)| Some((offset, value(line, "newTag")?)))?;
    let at = entry + 1 + offset;
    let written = lines.iter().enumerate().map(|(index, line)| {
        if index != at {
            return format!("{line}\n");
        }
        let indent = line.len() - line.trim_start().len();
        format!("{}newTag: \"{tag}\"\n", " ".repeat(indent))
    });
    Some((written.collect(), old))
}

/// A tag as registries take it.
fn tag(text: &str) -> Result<String, String> {
    let is_inner = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let starts_well = !text.starts_with(['.', '-']);
    if starts_well && (1..=128).contains(&text.len()) && text.bytes().all(is_inner) {
        return Ok(text.to_owned());
    }
    Err("a tag is up to 128 letters, digits and `_ . -`, and begins with none of `. -`".to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A repository with the emitted files of `fleet`, and what is removed at the end of a test.
    struct Repository(PathBuf);

    impl Repository {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            let kubernetes = root.join("deploy/fleet/kubernetes");
            for folder in ["base", "overlays/production"] {
                fs::create_dir_all(kubernetes.join(folder)).unwrap();
                fs::write(kubernetes.join(folder).join("kustomization.yaml"), "").unwrap();
            }
            let deployment = "      containers:\n        - name: gateway\n          image: \"3scale.io:5000/llm/fleet:latest\"\n";
            fs::write(kubernetes.join("base/deployment.yaml"), deployment).unwrap();
            fs::write(root.join("deploy/fleet/Dockerfile"), "").unwrap();
            Self(root)
        }

        fn read(&self, path: &str) -> String {
            fs::read_to_string(self.0.join(path)).unwrap()
        }
    }

    impl Drop for Repository {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn image(tag: &str) -> Image {
        Image {
            spec: "fleet".to_owned(),
            tag: tag.to_owned(),
        }
    }

    /// What a stand-in for docker is called with.
    fn called(repository: &Repository, command: impl Fn(&str) -> Command) -> String {
        let docker = repository.0.join("docker");
        fs::write(&docker, "#!/bin/sh\nprintf '%s|' \"$@\" > called\n").unwrap();
        fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
        run(&mut command(docker.to_str().unwrap())).unwrap();
        repository.read("called")
    }

    #[test]
    fn images_are_built_and_pushed_by_the_name_that_is_deployed() {
        let repository = Repository::new("build");
        let root = &repository.0;
        let built = called(&repository, |docker| {
            build(root, docker, &image("1.2"), false).unwrap()
        });
        assert_eq!(
            built,
            "build|--file|deploy/fleet/Dockerfile|--tag|3scale.io:5000/llm/fleet:1.2|.|"
        );
        let pushed = called(&repository, |docker| {
            push(root, docker, &image("1.2"), false).unwrap()
        });
        assert_eq!(pushed, "push|3scale.io:5000/llm/fleet:1.2|");
        let built = called(&repository, |docker| {
            build(root, docker, &image("1.2"), true).unwrap()
        });
        assert_eq!(
            built,
            "build|--file|deploy/fleet/Dockerfile|--target|mock|--tag|3scale.io:5000/llm/fleet-mock:1.2|.|"
        );
    }

    #[test]
    fn a_release_is_made_once_and_then_keeps_what_is_written_into_it() {
        let repository = Repository::new("set");
        let path = "clusters/fleet/production/kustomization.yaml";
        let said = set(&repository.0, &image("1.2"), Some("production")).unwrap();
        assert!(
            said.starts_with(&format!("{path}: 3scale.io:5000/llm/fleet 1.2\n")),
            "{said}"
        );
        let made = repository.read(path);
        assert!(
            made.contains("  - ../../../deploy/fleet/kubernetes/overlays/production\n"),
            "{made}"
        );
        let own = format!("{made}    # mine\n  - name: other\n    newTag: \"7\"\n");
        fs::write(repository.0.join(path), &own).unwrap();
        let said = set(&repository.0, &image("1.3"), Some("production")).unwrap();
        assert!(said.contains("1.2 -> 1.3"), "{said}");
        let expected = own.replace("newTag: \"1.2\"", "newTag: \"1.3\"");
        assert_eq!(repository.read(path), expected);
    }

    #[test]
    fn the_base_is_released_beside_its_overlays() {
        let repository = Repository::new("base");
        set(&repository.0, &image("1.2"), None).unwrap();
        let made = repository.read("clusters/fleet/kustomization.yaml");
        assert!(
            made.contains("  - ../../deploy/fleet/kubernetes/base\n"),
            "{made}"
        );
    }

    #[test]
    fn what_is_not_there_is_named() {
        let repository = Repository::new("absent");
        let root = &repository.0;
        let error = set(root, &image("1"), Some("prod"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("deploy/fleet/kubernetes/overlays/prod"),
            "{error}"
        );
        let other = Image {
            spec: "other".to_owned(),
            tag: "1".to_owned(),
        };
        let error = build(root, "docker", &other, false)
            .unwrap_err()
            .to_string();
        assert!(error.contains("deploy/other/Dockerfile"), "{error}");
        set(root, &image("1"), None).unwrap();
        fs::write(
            root.join("clusters/fleet/kustomization.yaml"),
            "images:\n  - name: x\n",
        )
        .unwrap();
        let error = set(root, &image("2"), None).unwrap_err().to_string();
        assert!(
            error.contains("newTag") && error.contains("3scale.io:5000/llm/fleet"),
            "{error}"
        );
    }

    #[test]
    fn tags_are_those_of_registries() {
        for text in ["latest", "v1.2.3", "3f2a9c1", "_x-1"] {
            assert_eq!(tag(text).as_deref(), Ok(text));
        }
        for text in ["", ".x", "-x", "a b", "a:b", "a\"b", "é", &"a".repeat(129)] {
            assert!(tag(text).is_err(), "{text} was accepted");
        }
    }
}
