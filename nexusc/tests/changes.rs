//! What `nexusc diff` says: edits of a spec in words, each to be understood without the spec at hand; and what is
//! no change.

use nexusc::Source;
use nexusc::diff::render::{Format, render};
use nexusc::diff::{Diff, Risk, diff};
use nexusc::ir::Topology;

const BASE: &str = include_str!("diff/base.toml");

fn topology(text: &str) -> Topology {
    nexusc::topology(&Source::new("base.toml", text))
        .unwrap_or_else(|compilation| panic!("{:#?}", compilation.diagnostics))
}

/// The spec after edits `(before, after)`; each `before` stands in it once.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(BASE.to_owned(), |text, (before, after)| {
        assert_eq!(text.matches(before).count(), 1, "`{before}` stands once");
        text.replace(before, after)
    })
}

fn of_edits(edits: &[(&str, &str)]) -> Diff {
    diff(&topology(BASE), &topology(&edited(edits)))
}

/// Edits as people make them, each with a title.
const EDITS: &[(&str, &[(&str, &str)])] = &[
    (
        "the canary gets more",
        &[("percent = \"5%\"", "percent = \"10%\"")],
    ),
    (
        "the canary takes over",
        &[(
            "canary = { primary = \"chat-a\", canary = \"chat-b\", percent = \"5%\" }",
            "direct = { upstream = \"chat-b\" }",
        )],
    ),
    (
        "a model moves to the cloud",
        &[
            (
                "models = [\"small\"]\nweighted.targets = { small-a = 3, small-b = 1 }",
                "models = [\"small\"]\ndirect = { upstream = \"cloud\" }",
            ),
            ("[upstreams.small-a]\nurl = \"http://small-a:8000\"\n", ""),
            ("[upstreams.small-b]\nurl = \"http://small-b:8000\"\n", ""),
        ],
    ),
    (
        "what a model can do is stated",
        &[(
            "[models.cloud]",
            "[models.cloud]\ncapabilities = { context = 128_000, tools = true, modalities = [\"text\", \"image\"] }",
        )],
    ),
    (
        "a key loses a model",
        &[("models = [\"chat\", \"small\"]", "models = [\"small\"]")],
    ),
    (
        "a key is limited",
        &[(
            "models = [\"chat\", \"small\"]",
            "models = [\"chat\", \"small\"]\nlimit = \"app\"\n\n[limits.app]\nrequests = \"60/min\"\nconcurrent = 4",
        )],
    ),
    (
        "a key is replaced by another",
        &[(
            "[keys.web]\nsecret = { env = \"KEY_WEB\" }",
            "[keys.app]\nsecret = { env = \"KEY_APP\" }",
        )],
    ),
    (
        "all upstreams get less time",
        &[("first_byte = \"60s\"", "first_byte = \"20s\"")],
    ),
    (
        "a model is renamed and keeps its old name as an alias",
        &[
            ("[models.small]", "[models.mini]\naliases = [\"small\"]"),
            ("fallback = [\"small\"]", "fallback = [\"mini\"]"),
            ("models = [\"small\"]", "models = [\"mini\"]"),
            (
                "models = [\"chat\", \"small\"]",
                "models = [\"chat\", \"mini\"]",
            ),
        ],
    ),
    (
        "the alias goes, unknown models get a default",
        &[
            ("aliases = [\"gpt-4o\"]\n", ""),
            (
                "max_body = \"8MiB\"",
                "max_body = \"8MiB\"\ndefault_model = \"small\"",
            ),
        ],
    ),
    (
        "an upstream is renamed",
        &[
            ("[upstreams.cloud]", "[upstreams.openai]"),
            (
                "direct = { upstream = \"cloud\" }",
                "direct = { upstream = \"openai\" }",
            ),
        ],
    ),
    (
        "development",
        &[
            (
                "max_body = \"8MiB\"",
                "development = true\nmax_body = \"8MiB\"",
            ),
            (
                "[keys.web]\nsecret = { env = \"KEY_WEB\" }\nmodels = [\"chat\", \"small\"]\n",
                "",
            ),
            (
                "[keys.ops]\nsecret = { env = \"KEY_OPS\" }\nmodels = [\"*\"]\n",
                "",
            ),
        ],
    ),
    (
        "policies are turned on",
        &[(
            "[timeouts]",
            "[breaker]\nfailures = 3\n\n[health]\npath = \"/health\"\n\n[audit]\nsalt = { env = \"SALT\" }\n\
             when_failing = \"refuse\"\n\n[privacy]\nmask = [\"email\"]\n\n[gateway.tls]\n\
             certificate = { file = \"/tls.crt\" }\nprivate_key = { file = \"/tls.key\" }\n\n[timeouts]\ntotal = \"10m\"",
        )],
    ),
];

#[test]
fn each_edit_is_told_in_words() {
    let mut told = String::new();
    for (title, edits) in EDITS {
        let text = render(&of_edits(edits), ["old", "new"], Format::Text);
        told += &format!("# {title}\n{text}\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn the_other_way_round_each_edit_is_told_too() {
    let mut told = String::new();
    for (title, edits) in EDITS {
        let diff = diff(&topology(&edited(edits)), &topology(BASE));
        let text = render(&diff, ["new", "old"], Format::Text);
        told += &format!("# undone: {title}\n{text}\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_means_the_same_is_no_change() {
    let spelled = [
        ("\"60s\"", "\"1m\""),
        ("20_000", "20000"),
        ("[gateway]", "# a comment\n[gateway]"),
        ("small-a = 3, small-b = 1", "small-b = 2, small-a = 6"),
        (
            "models = [\"chat\", \"small\"]",
            "models = [\"small\", \"chat\"]",
        ),
    ];
    assert_eq!(of_edits(&spelled).changes, []);
    let text = render(&of_edits(&spelled), ["old", "new"], Format::Text);
    assert_eq!(text, "old -> new\nno change of meaning\n");
}

#[test]
fn the_most_dangerous_change_comes_first() {
    for (title, edits) in EDITS {
        let risks: Vec<Risk> = of_edits(edits)
            .changes
            .iter()
            .map(|change| change.risk)
            .collect();
        assert!(risks.is_sorted(), "{title}: {risks:?}");
    }
}

#[test]
fn an_objective_that_promises_less_is_no_safe_change() {
    let of = |old: &str, new: &str| {
        let topology = |slo: &str| topology(&format!("{BASE}\n[slos.promise]\n{slo}\n"));
        let changes = diff(&topology(old), &topology(new)).changes;
        let of_slo = changes.iter().filter(|change| change.names == ["promise"]);
        of_slo.map(|change| change.risk).collect::<Vec<_>>()
    };
    let weaker = [
        (
            "objective = \"99%\"\nlatency.within = \"10s\"",
            "objective = \"99%\"\nlatency.within = \"600s\"",
        ),
        (
            "objective = \"99%\"\nlatency.within = \"10s\"",
            "objective = \"99%\"\navailability = {}",
        ),
        (
            "objective = \"99%\"\nlatency.within = \"10s\"",
            "objective = \"98%\"\nlatency.within = \"5s\"",
        ),
        (
            "objective = \"99%\"\navailability = {}",
            "objective = \"99%\"\nperiod = \"60d\"\navailability = {}",
        ),
        (
            "objective = \"99%\"\nfirst_token = { within = \"2s\", models = [\"chat\", \"small\"] }",
            "objective = \"99%\"\nfirst_token = { within = \"2s\", models = [\"chat\"] }",
        ),
        (
            "objective = \"99%\"\nfirst_token = { within = \"2s\" }",
            "objective = \"99%\"\nfirst_token = { within = \"2s\", models = [\"chat\"] }",
        ),
    ];
    for (strong, weak) in weaker {
        assert_eq!(of(strong, weak), [Risk::Risky], "{weak}");
    }
    for index in [0, 3, 4, 5] {
        let (strong, weak) = weaker[index];
        assert_eq!(of(weak, strong), [Risk::Safe], "{strong}");
    }
}

#[test]
fn a_pull_request_gets_a_comment_and_machines_get_every_name() {
    let diff = of_edits(&[
        ("first_byte = \"60s\"", "first_byte = \"20s\""),
        ("models = [\"chat\", \"small\"]", "models = [\"small\"]"),
    ]);
    let names = ["main:specs/base.toml", "specs/base.toml"];
    insta::assert_snapshot!("markdown", render(&diff, names, Format::Markdown));
    let json: serde_json::Value = render(&diff, names, Format::Json)
        .parse()
        .expect("it is JSON");
    insta::assert_snapshot!("json", format!("{json:#}"));
}
