//! What Creel remembers: users and their logins, instances, administrators, API tokens, console logins, the activity log, and the books.
//!
//! The fleet and the Cloud Backend call this room through the [`Records`] trait, which is the sum of one trait a subject.
//! [`SqlRecords`] implements it on SQLite (the default), PostgreSQL and MySQL, chosen by a [`DatabaseUrl`]; all pass the same
//! conformance suite (`tests/conformance`) on real servers.
//!
//! This room stores and returns; it does not decide. It may not know how an instance is started, how a password is
//! hashed (it is handed PHC strings and SHA-256 digests, never a password or a token), or that HTTP exists.
//! Times are milliseconds since the Unix epoch, UTC.
//!
//! # A new subject
//!
//! 1. **Types** in a file of their own (`account.rs`), and a trait in `store.rs` that [`Records`] includes.
//! 2. **A migration**: `migrations/NNNN_title.sql`, named in `engine/migrate.rs`. One text for all engines: the `{word}`s of that file
//!    stand for types. What is a key or is sorted by is a `{name}` (at most 255 characters); a truth value is an `{integer}`; references
//!    stand on lines of their own. A migration that has been released is never edited.
//!    A new table is named in `sql/transfer.rs`, so that it is moved with the others.
//! 3. **Statements** in `sql/<subject>.rs`: `impl Subject for SqlRecords`, written once with `query("… ?").bind(…)` in the SQL that the
//!    table in `engine/dialect.rs` translates. What is not in that table is to be avoided, above all:
//!    - no `RETURNING` (`insert` gives back a made id), no `UPDATE … FROM`, no window into `excluded` but in `DO UPDATE SET`;
//!    - an upsert only where the table has *one* unique key: MySQL's applies to any of them;
//!    - a sum is cast, `CAST(SUM(a) AS BIGINT)`: PostgreSQL and MySQL make a decimal of it, which is read as nothing here;
//!    - a `?` is a bound value and nothing else; a column is not named with a word that one of the engines reserves (`key`, `usage`,
//!      `rank`, `system`, `user`, `order`, `group`, `limit`).
//! 4. **Several statements** that belong together run in a transaction: `let mut transaction = self.engine.begin().await?`, a function with the
//!    statements (`.execute(&mut *transaction)`), `transaction.finish(outcome).await`; see `put_api_token`, and `engine::Transaction` for locks and conflicts. A change that others
//!    follow in order takes a number from `sql::sequence` as its last act. Many rows go in with `sql::rows`. Clocks of several machines
//!    differ; where that matters, `NOW_MS()` in a statement is the database's.
//! 5. **Conformance**: scenarios in `tests/conformance/<subject>.rs`, named in `suite!`. They then run on every engine.

mod account;
mod clock;
mod engine;
mod error;
mod event;
mod idle;
#[macro_use]
mod instance;
pub mod ledger;
mod llm;
mod login;
mod sql;
mod store;
mod url;
mod user;

pub use account::{Administrator, ApiToken, Login, NewApiToken};
pub use clock::now_ms;
pub use error::RecordsError;
pub use event::{Event, NewEvent};
pub use idle::{Idle, InvalidIdle};
pub use instance::{
    Channel, Desired, Driver, InstanceChange, InstanceRecord, NewInstance, Observed, Runtime, Status, UnknownName,
};
pub use llm::{
    CurrencyRecord, GroupRecord, KeyChange, KeyRecord, KeyTerms, LlmSetup, ModelRecord, PriceRecord, ProviderRecord,
    ProviderStyle, RouteRecord, RouteStrategy,
};
pub use login::{SignedBy, SigningKey, Spent, UserLogin};
pub use sql::{MoveError, Moving, SqlRecords};
pub use store::{Accounts, Events, Instances, LlmRecords, People, Records, UserLogins, Users};
pub use url::{DatabaseUrl, InvalidUrl};
pub use user::{NewUser, UserChanges, UserKey, UserPatch, UserRecord, UserStatus, UserToken};
