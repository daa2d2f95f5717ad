use std::sync::OnceLock;

use crate::engine::{Connection, Engine, Query, Row, query};

/// How many rows a text may carry, falling.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// The texts of one engine, one for each size.
type Texts = [&'static str; SIZES.len()];

/// One statement for many rows, as a few static texts of fixed sizes so that prepared statements stay few.
///
/// `head` and `row` hold a `?` for each value, in the order in which they are bound. SQLite takes the texts
/// so: it finds a numbered placeholder by linear search, which takes half of all time with hundreds of them.
/// For PostgreSQL they are numbered in this order.
#[derive(Debug)]
pub(crate) struct RowList {
    head: &'static str,
    row: Shape,
    tail: &'static str,
    sqlite: OnceLock<Texts>,
    postgres: OnceLock<Texts>,
}

#[derive(Debug)]
enum Shape {
    /// As it stands.
    Plain(&'static str),
    /// Keys with columns of these types, which PostgreSQL does not find out by itself.
    Typed(&'static [&'static str]),
}

impl RowList {
    /// `INSERT … VALUES (…), (…) …`
    pub(crate) const fn values(head: &'static str, row: &'static str, tail: &'static str) -> Self {
        Self::new(head, Shape::Plain(row), tail)
    }

    /// `… IN (?, ?) …`
    pub(crate) const fn keys(head: &'static str, tail: &'static str) -> Self {
        Self::new(head, Shape::Plain("?"), tail)
    }

    /// `… FROM (VALUES (?, ?), (?, ?)) k CROSS JOIN …`, where `k` has `column1` and so on: each key is looked up in its
    /// index. Given as alternatives, keys make PostgreSQL read the whole table as long as it takes it for a small one; and
    /// SQLite takes CROSS JOIN for the order.
    pub(crate) const fn rows(head: &'static str, types: &'static [&'static str], tail: &'static str) -> Self {
        Self::new(head, Shape::Typed(types), tail)
    }

    const fn new(head: &'static str, row: Shape, tail: &'static str) -> Self {
        Self { head, row, tail, sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    /// Runs the statement for exactly these rows; `fixed` binds the head's values.
    pub(crate) async fn execute<T>(
        &self,
        sql: &mut Connection,
        rows: &[T],
        fixed: impl Fn(Query) -> Query,
        bind: impl Fn(Query, &T) -> Query,
    ) -> Result<(), sqlx::Error> {
        for (text, chunk) in exact(self.texts(sql), rows) {
            let begun = query(text).reserve(self.arity(chunk.len()));
            chunk.iter().fold(fixed(begun), &bind).execute(&mut *sql).await?;
        }
        Ok(())
    }

    /// Runs a writing statement for exactly these rows and gives what it returns.
    pub(crate) async fn returning<T>(
        &self,
        sql: &mut Connection,
        rows: &[T],
        bind: impl Fn(Query, &T) -> Query,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let mut found = Vec::with_capacity(rows.len());
        for (text, chunk) in exact(self.texts(sql), rows) {
            let begun = query(text).reserve(self.arity(chunk.len()));
            found.extend(chunk.iter().fold(begun, &bind).fetch_all(&mut *sql).await?);
        }
        Ok(found)
    }

    /// Reads what these keys name; a key is asked for several times rather than run a further statement, and a row may
    /// then come several times.
    pub(crate) async fn fetch<T>(
        &self,
        sql: &mut Connection,
        keys: &[T],
        bind: impl Fn(Query, &T) -> Query,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(SIZES[0]) {
            let at = (0..SIZES.len()).rev().find(|at| SIZES[*at] >= chunk.len()).unwrap_or(0);
            let padded = chunk.iter().chain(chunk.last().into_iter().cycle()).take(SIZES[at]);
            let begun = query(self.texts(sql)[at]).reserve(self.arity(SIZES[at]));
            found.extend(padded.fold(begun, &bind).fetch_all(&mut *sql).await?);
        }
        Ok(found)
    }

    /// The texts for an engine, one for each size.
    pub(crate) fn texts<S, P>(&self, engine: &Engine<S, P>) -> &Texts {
        match engine {
            Engine::Sqlite(_) => self.sqlite.get_or_init(|| SIZES.map(|size| &*self.text(size, "").leak())),
            Engine::Postgres(_) => {
                self.postgres.get_or_init(|| SIZES.map(|size| &*numbered(&self.text(size, "::")).leak()))
            }
        }
    }

    /// How many values so many rows take, the head's included.
    fn arity(&self, rows: usize) -> usize {
        let of = |text: &str| text.matches('?').count();
        let row = match &self.row {
            Shape::Plain(row) => of(row),
            Shape::Typed(types) => types.len(),
        };
        of(self.head) + rows * row
    }

    /// `cast` stands between a placeholder and its type, where the engine wants to be told.
    fn text(&self, size: usize, cast: &str) -> String {
        let Self { head, row, tail, .. } = self;
        let types = match row {
            Shape::Plain(row) => return format!("{head}{}{tail}", vec![*row; size].join(", ")),
            Shape::Typed(types) => types,
        };
        let told = |kind: &&str| if cast.is_empty() { "?".to_owned() } else { format!("?{cast}{kind}") };
        let row = format!("({})", types.iter().map(told).collect::<Vec<_>>().join(", "));
        format!("{head} (VALUES {}) k {tail}", vec![&*row; size].join(", "))
    }
}

/// Splits rows into the sizes that there are texts for.
fn exact<'a, T>(texts: &'a Texts, rows: &'a [T]) -> impl Iterator<Item = (&'static str, &'a [T])> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let at = SIZES.iter().position(|size| *size <= rest.len())?;
        let (chunk, after) = rest.split_at(SIZES[at]);
        rest = after;
        Some((texts[at], chunk))
    })
}

/// `$1, $2` for `?, ?`.
fn numbered(text: &str) -> String {
    let mut parts = text.split('?');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.zip(1..).fold(first, |numbered, (part, number)| format!("{numbered}${number}{part}"))
}

#[cfg(test)]
mod tests {
    use super::{RowList, SIZES, exact, numbered};

    #[test]
    fn texts_repeat_their_row() {
        let list = RowList::values("INSERT INTO t (a, b) VALUES ", "(?, ?)", " RETURNING a");
        assert_eq!(list.text(1, ""), "INSERT INTO t (a, b) VALUES (?, ?) RETURNING a");
        assert_eq!(list.text(2, ""), "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) RETURNING a");
        assert_eq!(numbered(&list.text(2, "")), "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) RETURNING a");
        assert_eq!(list.arity(3), 6);
        let list = RowList::rows("SELECT * FROM", &["BIGINT", "TEXT"], "CROSS JOIN t WHERE t.a = k.column1");
        assert_eq!(list.text(1, ""), "SELECT * FROM (VALUES (?, ?)) k CROSS JOIN t WHERE t.a = k.column1");
        assert!(list.text(1, "::").contains("(VALUES (?::BIGINT, ?::TEXT)) k"));
        assert_eq!(list.arity(3), 6);
    }

    #[test]
    fn rows_are_split_into_fixed_sizes() {
        let texts = [""; SIZES.len()];
        let rows = [0; 150];
        let sizes: Vec<usize> = exact(&texts, &rows).map(|(_, chunk)| chunk.len()).collect();
        assert_eq!(sizes, [64, 64, 16, 4, 1, 1]);
        assert_eq!(exact::<u8>(&texts, &[]).count(), 0);
    }
}
