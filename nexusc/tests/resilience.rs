//! Whether a request has time for all of its attempts, and what is said about hedges that cannot help.

use nexusc::{Compilation, Source, compile};

/// A gateway with the models `chat` and its fallback `small`, on `a` and `b` and on `c`, with these fields of
/// `[gateway]`, `[timeouts]` and `[routes.chat]`. An attempt takes up to 10 s; open circuits are passed over.
fn compiled(gateway: &str, timeouts: &str, route: &str) -> Compilation {
    let text = format!(
        "edition = 1\n[gateway]\ndevelopment = true\n{gateway}\n\
         [timeouts]\nconnect = \"1s\"\nfirst_byte = \"9s\"\n{timeouts}\n\
         [breaker]\n[models.chat]\nfallback = [\"small\"]\n[models.small]\n\
         [upstreams.a]\nurl = \"http://a:80\"\n[upstreams.b]\nurl = \"http://b:80\"\n\
         [upstreams.c]\nurl = \"http://c:80\"\n\
         [routes.chat]\nmodels = [\"chat\"]\nweighted.targets = {{ a = 1, b = 1 }}\n{route}\n\
         [routes.small]\nmodels = [\"small\"]\ndirect = {{ upstream = \"c\" }}\n"
    );
    compile(&Source::new("resilience.toml", text))
}

/// The findings about such a gateway, as codes.
fn findings(gateway: &str, timeouts: &str, route: &str) -> Vec<&'static str> {
    let diagnostics = compiled(gateway, timeouts, route).diagnostics;
    let codes = diagnostics.iter().map(|diagnostic| diagnostic.code.name());
    codes.collect()
}

/// Asserts that a request needs so many milliseconds, and no more.
fn assert_needs(milliseconds: u64, gateway: &str, route: &str) {
    for field in ["total", "total_streamed"] {
        let with = |milliseconds| format!("{field} = \"{milliseconds}ms\"");
        assert!(findings(gateway, &with(milliseconds), route).is_empty());
        let short = with(milliseconds - 1);
        assert_eq!(findings(gateway, &short, route), ["NX0414"], "{route}");
    }
}

#[test]
fn every_upstream_of_the_route_and_of_the_fallback_counts() {
    assert_needs(30_000, "", "");
}

#[test]
fn retries_count_with_their_longest_pauses() {
    // Four at the route's upstreams, one at the fallback's, and a pause.
    let retry = "retry = { backoff = \"100ms\" }";
    assert_needs(50_100, "", retry);
    // Two more, and a pause that is not longer than the longest.
    let retry = "retry = { attempts = 3, backoff = \"100ms\", max_backoff = \"150ms\" }";
    assert_needs(70_250, "", retry);
}

#[test]
fn no_more_attempts_count_than_are_allowed() {
    assert_needs(20_000, "max_attempts = 2", "");
    let retry = "retry = { backoff = \"100ms\" }";
    assert_needs(30_100, "max_attempts = 3", retry);
}

#[test]
fn a_hedge_takes_no_time_of_its_own() {
    assert_needs(30_000, "", "hedge = { after = \"2s\" }");
}

#[test]
fn a_total_of_many_models_is_reported_once() {
    // Of the two models, `chat` needs more.
    let compilation = compiled("", "total = \"5s\"", "");
    let [diagnostic] = compilation.diagnostics.as_slice() else {
        panic!("{:#?}", compilation.diagnostics)
    };
    assert!(diagnostic.message.contains("`chat` may need 30s"));
    assert!(
        diagnostic
            .help
            .as_ref()
            .is_some_and(|help| help.contains("`\"30s\"`"))
    );
}

#[test]
fn a_models_own_total_comes_first() {
    let text = "edition = 1\ngateway.development = true\ntimeouts.total = \"1s\"\n\
                [models.chat]\ntimeouts = { total = \"2m\" }\n\
                [upstreams.a]\nurl = \"http://a:80\"\n\
                [routes.chat]\nmodels = [\"chat\"]\ndirect = { upstream = \"a\" }\n";
    let compilation = compile(&Source::new("resilience.toml", text));
    let topology = compilation.output.expect("the spec is sound").topology;
    let model = topology.models.iter().next();
    let total = model.and_then(|model| model.totals.whole.as_ref());
    assert_eq!(total.map(|total| total.time.as_secs()), Some(120));
}

#[test]
fn an_upstream_takes_no_total() {
    let text = "edition = 1\ngateway.development = true\nmodels.chat = {}\n\
                [upstreams.a]\nurl = \"http://a:80\"\ntimeouts = { total = \"2m\" }\n\
                [routes.chat]\nmodels = [\"chat\"]\ndirect = { upstream = \"a\" }\n";
    let diagnostics = compile(&Source::new("resilience.toml", text)).diagnostics;
    let codes = diagnostics.iter().map(|diagnostic| diagnostic.code.name());
    assert_eq!(codes.collect::<Vec<_>>(), ["NX0002"]);
}

#[test]
fn a_hedge_waits_no_longer_than_any_of_its_upstreams() {
    for (after, codes) in [
        ("8s", vec![]),
        ("9s", vec!["NX0416"]),
        ("1h", vec!["NX0416"]),
    ] {
        let hedge = format!("hedge = {{ after = \"{after}\" }}");
        assert_eq!(findings("", "", &hedge), codes, "{after}");
    }
}

#[test]
fn numbers_have_a_range() {
    for attempts in [0, 1, 11] {
        let retry = format!("retry = {{ attempts = {attempts} }}");
        assert_eq!(findings("", "", &retry), ["NX0206"]);
    }
    for attempts in [0, 101] {
        let gateway = format!("max_attempts = {attempts}");
        assert_eq!(findings(&gateway, "", ""), ["NX0206"]);
    }
}

#[test]
fn a_single_attempt_excludes_what_needs_a_second() {
    let both = "retry = {}\nhedge = { after = \"2s\" }";
    assert_eq!(findings("max_attempts = 1", "", both), ["NX0419", "NX0419"]);
    assert!(findings("max_attempts = 1", "", "").is_empty());
}
