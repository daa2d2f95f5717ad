use sqlx::{
    Arguments, Encode, Error, Postgres, Sqlite, Type, postgres::PgArguments, query::Query as Sqlx,
    sqlite::SqliteArguments,
};

use super::{Place, Row, Value};
use crate::fault;

/// A statement and its values.
#[derive(Debug, Clone)]
#[must_use = "a statement does nothing until it is run"]
pub(crate) struct Query {
    text: &'static str,
    values: Vec<Value>,
}

/// Begins a statement.
pub(crate) fn query(text: &'static str) -> Query {
    Query { text, values: Vec::new() }
}

/// Runs a statement where it belongs and shows its rows as ours.
macro_rules! run {
    ($query:ident.$method:ident($place:ident), $row:ident => $sqlite:expr, $postgres:expr) => {
        match $place {
            Place::Sqlite(on) => $query.sqlite()?.$method(on).await.map(|$row| $sqlite),
            Place::SqlitePool(on) => on.noted($query.sqlite()?.$method(&on.pool).await).map(|$row| $sqlite),
            Place::Postgres(on) => $query.postgres()?.$method(on).await.map(|$row| $postgres),
            Place::PostgresPool(on) => {
                let mut done = $query.clone().postgres()?.$method(on).await;
                // Read anew what a session was asked that has just ended: the next one is another.
                if done.as_ref().is_err_and(fault::is_lost) {
                    done = $query.postgres()?.$method(on).await;
                }
                done.map(|$row| $postgres)
            }
        }
    };
}

impl Query {
    /// The next value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Makes place for so many values at once.
    pub(crate) fn reserve(mut self, values: usize) -> Self {
        self.values.reserve_exact(values);
        self
    }

    /// Gives how many rows were changed.
    pub(crate) async fn execute<'c>(self, place: impl Into<Place<'c>>) -> Result<u64, Error> {
        let place = place.into();
        run!(self.execute(place), done => done.rows_affected(), done.rows_affected())
    }

    pub(crate) async fn fetch_one<'c>(self, place: impl Into<Place<'c>>) -> Result<Row, Error> {
        let place = place.into();
        run!(self.fetch_one(place), row => Row::Sqlite(row), Row::Postgres(row))
    }

    pub(crate) async fn fetch_optional<'c>(self, place: impl Into<Place<'c>>) -> Result<Option<Row>, Error> {
        let place = place.into();
        run!(self.fetch_optional(place), row => row.map(Row::Sqlite), row.map(Row::Postgres))
    }

    pub(crate) async fn fetch_all<'c>(self, place: impl Into<Place<'c>>) -> Result<Vec<Row>, Error> {
        let place = place.into();
        run!(
            self.fetch_all(place),
            rows => rows.into_iter().map(Row::Sqlite).collect(),
            rows.into_iter().map(Row::Postgres).collect()
        )
    }

    fn sqlite(self) -> Result<Sqlx<'static, Sqlite, SqliteArguments>, Error> {
        Ok(sqlx::query_with(self.text, arguments(self.values)?))
    }

    fn postgres(self) -> Result<Sqlx<'static, Postgres, PgArguments>, Error> {
        Ok(sqlx::query_with(self.text, arguments(self.values)?))
    }
}

/// The one place where values are bound.
fn arguments<A: Arguments>(values: Vec<Value>) -> Result<A, Error>
where
    for<'v> Option<i64>: Encode<'v, A::Database> + Type<A::Database>,
    for<'v> Option<bool>: Encode<'v, A::Database> + Type<A::Database>,
    for<'v> Option<String>: Encode<'v, A::Database> + Type<A::Database>,
    for<'v> Option<Vec<u8>>: Encode<'v, A::Database> + Type<A::Database>,
    for<'v> Option<uuid::Uuid>: Encode<'v, A::Database> + Type<A::Database>,
{
    let mut arguments = A::default();
    arguments.reserve(values.len(), values.len() * size_of::<Value>());
    for value in values {
        let added = match value {
            Value::Int(value) => arguments.add(value),
            Value::Bool(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
            Value::Uuid(value) => arguments.add(value),
        };
        added.map_err(Error::Encode)?;
    }
    Ok(arguments)
}
