//! `GET /v1/models` and `GET /v1/models/NAME`.

use serde::Serialize;

use crate::answer::Answer;
use crate::error::{Refusal, json_answer};
use crate::identity::CREATED;

/// The model of a server that was not given one.
pub(crate) const DEFAULT_NAME: &str = "fake-model";

const LIST: &str = "/v1/models";

/// The list of `names`, or one of them.
pub(crate) fn answer(path: &str, names: &[impl AsRef<str>]) -> Result<Answer, Refusal> {
    if path == LIST {
        let data = names.iter().map(|name| Model::new(name.as_ref())).collect();
        return Ok(json_answer(&List {
            object: "list",
            data,
        }));
    }
    match path
        .strip_prefix(LIST)
        .and_then(|rest| rest.strip_prefix('/'))
    {
        Some(name) if names.iter().any(|known| known.as_ref() == name) => {
            Ok(json_answer(&Model::new(name)))
        }
        Some(name) => Err(unknown(name)),
        None => Err(Refusal::not_found(
            format!("there is no `{path}` here"),
            None,
        )),
    }
}

/// The refusal of a model that the server does not have.
pub(crate) fn unknown(name: &str) -> Refusal {
    Refusal::not_found(
        format!("the model `{name}` does not exist"),
        Some("model_not_found"),
    )
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl<'a> Model<'a> {
    fn new(id: &'a str) -> Self {
        Self {
            id,
            object: "model",
            created: CREATED,
            owned_by: DEFAULT_NAME,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_not_there_is_not_found() {
        let refused = answer("/v1/models/other", &["mine"])
            .unwrap_err()
            .into_answer();
        assert_eq!(refused.status, 404);
    }

    #[test]
    fn a_name_may_contain_slashes() {
        assert!(answer("/v1/models/Qwen/Qwen2.5", &["Qwen/Qwen2.5"]).is_ok());
    }
}
