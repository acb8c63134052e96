//! Fakes for tests and benchmarks: what Creel talks to in the world, on a loopback port and without the world.
//!
//! Tests of every other crate use it, and `bench/` runs its examples as programs. It knows none of Creel's crates: a fake
//! speaks the protocol that the real thing publishes, so that a misreading of it cannot sit on both sides.

pub mod cloud;
pub mod database;
pub mod docker;
pub mod groups;
pub mod identity;
pub mod kernel;
pub mod npm;
pub mod ports;
pub mod provider;
pub mod railway;
pub mod swap;
