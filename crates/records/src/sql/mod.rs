//! The statements, one file a subject, written once for all engines.

mod accounts;
mod eras;
mod events;
mod instances;
mod ledger;
mod llm;
mod logins;
mod people;
pub(crate) mod rows;
pub(crate) mod sequence;
mod transfer;
mod users;

use std::path::Path;

use crate::engine::Engine;
use crate::{DatabaseUrl, RecordsError};

pub use transfer::{MoveError, Moving};

/// The records in a database: SQLite, PostgreSQL or MySQL.
#[derive(Clone)]
pub struct SqlRecords {
    engine: Engine,
}

impl SqlRecords {
    /// Opens the database (a SQLite file is made, 0600, where there is none) and brings it to this version's form.
    ///
    /// # Errors
    /// [`RecordsError::Open`], [`RecordsError::Full`], [`RecordsError::Unavailable`], or [`RecordsError::Newer`] if a newer Creel
    /// wrote it.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, RecordsError> {
        let engine = Engine::open(url).await?;
        eras::begin(&engine).await?;
        Ok(Self { engine })
    }

    /// Looks at a database that is there and of this version's form; nothing is made, migrated or begun. For whoever only reads, while
    /// a control plane may be using it.
    ///
    /// # Errors
    /// As [`SqlRecords::open`], and [`RecordsError::Open`] where there is none, or one of an earlier Creel.
    pub async fn look(url: &DatabaseUrl) -> Result<Self, RecordsError> {
        Ok(Self {
            engine: Engine::look(url).await?,
        })
    }

    /// As [`SqlRecords::open`] of a SQLite file, but the file never grows past `pages` of 4 KiB: a disk that is full.
    ///
    /// # Errors
    /// As [`SqlRecords::open`].
    pub async fn open_bounded(path: &Path, pages: u32) -> Result<Self, RecordsError> {
        let engine = Engine::open_bounded(path, pages).await?;
        eras::begin(&engine).await?;
        Ok(Self { engine })
    }

    /// Waits for what is under way and closes every connection.
    pub async fn close(&self) {
        self.engine.close().await;
    }
}
