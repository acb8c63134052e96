//! Where an instance's program runs. One file per driver; `process` is the one there is so far.

pub mod cgroup;
pub mod process;
pub mod trial;
