//! The audit log: a record of every request, by salted hashes, and what happens while it cannot be written.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use end_to_end::{Dataplane, OPS, Request, WEB, observe, patiently, target_directory};
use fake_model::server::FakeModel;
use ring::hmac;
use serde_json::Value;

/// How long after a look at a file comes the next.
const POLL: Duration = Duration::from_millis(10);

/// A folder of a test's own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = target_directory().join("tests").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

async fn audited(file: &str) -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let start = observe(file).upstream("main", &model);
    (model, start.start().await)
}

/// Lets `link` lead to `file` from now on. It is never away, as the gateway would make a file in its place.
pub(crate) fn put(file: &Path, link: &Path) {
    let new = link.with_extension("new");
    symlink(file, &new).unwrap();
    fs::rename(&new, link).unwrap();
}

/// The records so far. Of one that is being written a part may be there.
fn records(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.rfind('\n').and_then(|end| text.get(..end));
    let lines = whole.unwrap_or_default().lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("lines are whole")
}

/// The record of the request with this id, once it is written.
async fn record(file: &Path, id: &str) -> Value {
    let find = async {
        loop {
            let mut records = records(file).into_iter();
            if let Some(record) = records.find(|record| record["request_id"] == id) {
                return record;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    patiently("a record", find).await
}

async fn ask(dataplane: &Dataplane, request: Request, id: &str) -> u16 {
    let request = request.header("x-request-id", id);
    dataplane.send(&request).await.status
}

#[tokio::test]
async fn each_request_is_recorded_with_its_caller_as_a_hash() {
    let file = folder("audit-each").join("audit.jsonl");
    let (_model, dataplane) = audited(file.to_str().unwrap()).await;
    for number in 0..30 {
        let id = format!("served-{number}");
        assert_eq!(
            ask(&dataplane, Request::chat("chat").key(WEB), &id).await,
            200
        );
    }
    let salt = hmac::Key::new(hmac::HMAC_SHA256, b"salt-and-pepper-1234567890");
    let hash = hmac::sign(&salt, b"key:web");
    let hash: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    for number in 0..30 {
        let record = record(&file, &format!("served-{number}")).await;
        assert_eq!(record["principal"], hash.as_str());
        for (field, expected) in [
            ("method", "POST"),
            ("path", "/v1/chat/completions"),
            ("model", "chat"),
            ("upstream", "main"),
            ("client_ip", "127.0.0.0"),
        ] {
            assert_eq!(record[field], expected, "{field}");
        }
        assert_eq!(record["status"], 200);
        assert!(record["output_tokens"].as_u64().unwrap() > 0);
    }
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        !text.contains("\"web\"") && !text.contains("Hello"),
        "{text}"
    );
}

#[tokio::test]
async fn what_an_administrator_turned_is_in_the_record() {
    let file = folder("audit-turned").join("audit.jsonl");
    let (_model, dataplane) = audited(file.to_str().unwrap()).await;
    for (id, path, body, message) in [
        (
            "drained",
            "/v1/admin/upstreams/main",
            r#"{"draining": true}"#,
            "upstream `main` turned from in use to draining",
        ),
        (
            "off",
            "/v1/admin/features/llm",
            r#"{"enabled": false}"#,
            "feature `llm` turned from on to off",
        ),
        (
            "refused",
            "/v1/admin/features/llm",
            r#"{"enabled": 0}"#,
            r#"the body must be {"enabled": true} or {"enabled": false}"#,
        ),
    ] {
        ask(&dataplane, Request::put(path, body).key(OPS), id).await;
        let record = record(&file, id).await;
        assert_eq!(record["message"], message);
        assert_eq!(
            (&record["method"], &record["path"]),
            (&"PUT".into(), &path.into())
        );
        assert!(record["principal"].is_string());
    }
    let look = Request::get("/v1/admin/switches").key(OPS);
    ask(&dataplane, look, "looked").await;
    assert_eq!(record(&file, "looked").await["message"], "request");
}

#[tokio::test]
async fn refused_requests_are_recorded_too() {
    let file = folder("audit-refused").join("audit.jsonl");
    let (_model, dataplane) = audited(file.to_str().unwrap()).await;
    let wrong = Request::chat("chat").key("wrong-secret-1234567890");
    ask(&dataplane, wrong, "unknown").await;
    ask(&dataplane, Request::chat("nothing").key(WEB), "no-model").await;
    ask(&dataplane, Request::get("/nowhere"), "no-path").await;
    ask(&dataplane, Request::get("/health"), "probe").await;
    ask(&dataplane, Request::get("/v1/models").key(WEB), "last").await;
    let unknown = record(&file, "unknown").await;
    assert_eq!(
        (&unknown["status"], &unknown["principal"]),
        (&401.into(), &Value::Null)
    );
    let no_model = record(&file, "no-model").await;
    assert_eq!(no_model["status"], 404);
    assert!(no_model["principal"].is_string());
    assert_eq!(record(&file, "no-path").await["status"], 404);
    record(&file, "last").await;
    let is_probe = |record: &Value| record["request_id"] == "probe";
    assert!(!records(&file).iter().any(is_probe));
}

#[tokio::test]
async fn a_file_that_is_moved_away_is_followed_by_a_new_one() {
    let folder = folder("audit-moved");
    let (file, old) = (folder.join("audit.jsonl"), folder.join("audit.jsonl.1"));
    let (_model, dataplane) = audited(file.to_str().unwrap()).await;
    ask(&dataplane, Request::chat("chat").key(WEB), "before").await;
    record(&file, "before").await;
    fs::rename(&file, &old).unwrap();
    ask(&dataplane, Request::chat("chat").key(WEB), "after").await;
    record(&file, "after").await;
    assert_eq!((records(&old).len(), records(&file).len()), (1, 1));
}

#[tokio::test]
async fn nothing_is_served_while_records_cannot_be_written_and_none_is_lost() {
    let folder = folder("audit-full");
    let (link, file) = (folder.join("audit.jsonl"), folder.join("real.jsonl"));
    symlink("/dev/full", &link).unwrap();
    let (model, dataplane) = audited(link.to_str().unwrap()).await;
    // The first is served: nobody knows yet that the disk is full.
    assert_eq!(
        ask(&dataplane, Request::chat("chat").key(WEB), "first").await,
        200
    );
    let says = |text: &'static str| {
        move |line: &Value| {
            line["logger"] == "nexus.audit-writer"
                && line["message"].as_str().unwrap().contains(text)
        }
    };
    dataplane.log().wait_for(says("cannot be written")).await;
    let refused = Request::chat("chat")
        .key(WEB)
        .header("x-request-id", "second");
    let refused = dataplane.send(&refused).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json()["error"]["code"], "audit_unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(model.received().len(), 1);
    // Who mends what is broken may have to turn something.
    for (id, body) in [
        ("drained", r#"{"draining": true}"#),
        ("in-use", r#"{"draining": false}"#),
    ] {
        let turn = Request::put("/v1/admin/upstreams/main", body).key(OPS);
        assert_eq!(ask(&dataplane, turn, id).await, 200);
    }

    put(&file, &link);
    dataplane.log().wait_for(says("is written again")).await;
    assert_eq!(record(&file, "first").await["status"], 200);
    assert_eq!(record(&file, "second").await["status"], 503);
    assert_eq!(record(&file, "drained").await["status"], 200);
    assert_eq!(record(&file, "in-use").await["status"], 200);
    assert_eq!(
        ask(&dataplane, Request::chat("chat").key(WEB), "third").await,
        200
    );
    record(&file, "third").await;
    assert_eq!(
        dataplane.metrics().await.value("gateway_audit_lost_total"),
        0.0
    );
    let lines = dataplane.log().lines();
    let times = lines.iter().filter(|line| says("cannot be written")(line));
    assert_eq!(times.count(), 1);
}

#[tokio::test]
async fn a_hyphen_is_standard_output_and_no_file() {
    let (_model, dataplane) = audited("-").await;
    let asked = ask(&dataplane, Request::chat("chat").key(WEB), "with-the-log").await;
    assert_eq!(asked, 200);
    let is_record =
        |line: &Value| line["request_id"] == "with-the-log" && line["principal"].is_string();
    dataplane.log().wait_for(is_record).await;
}

#[tokio::test]
async fn a_stop_leaves_no_record_behind() {
    let file = folder("audit-stop").join("audit.jsonl");
    let (_model, mut dataplane) = audited(file.to_str().unwrap()).await;
    assert_eq!(
        ask(&dataplane, Request::chat("chat").key(WEB), "last").await,
        200
    );
    dataplane.terminate().await;
    dataplane.wait_for_exit().await;
    assert_eq!(records(&file).len(), 1);
}

#[tokio::test]
async fn what_cannot_work_stops_the_start() {
    for (name, value, problem) in [
        ("AUDIT_SALT", "", "AUDIT_SALT: not set (the salt"),
        (
            "AUDIT_SALT",
            "short",
            "AUDIT_SALT: has fewer than 16 characters",
        ),
        (
            "NEXUS_AUDIT_FILE",
            "/nowhere/audit",
            "/nowhere/audit: cannot be written",
        ),
    ] {
        let start = observe("/dev/null").env(name, value);
        let output = start.run(&["--check"]).await;
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(problem), "{errors}");
        assert!(!output.status.success());
    }
}

#[tokio::test]
async fn a_salt_that_is_too_short_does_not_hide_a_file_that_cannot_be_written() {
    let start = observe("/nowhere/audit").env("AUDIT_SALT", "short");
    let output = start.run(&["--check"]).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    for problem in [
        "AUDIT_SALT: has fewer than 16 characters",
        "/nowhere/audit: cannot be written: its folder does not exist (the audit log)",
    ] {
        assert!(errors.contains(problem), "{problem} in {errors}");
    }
}
