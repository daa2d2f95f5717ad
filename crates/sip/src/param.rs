use std::borrow::Cow;
use std::fmt;

use crate::error::Error;
use crate::scan::{Scan, unquoted};

/// Parameters of a header (`;name=value;name`) in their order; names compare without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<Param>);

/// One parameter as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// The name as written.
    pub name: String,
    /// The value as written, with its quotation marks if it had some; `None` when there was no `=`.
    pub value: Option<String>,
}

impl Params {
    /// Reads parameters from where a `;` stands or the text ends.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut scan = Scan::new(text);
        let params = Self::scan(&mut scan)?;
        scan.done("a semicolon or the end")?;
        Ok(params)
    }

    /// Takes `;name[=value]` as often as it comes. Semicolons with nothing behind them are passed over, and a value may
    /// be empty, as some peers write it.
    pub(crate) fn scan(scan: &mut Scan<'_>) -> Result<Self, Error> {
        let mut params = Vec::new();
        while scan.skip_space().eat(b';') {
            if matches!(scan.skip_space().peek(), None | Some(b';')) {
                continue;
            }
            params.push(Self::one(scan)?);
        }
        Ok(Self(params))
    }

    fn one(scan: &mut Scan<'_>) -> Result<Param, Error> {
        let name = scan.token("a parameter's name")?.to_owned();
        if !scan.skip_space().eat(b'=') {
            return Ok(Param { name, value: None });
        }
        let value = match scan.skip_space().peek() {
            Some(b'"') => scan.quoted()?,
            _ => scan.take(|byte| byte > b' ' && !matches!(byte, b';' | b'"' | b',' | 0x7f)),
        };
        Ok(Param { name, value: Some(value.to_owned()) })
    }

    /// All of them in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Param> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a parameter of that name is there, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.named(name).next().is_some()
    }

    /// The first value of that name as written; an empty one (`name=`) is none.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.named(name).find_map(|param| param.value.as_deref().filter(|value| !value.is_empty()))
    }

    /// The first value of that name, out of its quotation marks.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.raw(name).map(unquoted)
    }

    /// The first value of that name, if it is a number; one that does not fit is the largest.
    pub fn number(&self, name: &str) -> Option<u32> {
        let value = self.get(name)?;
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| value.parse().unwrap_or(u32::MAX))
    }

    /// The others than those of that name.
    pub(crate) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|param| !param.name.eq_ignore_ascii_case(name)).cloned().collect())
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Param> {
        self.0.iter().filter(move |param| param.name.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Param { name, value } in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}
