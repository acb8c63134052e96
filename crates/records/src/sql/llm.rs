//! What the LLM Gateway is set up with. Every change takes a number, so that gateways see that there is something new.

use async_trait::async_trait;

use super::SqlRecords;
use super::sequence::Sequence;
use crate::engine::{Query, Row, Transaction, query, taken_or};
use crate::{
    CurrencyRecord, GroupRecord, KeyChange, KeyRecord, LlmRecords, LlmSetup, ModelRecord, PriceRecord, ProviderRecord,
    RecordsError, now_ms,
};

#[async_trait]
impl LlmRecords for SqlRecords {
    async fn llm_version(&self) -> Result<i64, RecordsError> {
        Sequence::Llm.last(&self.engine).await
    }

    async fn llm_setup(&self) -> Result<LlmSetup, RecordsError> {
        // The number first: what changes while the rest is read is read again.
        Ok(LlmSetup {
            version: self.llm_version().await?,
            providers: self.llm_providers().await?,
            models: self.llm_models().await?,
            prices: self.llm_prices().await?,
            currencies: self.llm_currencies().await?,
            groups: self.llm_groups().await?,
            keys: rows(query(KEYS_IN_FORCE).all(&self.engine).await?, key)?,
        })
    }

    async fn put_llm_provider(&self, new: &ProviderRecord) -> Result<(), RecordsError> {
        let put = query(
            "INSERT INTO llm_providers (name, style, base_url, key_sealed, has_responses, any_model) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (name) DO UPDATE SET style = excluded.style, base_url = excluded.base_url,
                 key_sealed = excluded.key_sealed, has_responses = excluded.has_responses, any_model = excluded.any_model",
        );
        let put = put
            .bind(&new.name)
            .bind(new.style.as_str())
            .bind(&new.base_url)
            .bind(new.key_sealed.clone())
            .bind(new.has_responses)
            .bind(new.any_model);
        self.change(put).await.map(|_| ())
    }

    async fn llm_providers(&self) -> Result<Vec<ProviderRecord>, RecordsError> {
        rows(
            query("SELECT * FROM llm_providers ORDER BY name")
                .all(&self.engine)
                .await?,
            provider,
        )
    }

    async fn delete_llm_provider(&self, name: &str) -> Result<bool, RecordsError> {
        self.change(query("DELETE FROM llm_providers WHERE name = ?").bind(name))
            .await
    }

    async fn put_llm_model(&self, new: &ModelRecord) -> Result<(), RecordsError> {
        let put = query(
            "INSERT INTO llm_models (name, routes, strategy, max_output) VALUES (?, ?, ?, ?)
             ON CONFLICT (name) DO UPDATE SET routes = excluded.routes, strategy = excluded.strategy, max_output = excluded.max_output",
        );
        let put = put
            .bind(&new.name)
            .bind(json(&new.routes))
            .bind(new.strategy.as_str())
            .bind(new.max_output);
        self.change(put).await.map(|_| ())
    }

    async fn llm_models(&self) -> Result<Vec<ModelRecord>, RecordsError> {
        rows(
            query("SELECT * FROM llm_models ORDER BY name")
                .all(&self.engine)
                .await?,
            model,
        )
    }

    async fn delete_llm_model(&self, name: &str) -> Result<bool, RecordsError> {
        self.change(query("DELETE FROM llm_models WHERE name = ?").bind(name))
            .await
    }

    async fn put_llm_price(&self, new: &PriceRecord) -> Result<(), RecordsError> {
        let put = query(
            "INSERT INTO llm_prices (model, currency, input, cached_input, cache_write, output, per_call) VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (model) DO UPDATE SET currency = excluded.currency, input = excluded.input, cached_input = excluded.cached_input,
                 cache_write = excluded.cache_write, output = excluded.output, per_call = excluded.per_call",
        );
        let put = put
            .bind(&new.model)
            .bind(&new.currency)
            .bind(new.input)
            .bind(new.cached_input)
            .bind(new.cache_write)
            .bind(new.output)
            .bind(new.call);
        self.change(put).await.map(|_| ())
    }

    async fn llm_prices(&self) -> Result<Vec<PriceRecord>, RecordsError> {
        rows(
            query("SELECT * FROM llm_prices ORDER BY model")
                .all(&self.engine)
                .await?,
            price,
        )
    }

    async fn delete_llm_price(&self, model: &str) -> Result<bool, RecordsError> {
        self.change(query("DELETE FROM llm_prices WHERE model = ?").bind(model))
            .await
    }

    async fn put_llm_currency(&self, new: &CurrencyRecord) -> Result<(), RecordsError> {
        let put = query(
            "INSERT INTO llm_currencies (code, credits) VALUES (?, ?)
             ON CONFLICT (code) DO UPDATE SET credits = excluded.credits",
        );
        self.change(put.bind(&new.code).bind(new.credits)).await.map(|_| ())
    }

    async fn llm_currencies(&self) -> Result<Vec<CurrencyRecord>, RecordsError> {
        rows(
            query("SELECT * FROM llm_currencies ORDER BY code")
                .all(&self.engine)
                .await?,
            currency,
        )
    }

    async fn delete_llm_currency(&self, code: &str) -> Result<bool, RecordsError> {
        self.change(query("DELETE FROM llm_currencies WHERE code = ?").bind(code))
            .await
    }

    async fn put_llm_group(&self, new: &GroupRecord) -> Result<(), RecordsError> {
        let put = query(
            "INSERT INTO llm_groups (name, multiplier) VALUES (?, ?)
             ON CONFLICT (name) DO UPDATE SET multiplier = excluded.multiplier",
        );
        self.change(put.bind(&new.name).bind(new.multiplier)).await.map(|_| ())
    }

    async fn llm_groups(&self) -> Result<Vec<GroupRecord>, RecordsError> {
        rows(
            query("SELECT * FROM llm_groups ORDER BY name")
                .all(&self.engine)
                .await?,
            group,
        )
    }

    async fn delete_llm_group(&self, name: &str) -> Result<bool, RecordsError> {
        self.change(query("DELETE FROM llm_groups WHERE name = ?").bind(name))
            .await
    }

    async fn insert_llm_key(&self, new: &KeyRecord) -> Result<(), RecordsError> {
        let insert = query(
            "INSERT INTO llm_keys (id, sha256, hint, owner, instance, terms, created_at, expires_at, revoked_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        );
        let insert = insert
            .bind(&new.id)
            .bind(&new.sha256)
            .bind(&new.hint)
            .bind(&new.user)
            .bind(&new.instance)
            .bind(json(&new.terms))
            .bind(new.created_at)
            .bind(new.expires_at)
            .bind(new.revoked_at);
        self.change(insert)
            .await
            .map(|_| ())
            .map_err(taken_or("virtual key", &new.id))
    }

    async fn llm_keys(&self) -> Result<Vec<KeyRecord>, RecordsError> {
        rows(
            query("SELECT * FROM llm_keys ORDER BY created_at, id")
                .all(&self.engine)
                .await?,
            key,
        )
    }

    async fn change_llm_key(&self, id: &str, change: &KeyChange) -> Result<Option<KeyRecord>, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let changed = change_key(&mut transaction, id, change).await;
        transaction.finish(changed).await
    }

    async fn revoke_llm_key(&self, id: &str) -> Result<bool, RecordsError> {
        let update = query("UPDATE llm_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL");
        self.change(update.bind(now_ms()).bind(id)).await
    }

    async fn revoke_llm_keys_handed_to(&self, instance: &str) -> Result<bool, RecordsError> {
        let update =
            query("UPDATE llm_keys SET revoked_at = ? WHERE instance = ? AND id LIKE '%-%' AND revoked_at IS NULL");
        self.change(update.bind(now_ms()).bind(instance)).await
    }

    async fn revoke_llm_keys_of(&self, instance: &str) -> Result<bool, RecordsError> {
        let update = query("UPDATE llm_keys SET revoked_at = ? WHERE instance = ? AND revoked_at IS NULL");
        self.change(update.bind(now_ms()).bind(instance)).await
    }
}

impl SqlRecords {
    /// Runs one statement, with a number. Whether it did anything.
    async fn change(&self, statement: Query) -> Result<bool, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let changed = numbered(&mut transaction, statement).await;
        transaction.finish(changed).await
    }
}

/// A user was disabled, or is active again: their keys are in force or not.
pub async fn status_changed(transaction: &mut Transaction) -> Result<(), RecordsError> {
    Sequence::Llm.next(transaction).await.map(drop)
}

/// Whoever gets the name of a user that is gone pays for nobody else.
pub async fn revoke_keys_of_user(transaction: &mut Transaction, user: &str) -> Result<(), RecordsError> {
    let revoke = query("UPDATE llm_keys SET revoked_at = ? WHERE owner = ? AND revoked_at IS NULL");
    numbered(transaction, revoke.bind(now_ms()).bind(user)).await.map(drop)
}

/// Read and written in one transaction: the terms are one column, and what is changed of them elsewhere meanwhile must stay.
async fn change_key(
    transaction: &mut Transaction,
    id: &str,
    change: &KeyChange,
) -> Result<Option<KeyRecord>, RecordsError> {
    let found = query("SELECT * FROM llm_keys WHERE id = ? AND revoked_at IS NULL FOR UPDATE").bind(id);
    let Some(row) = found.optional(&mut *transaction).await? else {
        return Ok(None);
    };
    let mut changed = key(&row)?;
    change.apply(&mut changed);
    let update = query("UPDATE llm_keys SET terms = ?, expires_at = ? WHERE id = ?");
    let update = update.bind(json(&changed.terms)).bind(changed.expires_at).bind(id);
    numbered(transaction, update).await?;
    Ok(Some(changed))
}

async fn numbered(transaction: &mut Transaction, statement: Query) -> Result<bool, RecordsError> {
    let done = statement.execute(&mut *transaction).await?;
    Sequence::Llm.next(transaction).await?;
    Ok(done.rows > 0)
}

/// Who is disabled spends nothing. A key may be of a user who is not recorded.
const KEYS_IN_FORCE: &str = "SELECT * FROM llm_keys WHERE revoked_at IS NULL AND NOT EXISTS
         (SELECT 1 FROM users WHERE users.id = llm_keys.owner AND users.status = 'disabled') ORDER BY id";

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("names and numbers always serialise")
}

fn rows<T>(rows: Vec<Row>, read: fn(&Row) -> Result<T, RecordsError>) -> Result<Vec<T>, RecordsError> {
    rows.iter().map(read).collect()
}

fn provider(row: &Row) -> Result<ProviderRecord, RecordsError> {
    Ok(ProviderRecord {
        name: row.get("name")?,
        style: row.named("style")?,
        base_url: row.get("base_url")?,
        key_sealed: row.get("key_sealed")?,
        has_responses: row.flag("has_responses")?,
        any_model: row.flag("any_model")?,
    })
}

fn model(row: &Row) -> Result<ModelRecord, RecordsError> {
    Ok(ModelRecord {
        name: row.get("name")?,
        routes: row.json("routes")?,
        strategy: row.named("strategy")?,
        max_output: row.integer_or_null("max_output")?,
    })
}

fn price(row: &Row) -> Result<PriceRecord, RecordsError> {
    Ok(PriceRecord {
        model: row.get("model")?,
        currency: row.get("currency")?,
        input: row.integer("input")?,
        cached_input: row.integer_or_null("cached_input")?,
        cache_write: row.integer_or_null("cache_write")?,
        output: row.integer("output")?,
        call: row.integer("per_call")?,
    })
}

fn currency(row: &Row) -> Result<CurrencyRecord, RecordsError> {
    Ok(CurrencyRecord {
        code: row.get("code")?,
        credits: row.integer("credits")?,
    })
}

fn group(row: &Row) -> Result<GroupRecord, RecordsError> {
    Ok(GroupRecord {
        name: row.get("name")?,
        multiplier: row.integer("multiplier")?,
    })
}

fn key(row: &Row) -> Result<KeyRecord, RecordsError> {
    Ok(KeyRecord {
        id: row.get("id")?,
        sha256: row.digest("sha256")?,
        hint: row.get("hint")?,
        user: row.get("owner")?,
        instance: row.get("instance")?,
        terms: row.json("terms")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}
