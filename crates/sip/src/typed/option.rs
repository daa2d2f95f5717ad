use crate::error::Error;
use crate::header::{Headers, name};

/// Tokens, on one line or on several.
impl Headers {
    /// All tokens of the headers of that name, in their order, as written.
    pub fn tokens(&self, name: &str) -> Result<Vec<String>, Error> {
        let mut tokens = self.elements(name)?;
        tokens.retain(|token| !token.is_empty());
        Ok(tokens)
    }

    /// Whether a header of that name has the token; case makes no difference.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        let all = self.tokens(name).unwrap_or_default();
        all.iter().any(|each| each.eq_ignore_ascii_case(token))
    }

    /// Whether Supported has the option.
    pub fn supports(&self, option: &str) -> bool {
        self.has_token(name::SUPPORTED, option)
    }

    /// Whether Allow has the method.
    pub fn allows(&self, method: &str) -> bool {
        self.has_token(name::ALLOW, method)
    }

    /// What Require asks for beyond `known`: what the Unsupported of a 420 lists.
    pub fn unknown_requirements(&self, known: &[&str]) -> Result<Vec<String>, Error> {
        let mut required = self.tokens(name::REQUIRE)?;
        required.retain(|option| !known.iter().any(|known| known.eq_ignore_ascii_case(option)));
        Ok(required)
    }
}
