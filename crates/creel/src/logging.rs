//! Logs: one line an event, as text for people or as JSON for collectors, with the instance's id and the request's.
//!
//! The `logging` section of a gateway's configuration sets level, format and output, and a change of it takes effect at once.
//! `DEBUG=creel:*` is the verbose switch (`DEBUG=creel:gateway` for one room).

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;

use creel_config::{Level, LogFormat, LogOutput, Logging};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Lets the configuration change what is logged and how.
#[derive(Clone)]
pub struct LogControl {
    filter: reload::Handle<Targets, tracing_subscriber::Registry>,
    style: Arc<Mutex<Style>>,
}

#[derive(Clone)]
struct Style {
    format: LogFormat,
    output: LogOutput,
    instance_id: Option<String>,
}

/// Starts logging; text on standard error until told otherwise.
pub fn start() -> LogControl {
    let style = Style {
        format: LogFormat::Text,
        output: LogOutput::Stderr,
        instance_id: None,
    };
    let style = Arc::new(Mutex::new(style));
    let (filter, handle) = reload::Layer::new(targets(Level::Info));
    let lines = Lines { style: style.clone() };
    // Only a second call in one process could fail; there is one.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    LogControl { filter: handle, style }
}

impl LogControl {
    pub fn configure(&self, logging: &Logging, instance_id: &str) {
        let instance_id = logging.include_instance_id.then(|| instance_id.to_owned());
        *self.style.lock().expect("no holder panics") = Style {
            format: logging.format,
            output: logging.output,
            instance_id,
        };
        // The subscriber lives as long as the process.
        let _ = self.filter.reload(targets(logging.level));
    }
}

/// `level` for our own code; of libraries only what went wrong.
fn targets(level: Level) -> Targets {
    let level = match level {
        Level::Silent => LevelFilter::OFF,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let mut targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("creel", level)
        // An MCP server that is away is an error to its SDK at every attempt; the agent says it once.
        .with_target(
            "rmcp",
            if level >= LevelFilter::DEBUG {
                LevelFilter::WARN
            } else {
                LevelFilter::OFF
            },
        );
    for pattern in std::env::var("DEBUG").unwrap_or_default().split([',', ' ']) {
        targets = match pattern.split_once(':').unwrap_or((pattern, "*")) {
            ("*", _) => targets
                .with_default(LevelFilter::DEBUG)
                .with_target("creel", LevelFilter::DEBUG),
            ("creel" | "openclaw", "*") => targets.with_target("creel", LevelFilter::DEBUG),
            ("creel" | "openclaw", room) => {
                targets.with_target(format!("creel_{}", room.replace('-', "_")), LevelFilter::DEBUG)
            }
            _ => targets,
        };
    }
    targets
}

/// Writes the lines.
struct Lines {
    style: Arc<Mutex<Style>>,
}

/// The fields of a span, kept until an event in it is written.
struct SpanFields(Map<String, Value>);

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_u128(&mut self, field: &Field, value: u128) {
        // A duration in milliseconds, which no program lives to see beyond this.
        self.put(field, u64::try_from(value).unwrap_or(u64::MAX).into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => {
                self.others.insert(name.to_owned(), value);
            }
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(SpanFields(fields.others));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(SpanFields(more)) = span.extensions().get::<SpanFields>() {
                for (name, value) in more {
                    fields.others.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        let style = self.style.lock().expect("no holder panics").clone();
        let metadata = event.metadata();
        let line = match style.format {
            LogFormat::Json => json_line(metadata, style.instance_id, fields),
            LogFormat::Text => text_line(metadata, style.instance_id, &fields),
        };
        // A log that cannot be written must not stop what it tells of.
        let _ = match style.output {
            LogOutput::Stdout => std::io::stdout().write_all(line.as_bytes()),
            LogOutput::Stderr => std::io::stderr().write_all(line.as_bytes()),
        };
    }
}

/// Always as wide, so that lines align.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

fn now() -> String {
    OffsetDateTime::now_utc().format(TIME).unwrap_or_default()
}

fn json_line(metadata: &tracing::Metadata<'_>, instance_id: Option<String>, fields: Fields) -> String {
    let mut line = Map::new();
    line.insert("time".into(), now().into());
    line.insert("level".into(), metadata.level().as_str().to_ascii_lowercase().into());
    line.insert("target".into(), metadata.target().into());
    if let Some(id) = instance_id {
        line.insert("instance_id".into(), id.into());
    }
    line.insert("message".into(), fields.message.into());
    line.extend(fields.others);
    format!("{}\n", Value::Object(line))
}

fn text_line(metadata: &tracing::Metadata<'_>, instance_id: Option<String>, fields: &Fields) -> String {
    let mut line = format!("{} {:5} ", now(), metadata.level().as_str());
    // A line break would be a second line to whoever reads line by line, or a forged one; an escape could paint over it.
    for c in fields.message.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    for (name, value) in &fields.others {
        let _ = match value {
            Value::String(text) if !text.contains(|c: char| c.is_control() || " \"=".contains(c)) => {
                write!(line, " {name}={text}")
            }
            value => write!(line, " {name}={value}"),
        };
    }
    if let Some(id) = instance_id {
        let _ = write!(line, " instance={id}");
    }
    line.push('\n');
    line
}
