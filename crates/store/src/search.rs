use trunkline_model::{Address, Profile};

use crate::{Account, Store, StoreError, engine::query, sql::account as sql};

/// Matches nothing: what is searched is empty or begins with a space.
const NEVER: &str = "!";

/// Which fields a directory search looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchField {
    /// Display name.
    Name,
    /// E-mail and address.
    Email,
    /// Work and mobile phone, digits only.
    Phone,
    /// All of them.
    Any,
}

impl Store {
    /// Enabled accounts (of one domain) with a word that begins with the term, in any letter case, by name;
    /// up to `limit` + 1 of them, so that the caller sees whether there are more.
    pub async fn search(
        &self,
        domain: Option<&str>,
        term: &str,
        field: SearchField,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let wants = |one| field == one || field == SearchField::Any;
        let text = pattern(&folded_term(term));
        let digits = pattern(&digits(term));
        let or_never = |wanted: bool, pattern: &Option<String>| {
            pattern.clone().filter(|_| wanted).unwrap_or_else(|| NEVER.to_owned())
        };
        let rows = query(sql::SEARCH)
            .bind(domain.unwrap_or_default().to_lowercase())
            .bind(or_never(wants(SearchField::Name), &text))
            .bind(or_never(wants(SearchField::Email), &text))
            .bind(or_never(wants(SearchField::Phone), &digits))
            .bind(i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX))
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(Account::read).collect()
    }
}

/// What the directory search looks at: folded texts with a space before every place where a term may begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
}

impl Found {
    pub(crate) fn of(address: &Address, profile: &Profile) -> Self {
        let name = if profile.display_name.is_empty() { address.local() } else { &profile.display_name };
        Self {
            name: folded(name),
            email: folded(address.bare()) + &folded(&profile.email),
            phone: folded_phone(&profile.work_phone) + &folded_phone(&profile.mobile_phone),
        }
    }
}

/// `Anne-Marie O'Neil` becomes ` anne-marie o'neil marie neil`: the whole text, then what follows a joint in
/// a word.
fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let whole: String = words.iter().flat_map(|word| [" ", word]).collect();
    words.iter().fold(whole, |mut folded, word| {
        for (at, joint) in word.char_indices().filter(|(_, c)| !c.is_alphanumeric()) {
            let rest = &word[at + joint.len_utf8()..];
            if rest.starts_with(char::is_alphanumeric) {
                folded.push(' ');
                folded.push_str(rest);
            }
        }
        folded
    })
}

/// `+49 (30) 12-34` becomes ` 49301234 301234 1234 34`: people type a number with or without its prefixes.
fn folded_phone(text: &str) -> String {
    let starts = text.char_indices().filter(|(at, c)| {
        c.is_ascii_digit() && !text[..*at].ends_with(|before: char| before.is_ascii_digit())
    });
    starts.map(|(at, _)| format!(" {}", digits(&text[at..]))).collect()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn folded_term(term: &str) -> String {
    let words: Vec<String> = term.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

/// A LIKE pattern for words that begin with the term; `None` for an empty term.
fn pattern(term: &str) -> Option<String> {
    if term.is_empty() {
        return None;
    }
    let mut pattern = "% ".to_owned();
    for c in term.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    Some(pattern)
}

#[cfg(test)]
mod tests {
    use super::{folded, folded_phone, pattern};

    #[test]
    fn every_word_begins_after_a_space() {
        assert_eq!(folded("  Anne-Marie  O'Neil "), " anne-marie o'neil marie neil");
        assert_eq!(
            folded("Bob.Smith@Example.test"),
            " bob.smith@example.test smith@example.test example.test test"
        );
        assert_eq!(folded("ÄRGER"), " ärger");
        assert_eq!(folded(""), "");
        assert_eq!(folded_phone("+49 (30) 12-34"), " 49301234 301234 1234 34");
    }

    #[test]
    fn wildcards_are_taken_literally() {
        assert_eq!(pattern("50%_\\"), Some("% 50\\%\\_\\\\%".to_owned()));
        assert_eq!(pattern(""), None);
    }
}
