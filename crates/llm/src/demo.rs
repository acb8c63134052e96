//! The provider that needs nothing: it echoes the question and says how to get a real model. So a gateway works from its
//! first minute, and nobody takes it for more than it is.

use crate::event::{Event, Stop, Usage};
use crate::reply::ReplyStream;
use crate::request::{Message, Part, Request};

/// Of the question, no more than this is repeated, in characters.
const ECHO: usize = 200;

/// The answer, word by word.
pub fn reply(request: &Request) -> ReplyStream {
    let question = question(request);
    let answer = answer(&question);
    let usage = Usage {
        input_tokens: request.messages.iter().map(message_tokens).sum(),
        output_tokens: tokens(&answer),
        cached_tokens: 0,
    };
    let texts = words(&answer).map(|word| Event::Text(word.to_owned()));
    ReplyStream::of(texts.chain([Event::Finish {
        stop: Stop::End,
        usage: Some(usage),
    }]))
}

fn answer(question: &str) -> String {
    let mut echo: String = question.chars().take(ECHO).collect();
    if echo.len() < question.len() {
        echo.push('…');
    }
    let chinese = question.chars().any(is_cjk);
    match (chinese, echo.is_empty()) {
        (true, _) => format!(
            "这里是 Creel 的演示模式，背后没有任何模型，所以没有谁思考过您的消息。您说的是：\n\n{echo}\n\n\
             要得到真正的回答，请设置环境变量 OPENAI_API_KEY 或 ANTHROPIC_API_KEY，或在 openclaw.json 的 models.providers 中添加模型提供方。"
        ),
        (false, empty) => {
            let said = if empty {
                " ".to_owned()
            } else {
                format!(" You said:\n\n{echo}\n\n")
            };
            format!(
                "This is Creel's demo mode: there is no model behind it, so nobody has thought about your message.{said}\
                 For real answers, set OPENAI_API_KEY or ANTHROPIC_API_KEY in the environment, or add a provider under \
                 models.providers in openclaw.json."
            )
        }
    }
}

/// The last thing the user wrote.
fn question(request: &Request) -> String {
    let parts = request.messages.iter().rev().find_map(|message| match message {
        Message::User(parts) => Some(parts.as_slice()),
        _ => None,
    });
    let texts = parts.unwrap_or_default().iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.trim()),
        Part::Image(_) => None,
    });
    texts.collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// Han characters, those outside the basic plane included.
fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Pieces that make up the text: a word with the blank behind it, or a single Han character.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().find_map(|(at, c)| {
            let next = at + c.len_utf8();
            let ends = c == ' ' || is_cjk(c) || rest[next..].starts_with(is_cjk);
            ends.then_some(next)
        });
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

/// An estimate: four ASCII characters, or one other character, are a token.
fn tokens(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let other = text.chars().count() - ascii;
    (ascii.div_ceil(4) + other) as u64
}

fn message_tokens(message: &Message) -> u64 {
    match message {
        Message::System(text) | Message::Assistant { text, .. } | Message::Tool { text, .. } => tokens(text),
        Message::User(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => tokens(text),
                Part::Image(_) => 0,
            })
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt as _, StreamExt as _};

    fn ask(question: &str) -> Vec<Event> {
        let request = Request::of(vec![Message::System("be kind".into()), Message::user(question)]);
        let events: Vec<_> = reply(&request).collect().now_or_never().expect("nothing is waited for");
        events.into_iter().map(Result::unwrap).collect()
    }

    fn text(events: &[Event]) -> String {
        let texts = events.iter().filter_map(|event| match event {
            Event::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    #[test]
    fn english_word_by_word() {
        let events = ask("What is a creel?");
        let text = text(&events);
        assert!(
            text.contains("no model behind it") && text.contains("\n\nWhat is a creel?\n\n"),
            "{text}"
        );
        for way in [
            "OPENAI_API_KEY",
            "ANTHROPIC_API_KEY",
            "models.providers",
            "openclaw.json",
        ] {
            assert!(text.contains(way), "{text}");
        }
        assert!(events.len() > 30, "{} events", events.len());
        let Some(Event::Finish {
            stop: Stop::End,
            usage: Some(usage),
        }) = events.last()
        else {
            panic!("{events:?}")
        };
        assert_eq!(usage.input_tokens, 2 + 4);
        assert_eq!(usage.output_tokens, tokens(&text));
    }

    #[test]
    fn chinese_if_the_question_is() {
        let events = ask("什么是 creel？");
        let text = text(&events);
        assert!(
            text.contains("没有任何模型") && text.contains("\n\n什么是 creel？\n\n"),
            "{text}"
        );
        assert!(
            text.contains("OPENAI_API_KEY") && text.contains("models.providers"),
            "{text}"
        );
        assert_eq!(events[0], Event::Text("这".into()));
    }

    #[test]
    fn a_long_question_is_shortened_and_an_empty_one_not_quoted() {
        let long = text(&ask(&"x".repeat(1_000)));
        assert!(long.contains(&format!("\n\n{}…\n\n", "x".repeat(ECHO))), "{long}");
        assert!(!text(&ask("  ")).contains("You said"));
    }

    #[test]
    fn the_words_make_up_the_text() {
        for text in ["", "one", "one two  three ", "你好 OPENAI_KEY，好"] {
            assert_eq!(words(text).collect::<String>(), text);
        }
        assert_eq!(words("a bc 你好x").collect::<Vec<_>>(), ["a ", "bc ", "你", "好", "x"]);
    }
}
