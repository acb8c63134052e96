//! The LLM Gateway, end to end.

mod administration;
mod command_line;
mod instances;
mod openclaw;
mod sdks;
mod secure;
mod several;
