//! Values before anybody knows what they mean.

use toml::de::DeValue;

/// A value as it stands in its layer.
pub(super) enum Raw {
    /// Nobody said anything.
    Nothing,
    /// A text from the file.
    Text(String),
    /// A whole number from the file.
    Number(i64),
    /// A list of texts from the file.
    List(Vec<String>),
    /// A text that stands for anything: a variable, an option, a default. Lists are separated by commas.
    Loose(String),
    /// True or false from the file.
    Flag(bool),
    /// Something that no setting is; the words name it.
    Other(&'static str),
}

impl Raw {
    pub(super) fn from_toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix());
                parsed.map_or(Self::Other("a number that is too large"), Self::Number)
            }
            DeValue::Array(items) => {
                let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
                texts.collect::<Option<_>>().map_or(Self::Other("a list of something else than texts"), Self::List)
            }
            DeValue::Float(_) => Self::Other("a number with a fraction"),
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::Datetime(_) => Self::Other("a date"),
            DeValue::Table(_) => Self::Other("a section"),
        }
    }

    fn is(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Text(_) | Self::Loose(_) => "a text",
            Self::Number(_) => "a number",
            Self::List(_) => "a list",
            Self::Flag(_) => "true or false",
            Self::Other(words) => words,
        }
    }

    /// One text.
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) | Self::Loose(text) => Ok(text),
            other => Err(format!("must be a text in quotes, and is {}", other.is())),
        }
    }

    /// One whole number.
    pub(super) fn number(&self) -> Result<i64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Loose(text) => text.trim().parse().map_err(|_| "must be a whole number".into()),
            other => Err(format!("must be a whole number, and is {}", other.is())),
        }
    }

    /// True or false.
    pub(super) fn flag(&self) -> Result<bool, String> {
        match self {
            Self::Flag(flag) => Ok(*flag),
            Self::Loose(text) => text.trim().parse().map_err(|_| "must be true or false".into()),
            other => Err(format!("must be true or false without quotes, and is {}", other.is())),
        }
    }

    /// Any number of texts.
    pub(super) fn list(&self) -> Result<Vec<&str>, String> {
        match self {
            Self::Nothing => Ok(Vec::new()),
            Self::List(items) => Ok(items.iter().map(String::as_str).collect()),
            Self::Loose(text) => Ok(text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()).collect()),
            other => Err(format!("must be a list of texts, and is {}", other.is())),
        }
    }
}
