//! The LLM Gateway, end to end.

mod administration;
mod openclaw;
mod sdks;
