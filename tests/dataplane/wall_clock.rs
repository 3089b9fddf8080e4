//! Somebody sets the wall clock while the gateway runs, forwards and far backwards: its log follows, and nothing else
//! does. What lasts for a time is measured by a clock that nobody can set.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use end_to_end::{Dataplane, FULL, PATIENCE, Request, Response, Start, faults, patiently};
use fake_model::server::{Action, FakeModel, Rule};

use crate::limits::{self, BRISK, FREE};

const DAY: i64 = 24 * 60 * 60;
const TWENTY_YEARS: i64 = 7305 * DAY;

/// By how many seconds the clock is wrong, one after the other.
const STEPS: [i64; 2] = [DAY, -TWENTY_YEARS];

/// A wall clock of its own for one dataplane.
struct WallClock {
    library: PathBuf,
    offset: PathBuf,
    file: File,
}

impl WallClock {
    /// A clock that is right, in a folder of this name and process: a library that is in use must not be written.
    fn new(test: &str) -> Self {
        let name = format!("{test}-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let (library, offset) = (folder.join("wall_clock.so"), folder.join("offset"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/dataplane/wall_clock/shim.c");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-shared", "-fPIC", source, "-o"])
            .arg(&library);
        assert!(compiler.status().unwrap().success());
        let clock = Self {
            file: File::create(&offset).unwrap(),
            library,
            offset,
        };
        clock.set(0);
        clock
    }

    /// The dataplane as it reads this clock.
    fn of(&self, start: Start) -> Start {
        let start = start.env("LD_PRELOAD", self.library.display().to_string());
        start.env("WALL_CLOCK_OFFSET", self.offset.display().to_string())
    }

    /// Sets it so many seconds before or behind the time.
    fn set(&self, offset: i64) {
        self.file.write_all_at(&offset.to_ne_bytes(), 0).unwrap();
    }
}

impl Drop for WallClock {
    fn drop(&mut self) {
        let folder = self.library.parent();
        // What is left there harms nobody.
        let _ = folder.map(std::fs::remove_dir_all);
    }
}

/// The second since 1970 that `2026-01-31T23:59:59.123Z` is in.
fn second(stamp: &str) -> i64 {
    let [year, month, day, hour, minute, second] =
        [0..4, 5..7, 8..10, 11..13, 14..16, 17..19].map(|at| stamp[at].parse::<i64>().unwrap());
    // Years that begin in March end with their leap day.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = 365 * year + leap_days + (153 * month + 2) / 5 + day - 719_469;
    days * DAY + hour * 3600 + minute * 60 + second
}

/// Asserts that a request is served, and that its line in the log has the time of a clock that is wrong by so much.
async fn assert_served_and_logged(dataplane: &Dataplane, request: Request, offset: i64) {
    let id = format!("offset{offset}");
    let request = request.header("x-request-id", &id);
    assert_eq!(dataplane.send(&request).await.status, 200);
    let line = dataplane.access_line(&id).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let expected = now.as_secs().cast_signed() + offset;
    let written = second(line["timestamp"].as_str().unwrap());
    let patience = PATIENCE.as_secs().cast_signed();
    assert!((written - expected).abs() < patience, "{line}");
}

async fn model(rule: Rule) -> FakeModel {
    let model = FakeModel::start().await.unwrap();
    model.script([rule]);
    model
}

fn seconds(response: &Response, header: &str) -> u64 {
    response.header(header).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_step_neither_refills_nor_locks_a_limit() {
    let model = FakeModel::start().await.unwrap();
    let clock = WallClock::new("wall_clock_limits");
    let dataplane = clock.of(limits::start(&model)).start().await;
    let mut connection = dataplane.connect().await;
    // Three a minute.
    let scarce = Request::chat("scarce").key(FREE);
    for (offset, left) in [(0, "2"), (STEPS[0], "1"), (STEPS[1], "0")] {
        clock.set(offset);
        let response = connection.send(&scarce).await;
        let header = response.header("x-ratelimit-remaining-requests");
        assert_eq!((response.status, header), (200, Some(left)));
    }
    for offset in [0, STEPS[0], STEPS[1]] {
        clock.set(offset);
        let response = connection.send(&scarce).await;
        assert_eq!(response.status, 429, "{offset}");
        let wait = seconds(&response, "retry-after");
        assert!((1..=61).contains(&wait), "{wait}");
    }
    // Two a second: it is used up, the clock steps, and there is room again soon.
    for offset in STEPS {
        let mut becomes = async |status| {
            let request = Request::chat("chat").key(BRISK);
            let wait = async { while connection.send(&request).await.status != status {} };
            patiently("the limit", wait).await;
        };
        becomes(429).await;
        clock.set(offset);
        becomes(200).await;
        assert_served_and_logged(&dataplane, Request::chat("chat").key(FREE), offset).await;
    }
}

#[tokio::test]
async fn a_step_moves_no_timeout_and_no_circuit_breaker() {
    let (plain, hasty, guarded, recovering) = (
        model(Rule::chat_stream(2).gated().times(1)).await,
        model(Rule::new(Action::Stall)).await,
        model(Rule::respond(500, "{}")).await,
        model(Rule::default()).await,
    );
    let clock = WallClock::new("wall_clock_faults");
    let start = faults()
        .upstream("plain", &plain)
        .upstream("hasty", &hasty)
        .upstream("guarded", &guarded)
        .upstream("recovering", &recovering);
    let dataplane = clock.of(start).start().await;
    let ask = async |model| dataplane.send(&Request::chat(model).key(FULL)).await;
    let mut stream = dataplane.connect().await;
    stream.begin(&Request::chat_stream("plain").key(FULL)).await;
    stream.read_until("word1").await;
    // For an hour.
    for _ in 0..3 {
        assert_eq!(ask("guarded").await.status, 502);
    }
    for (step, offset) in STEPS.into_iter().enumerate() {
        // For half a second.
        recovering.script([Rule::respond(500, "{}").times(2)]);
        for _ in 0..2 {
            assert_eq!(ask("recovering").await.status, 502);
        }
        // The clock steps while this one waits for its 300 ms.
        let mut waiting = dataplane.connect().await;
        let request = Request::chat("hasty").key(FULL);
        let began = Instant::now();
        waiting
            .write(&[&request.head(), request.body()].concat())
            .await;
        hasty.wait_for_requests(step + 1).await;
        clock.set(offset);
        assert_eq!(waiting.read_response().await.status, 504);
        let took = began.elapsed();
        assert!(took > Duration::from_millis(290), "{took:?}");

        let shut = ask("guarded").await;
        assert_eq!(shut.status, 503, "{}", shut.text());
        let wait = seconds(&shut, "retry-after");
        assert!((3000..=3600).contains(&wait), "{wait}");
        let recovered = async { while ask("recovering").await.status != 200 {} };
        patiently("the circuit to be closed", recovered).await;
        assert_served_and_logged(&dataplane, Request::chat("plain").key(FULL), offset).await;
    }
    assert_eq!(guarded.received().len(), 3);
    plain.release(10);
    stream.read_until("[DONE]").await;
}
