use super::Redactor;

/// The schemes that addresses of people come with.
const SCHEMES: &[&str] = &["sip:", "sips:", "im:", "xmpp:", "mailto:"];
/// Fields of log lines that hold such an address. Any other `NAME=` may be the beginning of one.
const FIELDS: &[&str] =
    &["account=", "address=", "contact=", "from=", "jid=", "peer=", "to=", "user=", "who=", "whose="];

impl Redactor {
    /// Text without a space: an address of a person, with whatever touches it, or something else.
    pub(super) fn token(&mut self, token: &str) -> String {
        let url = token.contains("://");
        let several = token.split_inclusive([',', ';']);
        if !url && several.clone().all(|one| at(one).is_some()) {
            return several.map(|one| self.one(one, url)).collect();
        }
        self.one(token, url)
    }

    fn one(&mut self, token: &str, url: bool) -> String {
        let Some((at, sign)) = at(token) else { return self.words(token) };
        let (head, tail) = (&token[..at], &token[at + sign.len()..]);
        let (lead, user) = user(head);
        let (domain, rest) = tail.split_at(tail.find(|c| !in_domain(c)).unwrap_or(tail.len()));
        let lead = self.words(lead);
        let who = self.number(user, domain);
        let domain = self.words(domain);
        // Of an address, not of a URL, that is the name of a device.
        let rest = if rest.starts_with('/') && !url { "/…".to_owned() } else { self.words(rest) };
        format!("{lead}{who}{sign}{domain}{rest}")
    }

    fn number(&mut self, user: &str, domain: &str) -> String {
        if user.is_empty() {
            return String::new();
        }
        let key = format!("{}@{}", user.to_lowercase(), domain.trim_end_matches('.').to_lowercase());
        let next = self.users.len() + 1;
        let number = *self.users.entry(key).or_insert(next);
        format!("user-{number}")
    }
}

/// Where the last `@` is, and how it is written.
fn at(token: &str) -> Option<(usize, &'static str)> {
    ["@", "%40", "\\u0040"].into_iter().find_map(|sign| Some((token.rfind(sign)?, sign)))
}

/// Splits what stands before an `@` into what surely is no part of a person, and what may be.
fn user(head: &str) -> (&str, &str) {
    let schemes = SCHEMES.iter().filter_map(|scheme| Some(begin(head, scheme)? + scheme.len()));
    let end = head.find("://").map(|at| at + "://".len()).or(schemes.max());
    if let Some((lead, user)) = end.map(|end| head.split_at(end)).filter(|(_, user)| !user.is_empty()) {
        return if at(lead).is_none() { (lead, user) } else { ("", head) };
    }
    let user = unwrapped(head);
    let field = FIELDS.iter().find_map(|field| user.strip_prefix(field));
    let user = field.map_or(user, unwrapped);
    if user.is_empty() { ("", head) } else { head.split_at(head.len() - user.len()) }
}

/// Where a scheme begins that is not the end of a longer word.
fn begin(head: &str, scheme: &str) -> Option<usize> {
    // Of the same length, unlike other ways to lower letters.
    let at = head.to_ascii_lowercase().rfind(scheme)?;
    (!head[..at].ends_with(char::is_alphanumeric)).then_some(at)
}

fn unwrapped(text: &str) -> &str {
    text.trim_start_matches(['(', '[', '{', '\'', '`'])
}

fn in_domain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_')
}
