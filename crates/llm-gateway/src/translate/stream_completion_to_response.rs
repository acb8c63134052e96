//! A chat completion's chunks, as a response's events: <https://platform.openai.com/docs/api-reference/responses-streaming>.

use serde_json::{Value, json};

use super::calls::{Calls, Piece};
use super::completion_to_message::said;
use super::completion_to_response::{End, call_item, response};
use super::spoken::Spoken;
use super::{Context, StreamTranslator, Untranslatable, given_up, items, text, thought, usage};

pub struct CompletionToResponse {
    id: String,
    model: String,
    begun: bool,
    ended: bool,
    sequence: u64,
    /// Items that are whole.
    output: Vec<Value>,
    open: Option<Open>,
    calls: Calls,
    finish_reason: Option<String>,
    usage: Value,
}

/// The item that is being told.
enum Open {
    Text {
        spoken: Spoken,
        said: String,
    },
    Call {
        place: usize,
        id: String,
        name: String,
        arguments: String,
    },
}

impl CompletionToResponse {
    pub fn new(context: Context<'_>) -> Self {
        Self {
            id: String::new(),
            model: context.model.to_owned(),
            begun: false,
            ended: false,
            sequence: 0,
            output: Vec::new(),
            open: None,
            calls: Calls::default(),
            finish_reason: None,
            usage: Value::Null,
        }
    }

    fn send(&mut self, kind: &str, members: Value, out: &mut Vec<u8>) {
        let mut event = json!({"type": kind, "sequence_number": self.sequence});
        self.sequence += 1;
        if let (Some(event), Value::Object(members)) = (event.as_object_mut(), members) {
            event.extend(members);
        }
        out.extend_from_slice(format!("event: {kind}\ndata: {event}\n\n").as_bytes());
    }

    fn begin(&mut self, chunk: &Value, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        self.id = text(chunk, "id").to_owned();
        for kind in ["response.created", "response.in_progress"] {
            let response = self.response(End::InProgress);
            self.send(kind, json!({"response": response}), out);
        }
    }

    fn response(&self, end: End) -> Value {
        response(
            &format!("resp_{}", self.id),
            &self.model,
            end,
            self.output.clone(),
            &self.usage,
        )
    }

    fn item_id(&self) -> String {
        match &self.open {
            Some(Open::Call { id, .. }) => format!("fc_{id}"),
            Some(Open::Text { spoken, .. }) => spoken.id(&self.id, self.output.len()),
            None => String::new(),
        }
    }

    fn text(&mut self, kind: Spoken, more: &str, out: &mut Vec<u8>) {
        if !matches!(self.open, Some(Open::Text { spoken, .. }) if spoken == kind) {
            self.close(out);
            self.open = Some(Open::Text {
                spoken: kind,
                said: String::new(),
            });
            let (index, id) = (self.output.len(), self.item_id());
            self.send(
                "response.output_item.added",
                json!({"output_index": index, "item": kind.begun(&id)}),
                out,
            );
            self.send(
                "response.content_part.added",
                json!({"item_id": id, "output_index": index, "content_index": 0, "part": kind.part("")}),
                out,
            );
        }
        if let Some(Open::Text { said, .. }) = &mut self.open {
            said.push_str(more);
        }
        let place = kind.place(&self.item_id(), self.output.len(), "delta", more);
        self.send(kind.delta(), place, out);
    }

    fn call(&mut self, piece: Piece, out: &mut Vec<u8>) {
        if !matches!(&self.open, Some(Open::Call { place, .. }) if *place == piece.place) {
            self.close(out);
            let item = call_item(&piece.id, &piece.name, "", "in_progress");
            self.open = Some(Open::Call {
                place: piece.place,
                id: piece.id,
                name: piece.name,
                arguments: String::new(),
            });
            let index = self.output.len();
            self.send(
                "response.output_item.added",
                json!({"output_index": index, "item": item}),
                out,
            );
        }
        let more = piece.arguments;
        if let Some(Open::Call { arguments, .. }) = &mut self.open {
            arguments.push_str(&more);
        }
        if !more.is_empty() {
            let place = json!({"item_id": self.item_id(), "output_index": self.output.len(), "delta": more});
            self.send("response.function_call_arguments.delta", place, out);
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        self.fill(out);
        let id = self.item_id();
        let index = self.output.len();
        let item = match self.open.take() {
            None => return,
            Some(Open::Text { spoken, said }) => {
                self.send(spoken.done(), spoken.place(&id, index, "text", &said), out);
                let place =
                    json!({"item_id": id, "output_index": index, "content_index": 0, "part": spoken.part(&said)});
                self.send("response.content_part.done", place, out);
                spoken.whole(&id, &said)
            }
            Some(Open::Call {
                id: call,
                name,
                arguments,
                ..
            }) => {
                let place = json!({"item_id": id, "output_index": index, "name": name, "arguments": arguments});
                self.send("response.function_call_arguments.done", place, out);
                call_item(&call, &name, &arguments, "completed")
            }
        };
        self.send(
            "response.output_item.done",
            json!({"output_index": index, "item": item}),
            out,
        );
        self.output.push(item);
    }

    /// Some providers say nothing of the arguments of a call that has none; no text at all is no JSON.
    fn fill(&mut self, out: &mut Vec<u8>) {
        if let Some(Open::Call { arguments, .. }) = &mut self.open
            && arguments.is_empty()
        {
            arguments.push_str("{}");
            let place = json!({"item_id": self.item_id(), "output_index": self.output.len(), "delta": "{}"});
            self.send("response.function_call_arguments.delta", place, out);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.begin(&Value::Null, out);
        for piece in self.calls.rest() {
            self.call(piece, out);
        }
        self.close(out);
        let end = End::of(self.finish_reason.as_deref().unwrap_or_default());
        let response = self.response(end);
        self.send(end.event(), json!({"response": response}), out);
    }
}

impl StreamTranslator for CompletionToResponse {
    fn event(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Untranslatable> {
        if data == b"[DONE]" {
            self.finish(out);
            return Ok(());
        }
        let chunk: Value = serde_json::from_slice(data).map_err(|error| Untranslatable(error.to_string()))?;
        if let Some(message) = given_up(&chunk) {
            self.ended = true;
            let members = json!({"code": chunk["error"]["code"], "message": message, "param": null});
            self.send("error", members, out);
            return Ok(());
        }
        self.begin(&chunk, out);
        if let Some(told) = usage::told(&chunk) {
            self.usage = told.clone();
        }
        let Some(choice) = items(&chunk, "choices").find(|choice| choice["index"].as_u64().unwrap_or(0) == 0) else {
            return Ok(());
        };
        let delta = &choice["delta"];
        let said = said(&delta["content"]) + text(delta, "refusal");
        for (spoken, said) in [(Spoken::Thought, thought(delta)), (Spoken::Message, &said)] {
            if !said.is_empty() {
                self.text(spoken, said, out);
            }
        }
        for item in items(delta, "tool_calls") {
            for piece in self.calls.take(item) {
                self.call(piece, out);
            }
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish_reason = Some(reason.to_owned());
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.finish_reason.is_some() {
            self.finish(out);
        }
    }
}
