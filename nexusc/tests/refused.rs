//! What a sound spec with one more table is refused for: each with the code, the place and the way out.

use nexusc::diagnostic::Diagnostic;
use nexusc::diagnostic::code::Code;
use nexusc::diagnostic::fix::Safety;
use nexusc::diagnostic::render::{Format, render};
use nexusc::fix::fix;
use nexusc::source::Place;
use nexusc::{Source, compile};

/// A sound spec.
const SOUND: &str = "edition = 1\nmodels.chat = {}\nupstreams.a.url = \"http://a:8000\"\n\
                     routes.chat = { models = [\"chat\"], direct = { upstream = \"a\" } }\n\
                     keys.web = { secret = { env = \"KEY_WEB\" }, models = [\"chat\"] }\n";

fn with(more: &str) -> Source {
    Source::new("spec.toml", format!("{SOUND}{more}\n"))
}

/// What is said of the sound spec with `more`, a line each, without the place in the text: `error[NX0301]: ...`.
fn found(more: &str) -> Vec<String> {
    let source = with(more);
    let text = render(&source, &compile(&source).diagnostics, Format::Short);
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(_, said)| said.to_owned()).collect()
}

/// The help of its only finding.
fn help(more: &str) -> String {
    let diagnostics = compile(&with(more)).diagnostics;
    let [diagnostic] = &diagnostics[..] else {
        panic!("one finding: {diagnostics:#?}")
    };
    diagnostic.help.clone().unwrap_or_default()
}

#[test]
fn a_secret_is_found_wherever_it_stands() {
    let engine = |args: &str| {
        format!(
            "upstreams.b = {{ url = \"http://b:8000\", engine = {{ gpus = [\"one\"], other = {{ memory = \"1GiB\", \
             container = {{ image = \"b:1\", args = [{args}] }} }} }} }}\n\
             gpus.one.model = \"rtx-3090\"\nroutes.b = {{ models = [\"b\"], direct = {{ upstream = \"b\" }} }}\n\
             models.b = {{}}\nkeys.all = {{ secret = {{ env = \"KEY_ALL\" }}, models = [\"*\"] }}"
        )
    };
    assert_eq!(found(&engine("\"--quiet\"")), Vec::<String>::new());
    for (more, path) in [
        (
            "receivers.x.webhook.url = \"https://hooks.slack.com/services/T000/B000/XXXX\"",
            "receivers.x.webhook.url",
        ),
        (
            "receivers.x.webhook.url = \"https://relay/alerts?token=hunter2\"",
            "receivers.x.webhook.url",
        ),
        (
            "receivers.x.webhook.url = \"https://u:hunter2@relay/alerts\"",
            "receivers.x.webhook.url",
        ),
        (
            "deploy.prometheus.runbooks = \"https://git.example.com/r.md?private_token=glpat-hunter2\"",
            "deploy.prometheus.runbooks",
        ),
        (
            &engine("\"--api-key\", \"sk-hunter2hunter2\""),
            "upstreams.b.engine.other.container.args[1]",
        ),
        (
            "[deploy.compose.services.q]\nimage = \"q:1\"\nhealth = \"curl -H 'Authorization: Bearer sk-hunter2hunter2'\"",
            "deploy.compose.services.q.health",
        ),
        (
            "auth.jwt = { algorithm = \"RS256\", public_key = { file = \"/jwt\" }, issuer = \"sk-hunter2hunter2\", \
             audience = \"nexus\" }",
            "auth.jwt.issuer",
        ),
        (
            "receivers.x.email = { to = \"a@b.c\", from = \"a@b.c\", server = \"b.c:25\", user = \"AKIAHUNTER2HUNTER2\" }",
            "receivers.x.email.user",
        ),
    ] {
        let found = found(more);
        let [line] = &found[..] else {
            panic!("{more}: {found:#?}")
        };
        assert!(
            line.starts_with(&format!("error[NX0301]: `{path}`")),
            "{more}: {line}"
        );
        assert!(!line.to_lowercase().contains("hunter2"), "{line}");
    }
}

#[test]
fn digests_commits_and_what_callers_send_are_no_secrets() {
    let digest = "0123456789abcdef".repeat(4);
    let commit = &digest[..40];
    for more in [
        format!("[deploy.compose.services.q]\nimage = \"registry.example.com/q@sha256:{digest}\""),
        format!(
            "deploy.prometheus.runbooks = \"https://git.example.com/llm/blob/{commit}/runbooks.md?plain=1\""
        ),
        format!(
            "[[tests]]\nkey = \"web\"\nmodel = \"chat\"\nsession = \"{commit}\"\nexpect.upstream = \"a\"\n\
             prompt = \"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ\""
        ),
        // Auth0 and others give such to clients, who are no secret.
        format!(
            "auth.jwt = {{ algorithm = \"RS256\", public_key = {{ file = \"/jwt\" }}, issuer = \"https://i\", \
             audience = \"{}\" }}",
            &digest[..32]
        ),
    ] {
        let found = found(&more);
        assert!(
            !found.iter().any(|line| line.starts_with("error")),
            "{more}: {found:?}"
        );
    }
}

#[test]
fn the_way_out_of_a_literal_secret_is_one_that_the_field_has() {
    let slack = "receivers.x.slack = { channel = \"#a\", url = \"https://hooks.slack.com/services/T0/B0/x\" }";
    assert!(
        help(slack).contains("`url = { file = \"/run/secrets/url\" }`; and replace"),
        "{}",
        help(slack)
    );
    let key = "keys.b = { models = [\"chat\"], secret = \"hunter2\" }";
    assert!(
        help(key).contains("`secret = { env = \"VARIABLE\" }`; and replace"),
        "{}",
        help(key)
    );
}

#[test]
fn a_path_in_the_place_of_a_secret_becomes_the_file_with_it() {
    let tls = "gateway.tls = { certificate = \"/run/tls.crt\", private_key = { file = \"/run/tls.key\" } }";
    assert_eq!(
        found(tls),
        ["error[NX0004]: `gateway.tls.certificate` is a string"]
    );
    assert_eq!(
        help(tls),
        "a path is written as `certificate = { file = \"/run/tls.crt\" }`"
    );
    let fixed = fix(&with(tls), Safety::Safe);
    assert!(
        fixed.left.diagnostics.is_empty(),
        "{:#?}",
        fixed.left.diagnostics
    );
    assert!(
        fixed
            .source
            .text
            .contains("certificate = { file = \"/run/tls.crt\" }, private_key")
    );
    // What only begins like one is not repeated.
    for secret in [
        "/hunter2",
        "/hunter2+hunter2/hunter2=",
        "/sk-hunter2hunter2/x",
    ] {
        let key = format!("keys.b = {{ models = [\"chat\"], secret = \"{secret}\" }}");
        assert_eq!(
            found(&key),
            ["error[NX0301]: `keys.b.secret` holds a literal value"]
        );
    }
}

#[test]
fn a_file_has_a_path_without_detours() {
    let tls = |path: &str| {
        format!(
            "gateway.tls = {{ certificate = {{ file = \"{path}\" }}, private_key = {{ file = \"/run/key\" }} }}"
        )
    };
    for (path, plain) in [
        ("/run/a/", "`/run/a`"),
        ("/run/a/../b/key", "`/run/b/key`"),
        ("/run/./key", "`/run/key`"),
        ("//run//a//key", "`/run/a/key`"),
        ("/../key", "`/key`"),
        ("/", "`/run/secrets/openai`"),
        ("/..", "`/run/secrets/openai`"),
    ] {
        let more = tls(path);
        assert_eq!(
            found(&more),
            ["error[NX0302]: `gateway.tls.certificate.file` is not the plain path of a file"],
            "{path}"
        );
        assert!(help(&more).ends_with(plain), "{path}: {}", help(&more));
    }
    assert_eq!(found(&tls("/run/..data/a.b/key")), Vec::<String>::new());
    let relative = tls("run/key");
    assert_eq!(
        found(&relative),
        ["error[NX0302]: `gateway.tls.certificate.file` is not an absolute path"]
    );
}

#[test]
fn nothing_in_a_spec_controls_who_reads_its_findings() {
    let source = with("");
    let unseen = "a\nb \u{1b}[31mred\u{9b}\u{202e}";
    let diagnostic = Diagnostic::new(Code::NX0910, unseen, Place::Span(0..1), unseen).help(unseen);
    let diagnostics = [diagnostic];
    let is_unseen = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    for format in [
        Format::Text { colour: false },
        Format::Short,
        Format::Json,
        Format::Github,
    ] {
        let said = render(&source, &diagnostics, format);
        assert!(!said.contains(is_unseen), "{said:?}");
        if format != (Format::Text { colour: false }) {
            assert_eq!(said.lines().count(), 1, "{said:?}");
        }
    }
}

#[test]
fn tests_have_names_of_one_line_and_of_their_own() {
    let named = |names: &[&str]| {
        let test = |name: &&str| {
            format!(
                "[[tests]]\nname = \"{name}\"\nkey = \"web\"\nmodel = \"chat\"\nexpect.upstream = \"a\"\n"
            )
        };
        names.iter().map(test).collect::<String>()
    };
    assert_eq!(
        found(&named(&["one", "another", "a - b: \u{fc}"])),
        Vec::<String>::new()
    );
    for name in ["", "  ", "a\\nb \\u001b[31mred", "a\\u202eb"] {
        let found = found(&named(&[name]));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with("error[NX0102]: "), "{found:#?}");
        assert!(
            found[0].ends_with("is not the name of a test"),
            "{found:#?}"
        );
    }
    assert_eq!(
        found(&named(&["one", "another", "one"])),
        ["error[NX0103]: two tests have the name `one`"]
    );
}

#[test]
fn one_server_is_one_however_its_address_is_written() {
    let two = |first: &str, second: &str| {
        format!(
            "models.m = {{}}\nupstreams.b.url = \"{first}\"\nupstreams.c.url = \"{second}\"\n\
             routes.m = {{ models = [\"m\"], weighted = {{ targets = {{ b = 1, c = 1 }} }} }}\n\
             keys.m = {{ secret = {{ env = \"KEY_M\" }}, models = [\"m\"] }}"
        )
    };
    let same = ["warning[NX0421]: upstreams `b` and `c` are the same server"];
    for (first, second) in [
        ("http://A:8000", "http://a:8000"),
        ("http://c", "http://c:80"),
        ("https://c:443/x", "https://c/x"),
        ("http://[::1]:9", "http://[0:0::1]:9"),
        ("http://c:08000", "http://c:8000"),
    ] {
        assert_eq!(found(&two(first, second)), same, "{first} {second}");
    }
    for (first, second) in [
        ("http://c", "https://c"),
        ("http://c", "http://c:443"),
        ("http://c/x", "http://c/X"),
    ] {
        assert_eq!(
            found(&two(first, second)),
            Vec::<String>::new(),
            "{first} {second}"
        );
    }
    let apart = two("http://b:8000", "http://c:8000");
    let moved = format!("{apart}\noverlays.there.upstreams.c.url = \"http://B:8000/\"");
    assert_eq!(
        found(&moved),
        ["warning[NX0421]: upstreams `b` and `c` are the same server in overlay `there`"]
    );
    let both = format!(
        "{apart}\noverlays.there.upstreams = {{ b.url = \"http://x\", c.url = \"http://x:80\" }}"
    );
    assert_eq!(
        found(&both),
        ["warning[NX0421]: upstreams `b` and `c` are the same server in overlay `there`"]
    );
    // What both environments have in common is said once.
    let base = two("http://b:8000", "http://b:8000");
    assert_eq!(
        found(&format!("{base}\noverlays.there.production = true")),
        same
    );
}

#[test]
fn addresses_that_lead_nowhere_are_refused() {
    for url in [
        "http://256.256.256.256:1",
        "http://1.2.3:1",
        "http://1.2.3.4.5:1",
        "http://a.1:1",
        "http://0.0.0.0:8000",
        "http://[::]:8000",
    ] {
        let more = format!("overlays.there.upstreams.a.url = \"{url}\"");
        assert_eq!(
            found(&more),
            [format!(
                "error[NX0205]: `{url}` is not the address of an upstream"
            )]
        );
    }
    for url in [
        "http://1.2.3.4:1",
        "http://a1.b2:1",
        "http://1.example.com",
        "http://8gpus",
    ] {
        assert_eq!(
            found(&format!("overlays.there.upstreams.a.url = \"{url}\"")),
            Vec::<String>::new(),
            "{url}"
        );
    }
    let listening = help("overlays.there.upstreams.a.url = \"http://0.0.0.0:8000\"");
    assert!(listening.starts_with("servers listen there"), "{listening}");
    let mail = |from: &str, server: &str| {
        format!(
            "receivers.x.email = {{ to = \"a@b.c\", from = \"{from}\", server = \"{server}\" }}"
        )
    };
    assert_eq!(found(&mail("a@b.c", "[::1]:25")), Vec::<String>::new());
    for server in [":25", "smtp.x:0", "smtp.x", "smtp..x:25"] {
        let said = found(&mail("a@b.c", server));
        assert_eq!(
            said,
            [format!("error[NX0704]: `{server}` is not a mail server")]
        );
    }
    for from in ["a@.", "a@b.", "a@.b", "@b.c", "a@b"] {
        let said = found(&mail(from, "b.c:25"));
        assert_eq!(
            said,
            [format!("error[NX0704]: `{from}` is not an e-mail address")]
        );
    }
}

#[test]
fn variables_that_others_read_hold_no_secret() {
    for variable in [
        "GF_SECURITY_ADMIN_PASSWORD",
        "LISTEN_FDS",
        "LISTEN_PID",
        "LISTEN_FDNAMES",
        "NOTIFY_SOCKET",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ] {
        let more =
            format!("keys.b = {{ models = [\"chat\"], secret = {{ env = \"{variable}\" }} }}");
        assert_eq!(
            found(&more),
            [format!(
                "error[NX0302]: `{variable}` has a meaning of its own"
            )]
        );
    }
    let near = "keys.b = { models = [\"chat\"], secret = { env = \"LISTEN_KEY\" } }";
    assert_eq!(found(near), Vec::<String>::new());
}

#[test]
fn help_says_what_the_language_has() {
    assert_eq!(
        help("[tests]\nmodel = \"chat\""),
        "write a table for each: `[[tests]]`"
    );
    let label = |more: &str| {
        let diagnostics = compile(&with(more)).diagnostics;
        assert_eq!(diagnostics.len(), 1, "{diagnostics:#?}");
        diagnostics[0].labels[0].message.clone()
    };
    let weighted =
        "models.m = {}\nroutes.m = { models = [\"m\"], weighted = { targets = { a = -1 } } }";
    assert_eq!(label(weighted), "expected 0 or more");
    assert_eq!(
        label("gateway.max_attempts = 99999999999999999999"),
        "expected at most 9223372036854775807"
    );
    let null = help("gateway.cors.origins = [\"null\"]");
    assert!(null.starts_with("any page without an origin"), "{null}");
}

#[test]
fn help_for_a_string_is_about_how_it_is_wrong() {
    let help = |value: &str| {
        let source = Source::new(
            "spec.toml",
            format!("edition = 1\ngateway.listen = {value}\n"),
        );
        compile(&source).diagnostics[0].help.clone()
    };
    let one_line = Some("a string begins and ends on one line with `\"`".to_owned());
    assert_eq!(help("\"0.0.0.0:80"), one_line);
    assert_eq!(
        help("localhost"),
        Some("put it in quotes: `\"...\"`".to_owned())
    );
    assert_eq!(
        help("'0.0.0.0:80"),
        Some("a string begins and ends on one line with `'`".to_owned())
    );
    assert_eq!(
        help("\"\u{1b}\""),
        Some("a control character is written as an escape, such as `\\u001b`".to_owned())
    );
    assert_eq!(
        help("\"\\d\""),
        Some("a backslash begins an escape: write `\\\\`, or the text in `'...'`".to_owned())
    );
    assert_eq!(
        help("\"\"\"a"),
        Some("a string of several lines ends with `\"\"\"`, or `'''` as it began".to_owned())
    );
}

#[test]
fn long_names_are_cut_in_every_message() {
    let name = "n".repeat(100);
    let model = found(&format!("models.{name} = {{}}"));
    assert!(
        model[0].starts_with("error[NX0401]: no route serves model `n") && model[0].len() < 120,
        "{model:?}"
    );
    let upstream = found(&format!("upstreams.{name}.url = \"http://b:8000\""));
    assert!(upstream.iter().all(|line| line.len() < 120), "{upstream:?}");
}
