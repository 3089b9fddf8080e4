//! Where audit records are written: standard output, or a file that may be moved away at any time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where records are written.
pub(crate) enum Output {
    /// Among the log lines.
    Standard(io::Stdout),
    /// A file of their own.
    File(Rotated),
}

/// A file that is written at its end, and opened anew when its path leads elsewhere: whatever rotates
/// it has to tell nobody.
pub(crate) struct Rotated {
    path: PathBuf,
    file: File,
}

impl Output {
    /// Looks whether the path still leads to the open file, and opens it anew if it does not; says
    /// whether that was so.
    pub(super) fn follow(&mut self) -> io::Result<bool> {
        match self {
            Self::Standard(_) => Ok(false),
            Self::File(rotated) => rotated.follow(),
        }
    }

    /// Writes as much of `bytes` as fits.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(output) => {
                // Whole lines, which no log line comes between.
                output.write_all(bytes).and_then(|()| output.flush())?;
                Ok(bytes.len())
            }
            Self::File(rotated) => rotated.file.write(bytes),
        }
    }
}

impl Rotated {
    /// The file at `path`, made if there is none.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: at_end(path)?,
        })
    }

    fn follow(&mut self) -> io::Result<bool> {
        let open = self.file.metadata()?;
        let is_it = |there: fs::Metadata| (there.dev(), there.ino()) == (open.dev(), open.ino());
        if fs::metadata(&self.path).is_ok_and(is_it) {
            return Ok(false);
        }
        self.file = at_end(&self.path)?;
        Ok(true)
    }
}

fn at_end(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
