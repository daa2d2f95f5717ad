use std::sync::OnceLock;

use sqlx::{
    Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

/// A query on its way to get its values.
pub(crate) type Binding = Query<'static, Sqlite, SqliteArguments>;

/// How many rows a text may carry, falling.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// One statement for many rows, as a few static texts of fixed sizes so that prepared statements stay few.
///
/// `head` and `row` hold a `?` for each value, in the order in which they are bound. SQLite takes the texts
/// so: it finds a numbered placeholder by linear search, which takes half of all time with hundreds of them.
/// For PostgreSQL they are to be numbered in this order.
#[derive(Debug)]
pub(crate) struct RowList {
    head: &'static str,
    row: &'static str,
    separator: &'static str,
    tail: &'static str,
    texts: OnceLock<[&'static str; SIZES.len()]>,
}

impl RowList {
    /// `INSERT … VALUES (…), (…) …`
    pub(crate) const fn values(head: &'static str, row: &'static str, tail: &'static str) -> Self {
        Self { head, row, separator: ", ", tail, texts: OnceLock::new() }
    }

    /// `… IN (?, ?) …`
    pub(crate) const fn keys(head: &'static str, tail: &'static str) -> Self {
        Self { head, row: "?", separator: ", ", tail, texts: OnceLock::new() }
    }

    /// `… WHERE (… row …) OR (… row …) …`: the engines write row values in IN lists differently.
    pub(crate) const fn any(head: &'static str, row: &'static str, tail: &'static str) -> Self {
        Self { head, row, separator: " OR ", tail, texts: OnceLock::new() }
    }

    /// Runs the statement for exactly these rows; `fixed` binds the head's values.
    pub(crate) async fn execute<T>(
        &self,
        sql: &mut SqliteConnection,
        rows: &[T],
        fixed: impl Fn(Binding) -> Binding,
        bind: impl Fn(Binding, &T) -> Binding,
    ) -> Result<(), sqlx::Error> {
        for (text, chunk) in self.exact(rows) {
            let query = chunk.iter().fold(fixed(sqlx::query(text)), &bind);
            query.execute(&mut *sql).await?;
        }
        Ok(())
    }

    /// Runs a writing statement for exactly these rows and gives what it returns.
    pub(crate) async fn returning<T>(
        &self,
        sql: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(Binding, &T) -> Binding,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut found = Vec::with_capacity(rows.len());
        for (text, chunk) in self.exact(rows) {
            found.extend(chunk.iter().fold(sqlx::query(text), &bind).fetch_all(&mut *sql).await?);
        }
        Ok(found)
    }

    /// Reads what these keys name; a key is asked for several times rather than run a further statement.
    pub(crate) async fn fetch<T>(
        &self,
        sql: &mut SqliteConnection,
        keys: &[T],
        bind: impl Fn(Binding, &T) -> Binding,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(SIZES[0]) {
            let at = (0..SIZES.len()).rev().find(|at| SIZES[*at] >= chunk.len()).unwrap_or(0);
            let padded = chunk.iter().chain(chunk.last().into_iter().cycle()).take(SIZES[at]);
            found.extend(padded.fold(sqlx::query(self.texts()[at]), &bind).fetch_all(&mut *sql).await?);
        }
        Ok(found)
    }

    /// The texts, one for each size.
    pub(crate) fn texts(&self) -> &[&'static str; SIZES.len()] {
        self.texts.get_or_init(|| SIZES.map(|size| &*self.text(size).leak()))
    }

    fn exact<'a, T>(&'a self, rows: &'a [T]) -> impl Iterator<Item = (&'static str, &'a [T])> {
        let mut rest = rows;
        std::iter::from_fn(move || {
            let at = SIZES.iter().position(|size| *size <= rest.len())?;
            let (chunk, after) = rest.split_at(SIZES[at]);
            rest = after;
            Some((self.texts()[at], chunk))
        })
    }

    fn text(&self, size: usize) -> String {
        format!("{}{}{}", self.head, vec![self.row; size].join(self.separator), self.tail)
    }
}

#[cfg(test)]
mod tests {
    use super::RowList;

    #[test]
    fn texts_repeat_their_row() {
        let list = RowList::values("INSERT INTO t (a, b) VALUES ", "(?, ?)", " RETURNING a");
        let [_, _, four, one] = *list.texts();
        assert_eq!(one, "INSERT INTO t (a, b) VALUES (?, ?) RETURNING a");
        assert_eq!(four, "INSERT INTO t (a, b) VALUES (?, ?), (?, ?), (?, ?), (?, ?) RETURNING a");
    }

    #[test]
    fn rows_are_split_into_fixed_sizes() {
        let list = RowList::keys("", "");
        let rows = [0; 150];
        let sizes: Vec<usize> = list.exact(&rows).map(|(_, chunk)| chunk.len()).collect();
        assert_eq!(sizes, [64, 64, 16, 4, 1, 1]);
        assert_eq!(list.exact::<u8>(&[]).count(), 0);
    }
}
