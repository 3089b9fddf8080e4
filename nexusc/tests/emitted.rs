//! Invariants of everything that is emitted, over the committed specs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use nexusc::emit::FileSet;
use nexusc::{Source, compile, conventions, verify};

/// A spec that says as little as a spec can.
const LEAST: &str = "edition = 1\ngateway.development = true\nmodels.chat = {}\n\
                     upstreams.a.url = \"http://a:8000\"\n\
                     routes.chat = { models = [\"chat\"], direct.upstream = \"a\" }\n";

fn specs() -> Vec<(String, FileSet)> {
    let mut specs: Vec<_> = fs::read_dir("../specs")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .map(|path| {
            let source = Source::new(path.to_string_lossy(), fs::read_to_string(&path).unwrap());
            let compilation = compile(&source);
            assert!(
                compilation.diagnostics.is_empty(),
                "{:#?}",
                compilation.diagnostics
            );
            (source.name().to_owned(), compilation.output.unwrap().files)
        })
        .collect();
    specs.sort_by(|a, b| a.0.cmp(&b.0));
    specs
}

#[test]
fn the_three_specs_are_there() {
    let names: Vec<String> = specs().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["chat-2x3090", "fleet", "quickstart"]);
}

#[test]
fn the_same_spec_gives_the_same_bytes() {
    assert_eq!(specs(), specs());
}

#[test]
fn no_artifact_names_a_metric_that_this_gateway_never_exports() {
    let least = compile(&Source::new("least.toml", LEAST)).output.unwrap();
    let least = ("least.toml".to_owned(), least.files);
    for (name, files) in specs().into_iter().chain([least]) {
        let of = |file: &str| files.iter().find(|(path, _)| path.ends_with(file)).unwrap();
        let (_, listed) = of("/metrics.md");
        // Those of load tests are k6's.
        let artifacts = files
            .iter()
            .filter(|(path, _)| path.starts_with("deploy/") && !path.contains("/load/"));
        for (path, text) in artifacts {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for word in words.filter(|word| word.starts_with("gateway_")) {
                let word = word.trim_end_matches('_');
                let suffixes = ["_bucket", "_sum", "_count"];
                let base = suffixes.iter().find_map(|suffix| word.strip_suffix(suffix));
                let metric = base.unwrap_or(word);
                assert!(
                    listed.contains(&format!("| `{metric}` |")),
                    "{name}: {path} names `{metric}`"
                );
            }
        }
    }
}

#[test]
fn no_generated_package_has_a_name_that_stops_cargo() {
    let folders = ["..", "../nexusc", "../runtime"];
    let inside = folders.iter().flat_map(|folder| {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path().join("Cargo.toml"))
    });
    let packages = inside.filter_map(|path| fs::read_to_string(path).ok());
    let names = packages.filter_map(|manifest| {
        let manifest: toml::Table = manifest.parse().unwrap();
        let name = manifest.get("package")?.get("name")?.as_str()?;
        Some(name.to_owned())
    });
    // Cargo refuses these for binaries, as it builds in folders of these names.
    let of_cargo = ["build", "deps", "examples", "incremental"].map(str::to_owned);
    let names: Vec<String> = names.chain(of_cargo).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let compilation = compile(&Source::new(format!("specs/{name}.toml"), LEAST));
        assert!(compilation.output.is_none(), "{name}");
    }
}

#[test]
fn no_artifact_is_read_by_nobody_when_it_is_verified() {
    for (name, files) in specs() {
        let folder = format!("{}/", conventions::deploy_folder(&name));
        let mut artifacts = FileSet::default();
        for (path, text) in files.iter() {
            if let Some(path) = path.strip_prefix(&folder) {
                artifacts.add(path.to_owned(), text.to_owned());
            }
        }
        // A list of patterns, which Docker reads as anything.
        let unread = ["Dockerfile.dockerignore"];
        assert_eq!(verify::unchecked(&artifacts), unread, "{name}");
    }
}

#[test]
fn rust_files_parse_and_lines_are_clean() {
    for (_, files) in specs() {
        for (path, text) in files.iter() {
            if path.ends_with(".rs") {
                syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
            }
            assert!(
                text.ends_with('\n') && !text.ends_with("\n\n"),
                "{path}: one line end at the end"
            );
            assert!(
                !text.lines().any(|line| line.ends_with(' ')),
                "{path}: no trailing spaces"
            );
            // The first line of a script says what runs it.
            let mut lines = text.lines().filter(|line| !line.starts_with("#!"));
            assert!(
                lines.next().unwrap().contains("@generated by nexusc"),
                "{path}: says where it comes from"
            );
        }
    }
}

#[test]
fn manifests_name_one_dependency() {
    for (_, files) in specs() {
        let (_, manifest) = files
            .iter()
            .find(|(path, _)| path.ends_with("Cargo.toml"))
            .unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let dependencies: Vec<&String> = manifest["dependencies"]
            .as_table()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(dependencies, ["runtime"]);
    }
}
