//! One thing that is wrong.

/// One thing that is wrong with a request, or worth knowing about it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cause {
    /// A stable word for programs.
    pub code: String,
    /// Sentences for people.
    pub detail: String,
    /// What the client sent or signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What the server expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// True if this alone refuses nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub note: bool,
}

impl Cause {
    pub(super) fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.into(), detail: detail.into(), found: None, expected: None, note: false }
    }

    /// Something that refuses nothing.
    pub(super) fn note(code: &str, detail: impl Into<String>) -> Self {
        Self { note: true, ..Self::new(code, detail) }
    }

    pub(super) fn found(self, found: impl Into<String>) -> Self {
        Self { found: Some(found.into()), ..self }
    }

    pub(super) fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }
}
