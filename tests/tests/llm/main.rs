//! The LLM Gateway, end to end.

mod administration;
mod instances;
mod openclaw;
mod sdks;
