//! Embeddings: <https://platform.openai.com/docs/api-reference/embeddings/create>. Every text has the same.

use bytes::Bytes;
use serde_json::{Value, json};

/// What each text is embedded as.
const EMBEDDING: [f32; 3] = [0.5, -0.25, 1.0];
/// The same as little-endian 32-bit floats in base64, which is what the official clients ask for.
const ENCODED: &str = "AAAAPwAAgL4AAIA/";
/// Tokens of each text.
const TOKENS: usize = 5;

/// # Errors
/// The text of the 400.
pub fn answer(body: &[u8]) -> Result<Bytes, String> {
    let asked: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let texts = match &asked["input"] {
        Value::String(_) => 1,
        Value::Array(texts) => texts.len(),
        _ => return Err("input: a string or a list is required".to_owned()),
    };
    let embedding = match asked["encoding_format"] == "base64" {
        true => json!(ENCODED),
        false => json!(EMBEDDING),
    };
    let data = (0..texts).map(|index| json!({"object": "embedding", "index": index, "embedding": embedding}));
    let tokens = texts * TOKENS;
    let answer = json!({
        "object": "list", "data": data.collect::<Vec<_>>(), "model": asked["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    });
    Ok(answer.to_string().into())
}
