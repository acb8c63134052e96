//! The list of models: <https://platform.openai.com/docs/api-reference/models/list> and
//! <https://docs.anthropic.com/en/api/models-list>.

use bytes::Bytes;
use serde_json::{Value, json};

use super::reply::Api;

/// The models that are listed; any other is answered too.
const MODELS: [&str; 2] = ["m1", "m2"];

pub fn list(api: Api) -> Bytes {
    let list = match api {
        Api::Openai => {
            let model = |id| json!({"id": id, "object": "model", "created": 1_767_225_600, "owned_by": "testkit"});
            json!({"object": "list", "data": MODELS.map(model)})
        }
        Api::Anthropic => {
            let model =
                |id| json!({"type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00Z"});
            let data: [Value; 2] = MODELS.map(model);
            json!({"data": data, "has_more": false, "first_id": MODELS[0], "last_id": MODELS[1]})
        }
    };
    list.to_string().into()
}
