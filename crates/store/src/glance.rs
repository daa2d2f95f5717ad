use crate::{
    Counts, Database, KeyId, StoreError, about, count,
    engine::{Connection, Place},
    hold, key, migration,
};

/// What a database holds, by a look that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// The version of its schema.
    pub schema: i64,
    /// The version that this program brings it to.
    pub known: i64,
    /// The master key that it is under, where it says so.
    pub key: Option<KeyId>,
    /// Name and version of the SQL engine.
    pub engine: String,
    /// Bytes that it takes; for SQLite without its log.
    pub size: u64,
    /// Its rows; absent where the schema is not this program's.
    pub counts: Option<Counts>,
}

/// Looks at a database beside whoever uses it; opens, migrates and tidies nothing. `None` when there is none yet,
/// [`StoreError::TooNew`] when a newer program has changed its schema.
pub async fn glance(database: &Database) -> Result<Option<Glance>, StoreError> {
    let Some(mut connection) = hold::snapshot(database).await? else { return Ok(None) };
    let seen = look(&mut connection).await;
    // What it says at the end of a connection that only reads does not count.
    drop(connection.close().await);
    seen
}

async fn look(connection: &mut Connection) -> Result<Option<Glance>, StoreError> {
    let Some(schema) = migration::version(connection).await? else { return Ok(None) };
    let known = migration::newest();
    if schema > known {
        return Err(StoreError::TooNew { found: schema, known });
    }
    let key = key::in_force(connection).await?;
    let mut place = Place::from(connection);
    let engine = about::engine(place.again()).await?;
    let size = about::size(place.again()).await?;
    let counts = if schema == known { Some(count::counts(place).await?) } else { None };
    Ok(Some(Glance { schema, known, key, engine, size, counts }))
}
