//! The layers a value can come from: the file, above it the environment, above that the command line.
//!
//! A secret may stand in a file of its own: `seal.keys_file` in the file, `COUNTERSIGN__SEAL__KEYS_FILE` in the
//! environment. A layer that says both is refused, and a higher layer replaces both.

use super::origin::Origin;
use super::problem::Problems;
use super::raw::Raw;
use super::reader::Reader;
use super::{TABLE, variables};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// What the configuration file in a folder is called.
pub(crate) const FILE: &str = "countersign.toml";
/// What a secret's key is called when it names a file.
const IN_FILE: &str = "_file";
/// Bytes that others might read or write.
const OTHERS: u32 = 0o077;

/// What was said about a key.
pub(super) struct Given {
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

/// Keys and what one layer says about them.
pub(super) type Layer = BTreeMap<String, Given>;

/// What the command line says about a key.
pub(crate) struct Override {
    /// The key.
    pub(crate) key: &'static str,
    /// The option.
    pub(crate) option: &'static str,
    /// Its value.
    pub(crate) value: String,
}

/// All layers, settled and put above each other.
pub(super) fn read(
    file: &Path,
    environment: impl Iterator<Item = (OsString, OsString)>,
    overrides: &[Override],
) -> Reader {
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    let mut problems = Problems::default();
    let (mut below, mut above, mut top) = (Layer::default(), Layer::default(), Layer::default());
    read_file(&path, &mut below, &mut problems);
    variables::read(environment, &mut above);
    for Override { key, option, value } in overrides {
        top.insert((*key).into(), Given { raw: Raw::Loose(value.clone()), origin: Origin::CommandLine(option) });
    }
    keep_private(&path, &below, &mut problems);
    let mut given = Layer::default();
    for mut layer in [top, above, below] {
        leave_out(&mut layer, &given);
        for (key, value) in settle(layer, &folder, &mut problems) {
            given.entry(key).or_insert(value);
        }
    }
    Reader::new(folder, given, problems)
}

fn read_file(path: &Path, layer: &mut Layer, problems: &mut Problems) {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return problems.say(format!("{}: {error}", path.display())),
    };
    let line = |start: usize| text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
    match DeTable::parse(&text) {
        Ok(table) => flatten("", table.get_ref(), &|start| Origin::File(path.to_owned(), line(start)), layer),
        Err(error) => {
            // Not the error's own picture of the line: a secret may stand there.
            let line = error.span().map_or(1, |span| line(span.start));
            problems.say(format!("{}:{line}: {}", path.display(), error.message()));
        }
    }
}

/// Tables become dotted keys. An empty table under no known section is kept, so that it is refused like a key.
fn flatten(prefix: &str, table: &DeTable<'_>, origin: &dyn Fn(usize) -> Origin, layer: &mut Layer) {
    for (name, value) in table {
        let key = [prefix, name.get_ref()].concat();
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => flatten(&format!("{key}."), inner, origin, layer),
            DeValue::Table(_) if TABLE.iter().any(|known| known.name.starts_with(&format!("{key}."))) => {}
            value => {
                layer.insert(key, Given { raw: Raw::from_toml(value), origin: origin(name.span().start) });
            }
        }
    }
}

/// A configuration file that holds a secret is for its owner alone.
fn keep_private(path: &Path, layer: &Layer, problems: &mut Problems) {
    let secret = TABLE.iter().find(|key| layer.get(key.name).is_some_and(|given| (key.is_secret)(&given.raw)));
    if let (Some(key), Err(words)) = (secret, check_private(path)) {
        problems.say(format!("{} holds {}, and {words}", path.display(), key.name));
    }
}

fn check_private(path: &Path) -> Result<(), String> {
    match fs::metadata(path) {
        Err(error) => Err(format!("{}: {error}", path.display())),
        Ok(facts) if facts.permissions().mode() & OTHERS != 0 => {
            let mode = facts.permissions().mode() & 0o777;
            Err(format!("others than its owner may use it (mode {mode:03o}): chmod 600 {}", path.display()))
        }
        Ok(_) => Ok(()),
    }
}

/// Takes out the secrets that a higher layer has: files that hold them need not be there any more.
fn leave_out(layer: &mut Layer, given: &Layer) {
    for key in TABLE.iter().filter(|key| key.secret && given.contains_key(key.name)) {
        layer.remove(key.name);
        layer.remove(&[key.name, IN_FILE].concat());
    }
}

/// Takes out what is no key, and puts secrets in the place of the files that hold them.
fn settle(mut layer: Layer, folder: &Path, problems: &mut Problems) -> Layer {
    layer.retain(|_, given| !matches!(given.raw, Raw::Nothing));
    for key in TABLE.iter().filter(|key| key.secret) {
        let Some(named) = layer.remove(&[key.name, IN_FILE].concat()) else { continue };
        match layer.get(key.name) {
            Some(plain) => {
                let words = format!("also said by `{}{IN_FILE}` ({}): one of them must go", key.name, named.origin);
                problems.add(key.name, &plain.origin, words);
            }
            None => match read_secret(&named, folder) {
                Ok(given) => drop(layer.insert(key.name.into(), given)),
                Err(words) => problems.add(&[key.name, IN_FILE].concat(), &named.origin, words),
            },
        }
    }
    layer.retain(|name, given| {
        let known = TABLE.iter().any(|key| key.name == name);
        if !known {
            problems.unknown(name, &given.origin);
        }
        known
    });
    layer
}

fn read_secret(named: &Given, folder: &Path) -> Result<Given, String> {
    let path = folder.join(named.raw.text()?);
    check_private(&path)?;
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Given { raw: Raw::Loose(text.to_owned()), origin: Origin::SecretFile(path, Box::new(named.origin.clone())) })
}
