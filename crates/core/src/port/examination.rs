use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One step on the way to something that must work, as `trunkline doctor` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// One word, e.g. `dns`, `tls`.
    pub name: Cow<'static, str>,
    /// How it went.
    #[serde(flatten)]
    pub finding: Finding,
}

/// How a [`Step`] went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "camelCase")]
pub enum Finding {
    /// As it should be.
    Good {
        /// What was seen.
        seen: String,
    },
    /// It works, but hardly as intended.
    Doubtful {
        /// What was seen.
        seen: String,
        /// What to do about it.
        attempt: String,
    },
    /// It does not work.
    Bad(Trouble),
    /// Not tried.
    NotTried {
        /// Why not.
        why: String,
    },
}

/// What is wrong, for somebody who has never seen it before. No field holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What should have been there.
    pub expected: String,
    /// What was there.
    pub seen: String,
    /// The likely cause.
    pub likely: String,
    /// The command or the act to try.
    pub attempt: String,
}

impl Step {
    /// A step that went well.
    pub fn good(name: impl Into<Cow<'static, str>>, seen: impl Into<String>) -> Self {
        Self { name: name.into(), finding: Finding::Good { seen: seen.into() } }
    }

    /// A step that went well enough.
    pub fn doubtful(
        name: impl Into<Cow<'static, str>>,
        seen: impl Into<String>,
        attempt: impl Into<String>,
    ) -> Self {
        Self { name: name.into(), finding: Finding::Doubtful { seen: seen.into(), attempt: attempt.into() } }
    }

    /// A step that failed.
    pub fn bad(name: impl Into<Cow<'static, str>>, trouble: Trouble) -> Self {
        Self { name: name.into(), finding: Finding::Bad(trouble) }
    }

    /// A step that was not taken.
    pub fn not_tried(name: impl Into<Cow<'static, str>>, why: impl Into<String>) -> Self {
        Self { name: name.into(), finding: Finding::NotTried { why: why.into() } }
    }

    /// Whether the step failed.
    pub fn failed(&self) -> bool {
        matches!(self.finding, Finding::Bad(_))
    }
}
