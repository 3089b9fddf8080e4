//! The only IO of the compiler: reading specs, and three uses of a file set: write, check, diff.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nexusc::emit::FileSet;
use nexusc::source::File;
use nexusc::{Source, conventions, files_of};
use similar::TextDiff;

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot read `{path}`: {cause}")]
    Read { path: String, cause: io::Error },
    #[error("cannot write `{path}`: {cause}")]
    Write { path: String, cause: io::Error },
    #[error("`{path}` is there already: `--force` replaces it")]
    Exists { path: String },
    #[error("`{path}` is not UTF-8 text: byte {offset} cannot be read")]
    NotUtf8 { path: String, offset: usize },
    #[error("`{path}` is not a spec: its name does not end in `.toml`")]
    NotASpec { path: String },
    #[error(
        "these files are not the compiler's, and their folder is:\n{}\nmove them elsewhere, then build again",
        .paths.iter().map(|path| format!("  {path}")).collect::<Vec<_>>().join("\n")
    )]
    Foreign { paths: Vec<String> },
}

/// A spec on disk, and the folder that its output goes to.
pub(crate) struct SpecFile {
    pub(crate) source: Source,
    pub(crate) root: PathBuf,
    /// Whether it lies in the folder `specs` of the root, whose specs own whatever output is there.
    pub(crate) is_at_home: bool,
}

/// How a file on disk differs from what the compiler emits.
pub(crate) struct Change {
    /// The path relative to the root.
    pub(crate) path: String,
    /// What is on disk; `None` if nothing is.
    pub(crate) before: Option<String>,
    /// What is emitted; `None` for a file that is no longer emitted.
    pub(crate) after: Option<String>,
}

/// Reads a spec. Its output goes beside the folder `specs` that it lies in; a spec elsewhere is compiled
/// into the current folder.
pub(crate) fn read_spec(path: &Path) -> Result<SpecFile, Error> {
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Err(Error::NotASpec {
            path: path.display().to_string(),
        });
    }
    let bytes = read_bytes(path)?;
    let beside = path.parent().unwrap_or(Path::new(""));
    let source = with_files(Source::from_bytes(path.to_string_lossy(), &bytes), beside);
    let home = home(beside);
    Ok(SpecFile {
        source,
        is_at_home: home.is_some(),
        root: home.unwrap_or_default(),
    })
}

/// Whether the output of the spec at `path` goes into a workspace, where it can be built.
pub(crate) fn is_in_workspace(path: &Path) -> bool {
    let root = home(path.parent().unwrap_or(Path::new("")));
    root.unwrap_or_default().join("Cargo.toml").exists()
}

/// The folder that this folder `specs` lies in, however it is written: `.` may be one.
fn home(folder: &Path) -> Option<PathBuf> {
    let is_specs = |folder: &Path| folder.file_name().is_some_and(|name| name == "specs");
    if is_specs(folder) {
        return folder.parent().map(Path::to_owned);
    }
    let whole = std::path::absolute(folder.join(".")).ok()?;
    is_specs(&whole).then(|| folder.join(".."))
}

/// Two of these specs whose output goes to the same place, if there are such; a spec that is named twice is one.
pub(crate) fn of_one_output(specs: &[PathBuf]) -> Option<[String; 2]> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut first = BTreeMap::new();
    for path in specs {
        let beside = path.parent().unwrap_or(Path::new(""));
        let root = home(beside).unwrap_or_default();
        // Of a path without a folder the parent is empty, and nothing is there by that name.
        let output = (real(&root.join(".")), path.file_stem());
        let before: &PathBuf = first.entry(output).or_insert(path);
        if real(before) != real(path) {
            return Some([before, path].map(|path| path.display().to_string()));
        }
    }
    None
}

/// A spec with the files that it names, which lie in the folder `beside`.
pub(crate) fn with_files(source: Source, beside: &Path) -> Source {
    let files = files_of(&source).into_iter().map(|name| {
        let read = read_head(&beside.join(&name)).map_err(|cause| cause.to_string());
        (name, read)
    });
    let files = files.collect();
    source.with_files(files)
}

/// Reads the beginning of a file that a spec names: of weights no more than a header can have, for they have gigabytes.
fn read_head(path: &Path) -> io::Result<File> {
    const CONFIG: u64 = 4 << 20;
    const SAFETENSORS: u64 = 100 << 20;
    const GGUF: u64 = 64 << 20;
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = Vec::new();
    let bytes = match path.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => {
            file.by_ref().take(8).read_to_end(&mut head)?;
            let header = head
                .first_chunk()
                .map_or(0, |bytes| u64::from_le_bytes(*bytes));
            header.min(SAFETENSORS)
        }
        Some("gguf") => GGUF,
        _ => CONFIG,
    };
    file.take(bytes).read_to_end(&mut head)?;
    Ok(File { head, length })
}

/// Reads a file of text.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let bytes = read_bytes(path)?;
    String::from_utf8(bytes).map_err(|error| Error::NotUtf8 {
        path: path.display().to_string(),
        offset: error.utf8_error().valid_up_to(),
    })
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|cause| Error::Read {
        path: path.display().to_string(),
        cause,
    })
}

/// Writes another text into a spec: all of it or, where that fails, nothing.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |cause| Error::Write {
        path: path.display().to_string(),
        cause,
    };
    // What a link leads to is written, and the link stays.
    let path = path.canonicalize().map_err(failed)?;
    let beside = path.with_extension("toml.nexusc-fix");
    fs::write(&beside, text)
        .and_then(|()| fs::set_permissions(&beside, fs::metadata(&path)?.permissions()))
        .and_then(|()| fs::rename(&beside, &path))
        .map_err(failed)
}

/// Writes a spec that the compiler made up, and beside it the schema that its first line names, if there is none.
/// What is there already is replaced only by `force`. Returns what was written.
pub(crate) fn write_spec(path: &Path, text: &str, force: bool) -> Result<Vec<PathBuf>, Error> {
    let failed = |path: &Path, cause| Error::Write {
        path: path.display().to_string(),
        cause,
    };
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Err(Error::NotASpec {
            path: path.display().to_string(),
        });
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|cause| failed(folder, cause))?;
    }
    let written = if force {
        fs::write(path, text)
    } else {
        let file = fs::File::create_new(path);
        file.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
    };
    written.map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists {
            path: path.display().to_string(),
        },
        _ => failed(path, cause),
    })?;
    let mut all = vec![path.to_owned()];
    let schema = path.with_file_name(conventions::SCHEMA);
    if !schema.exists() {
        let json = format!("{:#}\n", nexusc::schema::json());
        fs::write(&schema, json).map_err(|cause| failed(&schema, cause))?;
        all.push(schema);
    }
    Ok(all)
}

/// What would change on disk if `files`, the output of the spec `name`, were written under `root`.
pub(crate) fn changes(root: &Path, name: &str, files: &FileSet) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for (path, after) in files.iter() {
        let on_disk = root.join(path);
        let before = if on_disk.exists() {
            Some(read(&on_disk)?)
        } else {
            None
        };
        if before.as_deref() != Some(after) {
            changes.push(Change {
                path: path.to_owned(),
                before,
                after: Some(after.to_owned()),
            });
        }
    }
    for folder in [
        conventions::crate_folder(name),
        conventions::deploy_folder(name),
    ] {
        for path in files_below(root, &folder)? {
            if files.get(&path).is_none() {
                let before = Some(read(&root.join(&path))?);
                changes.push(Change {
                    path,
                    before,
                    after: None,
                });
            }
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

/// The artifacts of the spec `name` as they are on disk, by their paths inside of their folder.
pub(crate) fn artifacts(root: &Path, name: &str) -> Result<FileSet, Error> {
    let folder = conventions::deploy_folder(name);
    let mut files = FileSet::default();
    for path in files_below(root, &folder)? {
        let text = read(&root.join(&path))?;
        if let Some(inside) = path.strip_prefix(&format!("{folder}/")) {
            files.add(inside.to_owned(), text);
        }
    }
    Ok(files)
}

/// Folders of output under `root` whose spec is gone from `root/specs`.
pub(crate) fn orphans(root: &Path) -> Result<Vec<Change>, Error> {
    let specs: BTreeSet<String> = names_in(&root.join("specs"))?
        .into_iter()
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    let mut orphans = Vec::new();
    for parent in [
        conventions::crate_folder(""),
        conventions::deploy_folder(""),
    ] {
        for name in names_in(&root.join(&parent))?
            .into_iter()
            .filter(|name| !specs.contains(name))
        {
            for path in files_below(root, &format!("{parent}{name}"))? {
                let before = Some(read(&root.join(&path))?);
                orphans.push(Change {
                    path,
                    before,
                    after: None,
                });
            }
        }
    }
    Ok(orphans)
}

/// Makes the disk agree. Files that are as emitted are left untouched; a file that the compiler did not
/// write is never removed.
pub(crate) fn write(root: &Path, changes: &[Change]) -> Result<(), Error> {
    let is_foreign = |change: &&Change| {
        let mine = |text: &String| text.contains(conventions::GENERATED);
        change.after.is_none() && !change.before.as_ref().is_some_and(mine)
    };
    let foreign: Vec<String> = changes
        .iter()
        .filter(is_foreign)
        .map(|change| change.path.clone())
        .collect();
    if !foreign.is_empty() {
        return Err(Error::Foreign { paths: foreign });
    }
    for change in changes {
        let path = root.join(&change.path);
        let written = match &change.after {
            Some(text) => path
                .parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(&path, text)),
            None => fs::remove_file(&path).map(|()| remove_empty_parents(root, &path)),
        };
        written.map_err(|cause| Error::Write {
            path: path.display().to_string(),
            cause,
        })?;
    }
    Ok(())
}

/// The changes as one unified diff.
pub(crate) fn unified_diff(changes: &[Change]) -> String {
    let mut output = String::new();
    for Change {
        path,
        before,
        after,
    } in changes
    {
        let old = before
            .as_ref()
            .map_or("/dev/null".to_owned(), |_| format!("a/{path}"));
        let new = after
            .as_ref()
            .map_or("/dev/null".to_owned(), |_| format!("b/{path}"));
        let (before, after) = (
            before.as_deref().unwrap_or_default(),
            after.as_deref().unwrap_or_default(),
        );
        let diff = TextDiff::from_lines(before, after);
        output.push_str(&diff.unified_diff().header(&old, &new).to_string());
    }
    output
}

/// Reads a file that the compiler may have written. What is not UTF-8 is read with replacement characters:
/// it differs from anything that the compiler emits.
fn read(path: &Path) -> Result<String, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(cause) => Err(Error::Read {
            path: path.display().to_string(),
            cause,
        }),
    }
}

/// The names in a folder, sorted; none if there is no such folder.
fn names_in(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let failed = |cause| Error::Read {
        path: folder.display().to_string(),
        cause,
    };
    match fs::read_dir(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(cause) => Err(failed(cause)),
        Ok(entries) => entries
            .map(|entry| {
                Ok(entry
                    .map_err(failed)?
                    .file_name()
                    .to_string_lossy()
                    .into_owned())
            })
            .collect(),
    }
}

/// Every file below a folder, as paths relative to `root`.
fn files_below(root: &Path, folder: &str) -> Result<Vec<String>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if !root.join(&folder).is_dir() {
            continue;
        }
        for name in names_in(&root.join(&folder))? {
            if is_of_the_user(&folder, &name) {
                continue;
            }
            let path = format!("{folder}/{name}");
            if root.join(&path).is_dir() {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    Ok(files)
}

/// Whether a file or a folder of artifacts is never the compiler's: it is neither read, shown nor removed.
fn is_of_the_user(folder: &str, name: &str) -> bool {
    let is_artifact = folder.starts_with(&conventions::deploy_folder(""));
    is_artifact && conventions::OF_THE_USER.contains(&name)
}

fn remove_empty_parents(root: &Path, path: &Path) {
    let mut folder = path.parent();
    // Stops at the first folder that still holds something.
    while let Some(empty) =
        folder.filter(|folder| *folder != root && fs::remove_dir(folder).is_ok())
    {
        folder = empty.parent();
    }
}
