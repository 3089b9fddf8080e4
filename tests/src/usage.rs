//! What a process uses, as the system counts it.

use std::path::PathBuf;
use std::time::Duration;
use std::{fs, io};

/// The time of cores that the process `pid` has used so far, user and system.
///
/// # Errors
/// When there is no such process, or the system does not say.
pub fn cpu(pid: u32) -> io::Result<Duration> {
    let mut total = Duration::ZERO;
    for thread in fs::read_dir(proc(pid, "task"))? {
        // On the run queue, in nanoseconds: finer than the ticks of `stat`.
        let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
        let nanoseconds = statistics.split(' ').next();
        let nanoseconds = nanoseconds.and_then(|word| word.parse().ok());
        total += Duration::from_nanos(nanoseconds.ok_or(io::ErrorKind::InvalidData)?);
    }
    Ok(total)
}

/// How much memory the process `pid` holds, in bytes.
///
/// # Errors
/// When there is no such process, or the system does not say.
pub fn memory(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(proc(pid, "status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|size| size.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kibibytes.ok_or(io::ErrorKind::InvalidData)? * 1024)
}

/// How many files, sockets among them, the process `pid` has open.
///
/// # Errors
/// When there is no such process, or it is another user's.
pub fn open_files(pid: u32) -> io::Result<usize> {
    fs::read_dir(proc(pid, "fd")).map(Iterator::count)
}

fn proc(pid: u32, file: &str) -> PathBuf {
    ["/proc", &pid.to_string(), file].iter().collect()
}
