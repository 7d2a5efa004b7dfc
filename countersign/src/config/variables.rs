//! The environment's names for keys: `COUNTERSIGN__DATA_SERVICE__LISTEN` is `data_service.listen`.

use super::layers::{Given, Layer};
use super::origin::Origin;
use super::raw::Raw;
use std::ffi::OsString;

const PREFIX: &str = "COUNTERSIGN__";

/// The variable of a key.
pub(crate) fn of_key(key: &str) -> String {
    [PREFIX, &key.to_uppercase().replace('.', "__")].concat()
}

/// What the environment says. An empty variable says nothing: that is how composed environments leave one out.
pub(super) fn read(environment: impl Iterator<Item = (OsString, OsString)>, layer: &mut Layer) {
    for (name, value) in environment {
        let name = name.to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let key = rest.replace("__", ".").to_lowercase();
        let origin = Origin::Variable(name.clone());
        let raw = match value.into_string() {
            Ok(text) if text.is_empty() => Raw::Nothing,
            Ok(text) => Raw::Loose(text),
            Err(_) => Raw::Other("bytes that are no UTF-8"),
        };
        layer.insert(key, Given { raw, origin });
    }
}

#[cfg(test)]
mod tests {
    use super::super::TABLE;
    use super::*;

    #[test]
    fn every_key_survives_the_way_to_its_variable_and_back() {
        for key in TABLE {
            let mut layer = Layer::default();
            read([(of_key(key.name).into(), "x".into())].into_iter(), &mut layer);
            assert!(layer.contains_key(key.name), "{}", key.name);
        }
        assert_eq!(of_key("data_service.public_urls"), "COUNTERSIGN__DATA_SERVICE__PUBLIC_URLS");
    }
}
