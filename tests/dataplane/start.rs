//! Starting: what is missing or wrong is said at once, and nothing is given away.

use end_to_end::{FULL, Request, Start, faults};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn everything_that_is_missing_is_listed_together() {
    for arguments in [&[][..], &["--check"]] {
        let output = Start::of("faults").run(arguments).await;
        assert_eq!(output.status.code(), Some(1));
        let report = text(&output.stderr);
        for name in ["KEY_FULL", "KEY_NARROW", "SECURED_API_KEY"] {
            assert!(report.contains(name), "{report}");
        }
    }
}

#[tokio::test]
async fn wrong_values_are_named_and_not_shown() {
    let start = faults()
        .env("NEXUS_LISTEN", "nowhere-at-all")
        .env("NEXUS_WORKERS", "many")
        .env("NEXUS_LOG_LEVEL", "loud")
        .upstream_url("plain", "ftp://user:password@internal");
    let output = start.run(&[]).await;
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stderr);
    for name in [
        "NEXUS_LISTEN",
        "NEXUS_WORKERS",
        "NEXUS_LOG_LEVEL",
        "UPSTREAM_PLAIN_URL",
    ] {
        assert!(report.contains(name), "{name} in {report}");
    }
    for value in ["nowhere-at-all", "many", "loud", "password", FULL] {
        assert!(!report.contains(value), "{value} in {report}");
    }
}

#[tokio::test]
async fn an_empty_secret_is_missing() {
    let output = faults().env("KEY_FULL", "").run(&["--check"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("KEY_FULL"));
}

#[tokio::test]
async fn two_keys_with_the_same_secret_are_refused_by_name() {
    let output = faults().env("KEY_NARROW", FULL).run(&["--check"]).await;
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stderr);
    assert!(
        report.contains("`full`") && report.contains("`narrow`"),
        "{report}"
    );
    assert!(!report.contains(FULL), "{report}");
}

#[tokio::test]
async fn a_complete_environment_passes_the_check() {
    let output = faults().run(&["--check"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!text(&output.stdout).contains(FULL));
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_clearly() {
    let taken = faults().start().await;
    let address = taken.address().to_string();
    let output = faults().env("NEXUS_LISTEN", &address).run(&[]).await;
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stderr) + &text(&output.stdout);
    assert!(report.contains(&address), "{report}");
    assert_eq!(taken.send(&Request::get("/ready")).await.status, 200);
}

#[tokio::test]
async fn a_gateway_that_serves_is_ready_and_one_that_does_not_is_not() {
    let mut dataplane = faults().start().await;
    let address = dataplane.address().to_string();
    let health = || faults().env("NEXUS_LISTEN", &address).run(&["--health"]);
    let output = health().await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    dataplane.terminate().await;
    dataplane.wait_for_exit().await;
    let output = health().await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(&address));
}

#[tokio::test]
async fn whoever_answers_something_else_is_not_ready() {
    let model = fake_model::server::FakeModel::start().await.unwrap();
    let address = model.url().replace("http://", "");
    let start = faults().env("NEXUS_LISTEN", &address);
    let output = start.run(&["--health"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("404"),
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test]
async fn help_lists_the_variables_and_version_the_name() {
    let output = Start::of("faults").run(&["--help"]).await;
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    for name in ["NEXUS_LISTEN", "KEY_FULL", "UPSTREAM_PLAIN_URL", "--check"] {
        assert!(help.contains(name), "{help}");
    }
    let output = Start::of("faults").run(&["--version"]).await;
    assert!(text(&output.stdout).starts_with("faults "));
}

#[tokio::test]
async fn an_unknown_argument_is_a_usage_error() {
    let output = Start::of("faults").run(&["--chekc"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--chekc"));
}
