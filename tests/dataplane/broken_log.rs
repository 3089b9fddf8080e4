//! Output that takes nothing: a full disk, a pipe that nobody reads. Requests go on; what is lost is counted. For an
//! audit log that must be complete, see `audit::nothing_is_served_while_records_cannot_be_written_and_none_is_lost`.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::symlink;
use std::time::Duration;

use end_to_end::{
    Dataplane, FULL, Request, Start, WEB, beside, faults, patiently, target_directory,
};
use fake_model::server::FakeModel;
use serde_json::Value;
use tokio::time::sleep;

use crate::audit::put;

const REQUESTS: usize = 500;

/// Between two looks at a count.
const POLL: Duration = Duration::from_millis(10);

const DROPPED: &str = "gateway_log_dropped_total";

fn full_disk() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// Sends many requests beside those that are measured, and prints what they cost.
async fn ask(what: &str, dataplane: &Dataplane, request: &Request) {
    let ((), cost) = beside(dataplane, request, async {
        let mut connection = dataplane.connect().await;
        for _ in 0..REQUESTS {
            assert_eq!(connection.send(request).await.status, 200);
        }
    })
    .await;
    println!("{REQUESTS} of {REQUESTS} requests answered with {what}: {cost}");
}

#[tokio::test]
async fn a_full_disk_under_the_log_costs_its_lines_and_nothing_else() {
    let model = FakeModel::start().await.unwrap();
    let start = faults().upstream("plain", &model);
    let mut dataplane = start.start_unheard(full_disk()).await;
    let request = Request::chat("plain").key(FULL);
    ask("a full disk under the log", &dataplane, &request).await;
    // The lines leave together, a moment later.
    let counted = async {
        loop {
            let dropped = dataplane.metrics().await.value(DROPPED);
            if dropped >= REQUESTS as f64 {
                return dropped;
            }
            sleep(POLL).await;
        }
    };
    let counted = patiently("lost lines to be counted", counted).await;
    println!("{counted} lines lost, and counted");
    dataplane.terminate().await;
    assert_eq!(dataplane.wait_for_exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_pipe_that_nobody_reads_under_the_log_stops_nothing() {
    let model = FakeModel::start().await.unwrap();
    let (unread, output) = std::io::pipe().unwrap();
    let start = faults().upstream("plain", &model);
    let mut dataplane = start.start_unheard(output).await;
    // Several times of what fits into a pipe.
    let request = Request::chat("plain").key(FULL);
    ask("a pipe that nobody reads", &dataplane, &request).await;
    dataplane.terminate().await;
    assert_eq!(dataplane.wait_for_exit().await.code(), Some(0));
    drop(unread);
}

#[tokio::test]
async fn a_full_disk_under_an_audit_log_that_may_fail_stops_nothing_and_loses_nothing() {
    let folder = target_directory().join("tests/audit-admit");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let (link, file) = (folder.join("audit.jsonl"), folder.join("real.jsonl"));
    symlink("/dev/full", &link).unwrap();
    let model = FakeModel::start().await.unwrap();
    let start = Start::of("audit-admit")
        .env("KEY_WEB", WEB)
        .env("AUDIT_SALT", "salt-and-pepper-1234567890")
        .env("NEXUS_AUDIT_FILE", link.to_str().unwrap());
    let mut dataplane = start.upstream("main", &model).start().await;
    let request = Request::chat("chat").key(WEB);
    ask("a full disk under the audit log", &dataplane, &request).await;
    let is_it = |line: &Value| line["logger"] == "nexus.audit-writer";
    assert_eq!(dataplane.log().wait_for(is_it).await["level"], "error");

    // There is room again.
    put(&file, &link);
    // A stop leaves the writer a second.
    let again = |line: &Value| line["message"] == "audit log is written again";
    dataplane.log().wait_for(again).await;
    let asked = model.received().len();
    let lost = dataplane.metrics().await.value("gateway_audit_lost_total");
    assert!(lost.abs() < 1e-9, "{lost} of {asked} records lost");
    dataplane.terminate().await;
    assert_eq!(dataplane.wait_for_exit().await.code(), Some(0));
    let records = fs::read_to_string(&file).unwrap();
    println!(
        "{} records of {asked} requests written in the end",
        records.lines().count()
    );
    assert_eq!(records.lines().count(), asked);
}
