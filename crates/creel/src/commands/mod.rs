//! One module a command: what it takes, and what it does.

pub mod completions;
pub mod credits;
pub mod deploy;
pub mod doctor;
pub mod driver;
pub mod gateway;
pub mod image;
pub mod instance;
pub mod llm;
pub mod multi_tenant;
pub mod plan;
pub mod records;
pub mod template;
pub mod up;
pub mod usage;
pub mod user;
