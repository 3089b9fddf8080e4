//! Which server a LiteLLM model name means: `groq/llama-3.1-8b` is `llama-3.1-8b` at Groq.

/// A provider whose API is OpenAI's, so that the gateway can ask it.
struct Provider {
    /// The prefix of its model names.
    prefix: &'static str,
    /// Its base address without `/v1`; where there is none, `api_base` must be set.
    address: Option<&'static str>,
    /// The variable that LiteLLM reads its key from by default.
    variable: Option<&'static str>,
}

const fn provider(prefix: &'static str, address: &'static str, variable: &'static str) -> Provider {
    Provider {
        prefix,
        address: Some(address),
        variable: Some(variable),
    }
}

const fn own_server(prefix: &'static str, address: Option<&'static str>) -> Provider {
    Provider {
        prefix,
        address,
        variable: None,
    }
}

/// By the base addresses that each documents for OpenAI clients.
const PROVIDERS: &[Provider] = &[
    provider("openai", "https://api.openai.com", "OPENAI_API_KEY"),
    provider(
        "text-completion-openai",
        "https://api.openai.com",
        "OPENAI_API_KEY",
    ),
    provider(
        "anthropic",
        "https://api.anthropic.com",
        "ANTHROPIC_API_KEY",
    ),
    provider("cerebras", "https://api.cerebras.ai", "CEREBRAS_API_KEY"),
    provider("deepseek", "https://api.deepseek.com", "DEEPSEEK_API_KEY"),
    provider(
        "fireworks_ai",
        "https://api.fireworks.ai/inference",
        "FIREWORKS_AI_API_KEY",
    ),
    provider("groq", "https://api.groq.com/openai", "GROQ_API_KEY"),
    provider("mistral", "https://api.mistral.ai", "MISTRAL_API_KEY"),
    provider(
        "nvidia_nim",
        "https://integrate.api.nvidia.com",
        "NVIDIA_NIM_API_KEY",
    ),
    provider(
        "openrouter",
        "https://openrouter.ai/api",
        "OPENROUTER_API_KEY",
    ),
    provider(
        "together_ai",
        "https://api.together.xyz",
        "TOGETHERAI_API_KEY",
    ),
    provider("xai", "https://api.x.ai", "XAI_API_KEY"),
    own_server("hosted_vllm", None),
    own_server("vllm", None),
    own_server("litellm_proxy", None),
    own_server("lm_studio", Some("http://localhost:1234")),
    own_server("ollama", Some("http://localhost:11434")),
    own_server("ollama_chat", Some("http://localhost:11434")),
    own_server("openai_like", None),
    own_server("sglang", None),
];

/// Where a deployment is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'m> {
    /// What the server calls the model.
    pub(super) model: &'m str,
    /// Its address by default.
    pub(super) address: Option<&'static str>,
    /// The variable of its key by default.
    pub(super) variable: Option<&'static str>,
}

/// Finds the server of a LiteLLM model name; `custom` is its `custom_llm_provider`.
pub(super) fn place<'m>(
    model: &'m str,
    custom: Option<&str>,
    has_address: bool,
) -> Result<Place<'m>, String> {
    let (prefix, name) = match (custom, model.split_once('/')) {
        (Some(custom), Some((prefix, name))) if prefix == custom => (custom, name),
        (Some(custom), _) => (custom, model),
        (None, Some((prefix, name))) => (prefix, name),
        (None, None) if model.starts_with("claude-") => ("anthropic", model),
        // LiteLLM takes a name without a provider for one of OpenAI's.
        (None, None) => ("openai", model),
    };
    let known = PROVIDERS.iter().find(|provider| provider.prefix == prefix);
    match known {
        Some(provider) => Ok(Place {
            model: name,
            address: provider.address,
            variable: provider
                .variable
                .filter(|_| !has_address || prefix != "openai"),
        }),
        None => Err(format!(
            "its provider {} does not speak OpenAI's API: keep a LiteLLM proxy for it, and name that as an upstream",
            crate::import::names::shown(prefix)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_says_whose_a_model_is() {
        let groq = place("groq/llama-3.1-8b", None, false).unwrap();
        assert_eq!(
            (groq.model, groq.variable),
            ("llama-3.1-8b", Some("GROQ_API_KEY"))
        );
        let vllm = place("hosted_vllm/meta-llama/Llama-3.1-8B", None, true).unwrap();
        assert_eq!(
            (vllm.model, vllm.address),
            ("meta-llama/Llama-3.1-8B", None)
        );
        assert!(
            place("bedrock/anthropic.claude", None, false)
                .unwrap_err()
                .contains("`bedrock`")
        );
        // A server of one's own that speaks OpenAI's API has no key of OpenAI's.
        assert_eq!(place("openai/llama", None, true).unwrap().variable, None);
    }
}
