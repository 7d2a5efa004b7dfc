//! The table of keys as text: the commented file that `init` writes, and the page in `docs/`.

use super::{Fallback, Key, TABLE, variables};
use shared::id::ConsumerKey;

/// Columns of a comment.
const WIDTH: usize = 100;

const HEAD: &str = "\
# Countersign. What stands behind a # is the default; `countersign config show` says what holds and why.
# Every key is also a variable (COUNTERSIGN__DATA_SERVICE__LISTEN), and a secret can stand in a file of its own
# (keys_file). Relative paths start at the folder of this file.
";

/// The configuration file of a new installation.
pub(crate) fn file(consumer: Option<&ConsumerKey>, database: Option<&str>) -> String {
    let mut text = String::from(HEAD);
    let mut section = "";
    for key in TABLE {
        let (of, name) = key.name.split_once('.').unwrap_or(("", key.name));
        if of != section {
            section = of;
            text.push_str(&format!("\n[{section}]\n"));
        }
        for line in wrapped(&about(key)) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&line(key, name, consumer, database));
    }
    text
}

fn line(key: &Key, name: &str, consumer: Option<&ConsumerKey>, database: Option<&str>) -> String {
    if let ("database.url", Some(url)) = (key.name, database) {
        return format!("url = {}\n", toml::Value::from(url));
    }
    match (key.name, consumer) {
        ("seal.keys", _) => "keys_file = \"seal.keys\"\n".into(),
        ("frontend.consumer_key", Some(consumer)) => format!("consumer_key = \"{consumer}\"\n"),
        ("frontend.consumer_secret", Some(_)) => "consumer_secret_file = \"frontend.secret\"\n".into(),
        _ => match key.fallback {
            Fallback::Text(value) if value.parse::<i64>().is_ok() || value.parse::<bool>().is_ok() => {
                format!("#{name} = {value}\n")
            }
            Fallback::Text(value) => format!("#{name} = \"{value}\"\n"),
            Fallback::Nothing(words) | Fallback::Made(_, words) => format!("#{name} =        # {words}\n"),
        },
    }
}

fn about(key: &Key) -> String {
    key.about.trim().to_owned()
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + word.len() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The table of `docs/configuration.md`.
pub(crate) fn table() -> String {
    let mut text = String::from("| key | variable | value | default | what |\n|---|---|---|---|---|\n");
    for key in TABLE {
        let default = match key.fallback {
            Fallback::Text(value) => format!("`{value}`"),
            Fallback::Nothing(words) | Fallback::Made(_, words) => words.to_owned(),
        };
        let (name, variable) = (key.name, variables::of_key(key.name));
        text.push_str(&format!("| `{name}` | `{variable}` | {} | {default} | {} |\n", key.kind, about(key)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_key() {
        let page = include_str!("../../../docs/configuration.md");
        assert!(page.ends_with(&table()), "its table must be what `countersign config keys` prints");
    }

    #[test]
    fn the_file_of_a_new_installation_sets_nothing_but_what_was_made() {
        let text = file(Some(&"frontend-1".parse().unwrap()), None);
        let set: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && line.contains('=')).collect();
        let made = [
            "consumer_key = \"frontend-1\"",
            "consumer_secret_file = \"frontend.secret\"",
            "keys_file = \"seal.keys\"",
        ];
        assert_eq!(set, made);
        assert!(toml::de::DeTable::parse(&text).is_ok());
        let uncommented = text.replace("#listen = \"", "listen = \"").replace("#url", "url").replace("#queue", "queue");
        assert!(toml::de::DeTable::parse(&uncommented).is_ok());
    }
}
