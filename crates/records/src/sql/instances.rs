//! Instances: what they should be, what they were last seen to be.

use async_trait::async_trait;

use super::SqlRecords;
use crate::engine::{Row, Unreadable, query, taken_or, unreadable, violates};
use crate::{
    Channel, Desired, Idle, InstanceChange, InstanceRecord, Instances, NewInstance, Observed, RecordsError, Runtime,
    Status, now_ms,
};

#[async_trait]
impl Instances for SqlRecords {
    async fn insert_instance(&self, new: &NewInstance) -> Result<InstanceRecord, RecordsError> {
        let now = now_ms();
        query(
            "INSERT INTO instances (id, name, runtime, driver, channels, model, port, port_fixed, version, memory_bytes,
                                    cpus, image, idle_policy, idle_minutes, desired, status, token_sha256, token_sealed,
                                    created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&new.id)
        .bind(&new.name)
        .bind(new.runtime.as_str())
        .bind(new.driver.as_str())
        .bind(to_json(&new.id, &new.channels)?)
        .bind(&new.model)
        .bind(new.port)
        .bind(new.port_fixed)
        .bind(&new.version)
        .bind(new.memory_bytes)
        .bind(new.cpus)
        .bind(&new.image)
        .bind(new.idle.name())
        .bind(new.idle.minutes().unwrap_or(0))
        .bind(new.desired.as_str())
        .bind(Status::Created.as_str())
        .bind(&new.token_sha256)
        .bind(&new.token_sealed)
        .bind(now)
        .bind(now)
        .execute(&self.engine)
        .await
        .map_err(id_or_port_taken(&new.id, Some(new.port)))?;
        self.instance(&new.id).await?.ok_or_else(|| RecordsError::NotFound {
            what: "instance",
            id: new.id.clone(),
        })
    }

    async fn instance(&self, id: &str) -> Result<Option<InstanceRecord>, RecordsError> {
        query("SELECT * FROM instances WHERE id = ?")
            .bind(id)
            .optional(&self.engine)
            .await?
            .as_ref()
            .map(instance)
            .transpose()
    }

    async fn instances(&self) -> Result<Vec<InstanceRecord>, RecordsError> {
        query("SELECT * FROM instances ORDER BY id")
            .all(&self.engine)
            .await?
            .iter()
            .map(instance)
            .collect()
    }

    async fn set_desired(&self, id: &str, desired: Desired) -> Result<(), RecordsError> {
        query("UPDATE instances SET desired = ?, updated_at = ? WHERE id = ?")
            .bind(desired.as_str())
            .bind(now_ms())
            .bind(id)
            .execute(&self.engine)
            .await?
            .must_exist("instance", id)
    }

    async fn set_observed(&self, id: &str, observed: &Observed) -> Result<(), RecordsError> {
        query(
            "UPDATE instances SET status = ?, pid = ?, pid_started = ?, external_id = ?, error = ?, updated_at = ?
             WHERE id = ?",
        )
        .bind(observed.status.as_str())
        .bind(observed.pid)
        .bind(observed.pid_started)
        .bind(&observed.external_id)
        .bind(&observed.error)
        .bind(now_ms())
        .bind(id)
        .execute(&self.engine)
        .await?
        .must_exist("instance", id)
    }

    async fn update_instance(&self, id: &str, change: &InstanceChange) -> Result<(), RecordsError> {
        let channels = change
            .channels
            .as_ref()
            .map(|channels| to_json(id, channels))
            .transpose()?;
        query(
            "UPDATE instances SET name = coalesce(?, name), channels = coalesce(?, channels), model = coalesce(?, model),
                 port = coalesce(?, port), version = coalesce(?, version), memory_bytes = nullif(coalesce(?, memory_bytes), 0),
                 cpus = nullif(coalesce(?, cpus), 0), image = coalesce(?, image), idle_policy = coalesce(?, idle_policy),
                 idle_minutes = coalesce(?, idle_minutes), updated_at = ? WHERE id = ?",
        )
        .bind(&change.name)
        .bind(channels)
        .bind(&change.model)
        .bind(change.port)
        .bind(&change.version)
        // No limit is 0: that takes one away.
        .bind(change.memory_bytes.map(Option::unwrap_or_default))
        .bind(change.cpus.map(Option::unwrap_or_default))
        .bind(&change.image)
        .bind(change.idle.map(Idle::name))
        .bind(change.idle.map(|idle| idle.minutes().unwrap_or(0)))
        .bind(now_ms())
        .bind(id)
        .execute(&self.engine)
        .await
        .map_err(id_or_port_taken(id, change.port))?
        .must_exist("instance", id)
    }

    async fn set_token(&self, id: &str, sha256: &[u8; 32], sealed: &[u8]) -> Result<(), RecordsError> {
        query("UPDATE instances SET token_sha256 = ?, token_sealed = ?, updated_at = ? WHERE id = ?")
            .bind(sha256)
            .bind(sealed)
            .bind(now_ms())
            .bind(id)
            .execute(&self.engine)
            .await?
            .must_exist("instance", id)
    }

    async fn delete_instance(&self, id: &str) -> Result<bool, RecordsError> {
        let done = query("DELETE FROM instances WHERE id = ?")
            .bind(id)
            .execute(&self.engine)
            .await?;
        Ok(done.rows > 0)
    }

    async fn images(&self) -> Result<Vec<(Runtime, String)>, RecordsError> {
        let rows = query("SELECT runtime, image FROM images ORDER BY runtime")
            .all(&self.engine)
            .await?;
        let read = |row: &Row| {
            let image = || Ok::<_, Unreadable>((row.named("runtime")?, row.get("image")?));
            image().map_err(|unreadable| unreadable.of("image", ""))
        };
        rows.iter().map(read).collect()
    }

    async fn put_image(&self, runtime: Runtime, image: &str) -> Result<(), RecordsError> {
        query(
            "INSERT INTO images (runtime, image, updated_at) VALUES (?, ?, ?)
             ON CONFLICT (runtime) DO UPDATE SET image = excluded.image, updated_at = excluded.updated_at",
        )
        .bind(runtime.as_str())
        .bind(image)
        .bind(now_ms())
        .execute(&self.engine)
        .await?;
        Ok(())
    }
}

fn id_or_port_taken(id: &str, port: Option<u16>) -> impl FnOnce(RecordsError) -> RecordsError {
    let id = id.to_owned();
    move |error| match port {
        Some(port) if violates(&error, "port") => taken_or("port", port.to_string())(error),
        _ => taken_or("instance", id)(error),
    }
}

fn to_json(id: &str, channels: &[Channel]) -> Result<String, RecordsError> {
    serde_json::to_string(channels).map_err(|error| RecordsError::Damaged {
        what: "instance",
        id: id.to_owned(),
        reason: error.to_string(),
    })
}

fn instance(row: &Row) -> Result<InstanceRecord, RecordsError> {
    let id: String = row.get("id")?;
    fields(&id, row).map_err(|unreadable| unreadable.of("instance", &id))
}

fn idle(row: &Row) -> Result<Idle, Unreadable> {
    let name: String = row.get("idle_policy")?;
    let of = Idle::of(&name, row.integer("idle_minutes")?);
    of.map_err(|error| unreadable("idle_policy", error))
}

fn fields(id: &str, row: &Row) -> Result<InstanceRecord, Unreadable> {
    Ok(InstanceRecord {
        id: id.to_owned(),
        name: row.get("name")?,
        runtime: row.named("runtime")?,
        driver: row.named("driver")?,
        channels: row.json("channels")?,
        model: row.get("model")?,
        port: row.integer("port")?,
        port_fixed: row.flag("port_fixed")?,
        version: row.get("version")?,
        memory_bytes: row.integer_or_null("memory_bytes")?,
        cpus: row.get("cpus")?,
        idle: idle(row)?,
        desired: row.named("desired")?,
        status: row.named("status")?,
        error: row.get("error")?,
        pid: row.integer_or_null("pid")?,
        pid_started: row.integer_or_null("pid_started")?,
        external_id: row.get("external_id")?,
        image: row.get("image")?,
        token_sha256: row.digest("token_sha256")?,
        token_sealed: row.get("token_sealed")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
