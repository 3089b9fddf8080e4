//! Where audit records are written: standard output, or a file that may be moved away at any time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
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
    /// Whether it was written to since it was opened.
    is_begun: bool,
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
            Self::Standard(output) => write_to(&mut output.lock(), bytes),
            Self::File(rotated) => rotated.write(bytes),
        }
    }
}

impl Rotated {
    /// The file at `path`, made if there is none.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: at_end(path)?,
            is_begun: false,
        })
    }

    fn follow(&mut self) -> io::Result<bool> {
        let open = self.file.metadata()?;
        let is_it = |there: fs::Metadata| (there.dev(), there.ino()) == (open.dev(), open.ino());
        if fs::metadata(&self.path).is_ok_and(is_it) {
            return Ok(false);
        }
        self.file = at_end(&self.path)?;
        self.is_begun = false;
        Ok(true)
    }

    /// Writes as much of `bytes` as fits, at first after the end of a line: a disk that was full may have torn the last
    /// record of a process that is gone, in which the first one here would be lost. Not when it is opened, which a check
    /// does as well, beside a gateway that is going to write the rest.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_begun {
            if self.ends_within_a_line().unwrap_or(false) {
                self.file.write_all(b"\n")?;
            }
            self.is_begun = true;
        }
        self.file.write(bytes)
    }

    /// Whether it holds something and no line's end is its last byte, as far as it may be read.
    fn ends_within_a_line(&self) -> io::Result<bool> {
        let there = self.file.metadata()?;
        if !there.is_file() || there.len() == 0 {
            return Ok(false);
        }
        let mut last = [0];
        File::open(&self.path)?.read_exact_at(&mut last, there.len() - 1)?;
        Ok(last != *b"\n")
    }
}

/// Writes as much of `bytes` as `output` takes, which is told also where it takes no more: what it was given once, it is
/// not given again. What standard output has taken and cannot pass on yet, it keeps and writes before anything else, so
/// that no log line comes between.
fn write_to(output: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    let written = output.write(bytes)?;
    let _ = output.flush();
    Ok(written)
}

fn at_end(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_a_full_disk_tore_does_not_swallow_the_next() {
        let folder = std::env::temp_dir().join(format!("nexus-audit-torn-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (torn, empty) = (folder.join("torn"), folder.join("empty"));
        fs::write(&torn, "{\"half").unwrap();
        for (path, expected) in [
            (&torn, "{\"half\n{}\n[]\n"),
            (&empty, "{}\n[]\n"),
            // Which ends with a line now.
            (&empty, "{}\n[]\n{}\n[]\n"),
        ] {
            let mut output = Output::File(Rotated::open(path).unwrap());
            for bytes in [&b"{}\n"[..], b"[", b"]\n"] {
                assert!(!output.follow().unwrap());
                assert_eq!(output.write(bytes).unwrap(), bytes.len());
            }
            assert_eq!(fs::read_to_string(path).unwrap(), expected);
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_standard_output_has_taken_is_not_written_again() {
        /// Takes 1,000 bytes at a time, and nothing every other time.
        struct Disk {
            is_full: bool,
            written: Vec<u8>,
        }
        impl Write for Disk {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.is_full = !self.is_full;
                if self.is_full {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let taken = bytes.len().min(1_000);
                self.written.extend_from_slice(&bytes[..taken]);
                Ok(taken)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let disk = Disk {
            is_full: false,
            written: Vec::new(),
        };
        let mut output = io::LineWriter::new(disk);
        let lines: String = (0..500)
            .map(|number| format!("record {number}\n"))
            .collect();
        let mut left = lines.as_bytes();
        while !left.is_empty() {
            left = &left[write_to(&mut output, left).unwrap_or(0)..];
        }
        while output.flush().is_err() {}
        assert_eq!(String::from_utf8_lossy(&output.get_ref().written), lines);
    }
}
