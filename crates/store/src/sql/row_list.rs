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
/// `head` may hold placeholders (`$1` to `$fixed`); `row` holds a `?` for each of its values.
#[derive(Debug)]
pub(crate) struct RowList {
    head: &'static str,
    fixed: usize,
    row: &'static str,
    separator: &'static str,
    tail: &'static str,
    texts: OnceLock<[&'static str; SIZES.len()]>,
}

impl RowList {
    /// `INSERT … VALUES (…), (…) …`
    pub(crate) const fn values(head: &'static str, row: &'static str, tail: &'static str) -> Self {
        Self { head, fixed: 0, row, separator: ", ", tail, texts: OnceLock::new() }
    }

    /// `… IN (?, ?) …`
    pub(crate) const fn keys(head: &'static str, fixed: usize, tail: &'static str) -> Self {
        Self { head, fixed, row: "?", separator: ", ", tail, texts: OnceLock::new() }
    }

    /// `… WHERE (… row …) OR (… row …) …`: row values in IN lists are written differently by the two engines.
    pub(crate) const fn any(head: &'static str, row: &'static str, tail: &'static str) -> Self {
        Self { head, fixed: 0, row, separator: " OR ", tail, texts: OnceLock::new() }
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
        let mut text = self.head.to_owned();
        let mut number = self.fixed;
        for row in 0..size {
            if row > 0 {
                text.push_str(self.separator);
            }
            for part in self.row.split_inclusive('?') {
                match part.strip_suffix('?') {
                    Some(before) => {
                        number += 1;
                        text.push_str(before);
                        text.push_str(&format!("${number}"));
                    }
                    None => text.push_str(part),
                }
            }
        }
        text + self.tail
    }
}

#[cfg(test)]
mod tests {
    use super::RowList;

    #[test]
    fn texts_number_their_placeholders() {
        let list = RowList::values("INSERT INTO t (a, b) VALUES ", "(?, ?)", " RETURNING a");
        let [_, _, four, one] = *list.texts();
        assert_eq!(one, "INSERT INTO t (a, b) VALUES ($1, $2) RETURNING a");
        assert_eq!(four, "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4), ($5, $6), ($7, $8) RETURNING a");
        let keys = RowList::keys("UPDATE t SET a = $1 WHERE b IN (", 1, ")");
        assert_eq!(keys.texts()[3], "UPDATE t SET a = $1 WHERE b IN ($2)");
    }

    #[test]
    fn rows_are_split_into_fixed_sizes() {
        let list = RowList::keys("", 0, "");
        let rows = [0; 150];
        let sizes: Vec<usize> = list.exact(&rows).map(|(_, chunk)| chunk.len()).collect();
        assert_eq!(sizes, [64, 64, 16, 4, 1, 1]);
        assert_eq!(list.exact::<u8>(&[]).count(), 0);
    }
}
