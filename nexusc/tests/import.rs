//! What people have becomes a spec that compiles: configurations as they are found at work, and what becomes of them.

use nexusc::diagnostic::has_errors;
use nexusc::import::{Format, import};
use nexusc::{Source, compile};

#[test]
fn every_configuration_becomes_a_spec_that_compiles() {
    insta::glob!("import/*.{env,yaml}", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let spec = import(&text, Format::of(path.to_str().unwrap())).unwrap();
        let compilation = compile(&Source::new("imported.toml", spec.as_str()));
        assert!(
            compilation.diagnostics.is_empty(),
            "{spec}\n{:#?}",
            compilation.diagnostics
        );
        assert!(!spec.contains("hunter2"), "a secret is repeated:\n{spec}");
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!("imported", spec);
        });
    });
}

/// A configuration without any one of its lines is another configuration, and compiles too, or is refused.
#[test]
fn what_lacks_a_line_is_imported_or_refused_but_never_wrong() {
    insta::glob!("import/*.{env,yaml}", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let mut imported = 0;
        for left_out in 0..lines.len() {
            let kept = lines
                .iter()
                .enumerate()
                .filter(|(index, _)| *index != left_out);
            let text = kept.map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
            let Ok(spec) = import(&text, Format::of(path.to_str().unwrap())) else {
                continue;
            };
            imported += 1;
            let found = compile(&Source::new("imported.toml", spec.as_str())).diagnostics;
            assert!(
                !has_errors(&found),
                "without line {}:\n{spec}\n{found:#?}",
                left_out + 1
            );
            assert!(
                !spec.contains("hunter2"),
                "without line {}:\n{spec}",
                left_out + 1
            );
        }
        assert!(imported > 0 || lines.len() < 5, "{}", path.display());
    });
}

#[test]
fn what_a_keys_policy_says_beside_its_models_is_not_lost_silently() {
    let text = "GATEWAY_UPSTREAMS=a=http://a:8000\n\
        GATEWAY_API_KEY_POLICIES={\"hunter2hunter2\": {\"rate_limit_per_minute\": 60}}\n";
    let spec = import(text, Format::Env).unwrap();
    assert!(spec.contains("`rate_limit_per_minute`"), "{spec}");
    assert!(spec.contains("models = [\"*\"]"), "{spec}");
}

/// Every setting of a configuration is in the spec, or in a comment of it.
#[test]
fn no_setting_is_lost_silently() {
    for setting in [
        "api_version",
        "aws_region_name",
        "model_info",
        "titan",
        "openai/*",
        "context_window_fallbacks",
        "drop_params",
        "success_callback",
        "set_verbose",
        "cache",
        "cache_params",
        "database_url",
        "alerting",
        "environment_variables",
        "old",
    ] {
        let spec = import(include_str!("import/two-regions.yaml"), Format::LiteLlm).unwrap();
        let named = spec
            .lines()
            .filter(|line| line.starts_with('#'))
            .any(|line| line.contains(setting));
        // Of a deployment that is left out, the deployment is named.
        let left_out = matches!(setting, "api_version" | "aws_region_name");
        assert!(named != left_out, "{setting} in\n{spec}");
    }
}

#[test]
fn what_cannot_be_imported_says_where_and_why_and_repeats_no_secret() {
    let cases = [
        (
            Format::Env,
            "GATEWAY_UPSTREAMS=a=http://a\nhunter2\n",
            "line 2: expected `NAME=value`, a comment or nothing",
        ),
        (
            Format::Env,
            "A=1\n",
            "no model in it can be served\n  `GATEWAY_UPSTREAMS` is not set: `name=url;...`",
        ),
        (Format::LiteLlm, "model_list: [\n", "line "),
        (Format::LiteLlm, "api_key: hunter2\n  x: : y", "line "),
        (
            Format::LiteLlm,
            "hunter2",
            "expected a mapping with `model_list`",
        ),
        (
            Format::LiteLlm,
            "model_list: []\n",
            "no model in it can be served",
        ),
        (
            Format::LiteLlm,
            "a: 1\n",
            "no model in it can be served\n  `model_list` is missing, or no list",
        ),
        (
            Format::LiteLlm,
            "model_list:\n- model_name: a\n  litellm_params: { model: bedrock/x, api_key: hunter2 }\n",
            "no model in it can be served\n  not carried over: `model_list[0]` (a deployment of `a`): its provider `bedrock`",
        ),
    ];
    for (format, text, expected) in cases {
        let error = import(text, format).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
