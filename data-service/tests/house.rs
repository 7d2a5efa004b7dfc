//! The plan of the house, kept true: who may look at whom. See `docs/architecture.md`.
//!
//! Reads `use` lines and paths in the sources of each room, and the dependencies in each `Cargo.toml`, and fails with
//! file, line and rule.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// A room and the words its code must never hold.
const ROOMS: [(&str, &[&str]); 9] = [
    (
        "shared/src",
        &["tokio", "actix_", "sea_orm", "reqwest", "std::env", "std::fs", "std::net::Tcp", "SystemTime", "Instant"],
    ),
    ("migrations/src", &["shared::", "data_service", "frontend::", "tokio", "actix_"]),
    (
        "data-service/src/store",
        &["crate::guard", "crate::commands", "crate::checkers", "crate::events", "crate::doors", "actix_"],
    ),
    (
        "data-service/src/checkers",
        &["crate::commands", "crate::doors", "crate::events", "crate::guard", "sea_orm", "actix_"],
    ),
    (
        "data-service/src/guard",
        &["crate::commands", "crate::doors", "crate::events", "crate::checkers", "sea_orm", "actix_"],
    ),
    (
        "data-service/src/commands",
        &["crate::doors", "crate::events", "crate::guard", "sea_orm", "actix_", "zeromq", "lapin"],
    ),
    (
        "data-service/src/events",
        &["crate::guard", "crate::commands", "crate::checkers", "crate::doors", "sea_orm", "actix_"],
    ),
    ("data-service/src/doors", &["crate::store", "crate::checkers", "crate::events", "sea_orm"]),
    ("frontend/src", &["data_service::", "migrations::", "sea_orm"]),
];

/// What a crate's `[dependencies]` may name among ours.
const DEPENDENCIES: [(&str, &[&str]); 5] = [
    ("shared", &[]),
    ("migrations", &[]),
    ("data-service", &["shared", "migrations"]),
    ("frontend", &["shared"]),
    ("countersign", &["shared", "migrations", "data-service", "frontend"]),
];

/// Lines that a file may have. Taste, not law; but past this it is no longer read in one sitting.
const LONGEST_FILE: usize = 420;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All sources of a room: the folder and the file of the same name beside it.
fn sources(room: &str) -> Vec<PathBuf> {
    let folder = root().join(room);
    let mut found = vec![folder.with_extension("rs")];
    let mut open = vec![folder];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "rs") && path.is_file());
    found
}

/// The lines of a file that are code of the room itself: no comments, and nothing from its tests on.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let before_tests = text
        .split("\n#[cfg(test)]\nmod tests")
        .next()
        .unwrap()
        .split("\n#[cfg(test)]\npub(crate) mod tests")
        .next()
        .unwrap();
    let line = |(index, line): (usize, &str)| (index + 1, line.split("//").next().unwrap_or("").to_owned());
    before_tests.lines().enumerate().map(line).collect()
}

#[test]
fn no_room_names_what_it_must_not_see() {
    let mut broken = Vec::new();
    for (room, forbidden) in ROOMS {
        let files = sources(room);
        assert!(!files.is_empty(), "{room} is empty: has it moved?");
        for file in files {
            for (number, line) in code(&file) {
                for word in forbidden.iter().filter(|word| line.contains(**word)) {
                    broken.push(format!("{}:{number}: {room} must never name {word}", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Only the store reads a database past sea-orm.
#[test]
fn only_the_store_names_rusqlite() {
    let mut named = Vec::new();
    for folder in ["shared/src", "migrations/src", "data-service/src", "frontend/src", "countersign/src"] {
        for file in sources(folder) {
            let within = file.to_str().unwrap().contains("data-service/src/store/");
            if code(&file).iter().any(|(_, line)| line.contains("rusqlite")) {
                assert!(within, "{}: {folder} must never name rusqlite", file.display());
                named.push(file);
            }
        }
    }
    assert!(!named.is_empty(), "has it gone? then this rule may go too");
}

#[test]
fn crates_depend_only_downwards() {
    let ours: Vec<&str> = DEPENDENCIES.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in DEPENDENCIES {
        let text = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let section = text.split("\n[dependencies]\n").nth(1).unwrap_or("").split("\n[").next().unwrap();
        for line in section.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or("");
            assert!(
                !ours.contains(&dependency) || allowed.contains(&dependency),
                "{name}/Cargo.toml: {name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn files_are_read_in_one_sitting() {
    for folder in ["shared/src", "migrations/src", "data-service/src", "frontend/src", "countersign/src"] {
        for file in sources(folder) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= LONGEST_FILE, "{}: {lines} lines; split it by idea", file.display());
        }
    }
}

#[test]
fn there_is_one_module_style() {
    for folder in ["shared/src", "migrations/src", "data-service/src", "frontend/src", "countersign/src"] {
        for file in sources(folder) {
            assert!(file.file_name().unwrap() != "mod.rs", "{}: name the file after the module", file.display());
        }
    }
}

/// The map in `docs/architecture.md` names every room that exists, and no other.
#[test]
fn the_map_is_true() {
    let map = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    for entry in fs::read_dir(root().join("data-service/src")).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if room != "lib" {
            assert!(map.contains(&format!("`{room}`")), "docs/architecture.md does not name `{room}`");
        }
    }
    for (room, _) in ROOMS {
        let name = room.trim_end_matches("/src").rsplit('/').next().unwrap();
        assert!(map.contains(&format!("`{name}`")), "docs/architecture.md does not name `{name}`");
    }
}

/// Secrets are compared in constant time: a review rule made a test. The signature doctor runs on its owner's machine.
#[test]
fn nothing_secret_is_compared_with_equals() {
    for folder in ["shared/src", "data-service/src", "frontend/src"] {
        for file in sources(folder).into_iter().filter(|file| !file.to_str().unwrap().contains("doctor")) {
            for (number, line) in code(&file) {
                let compares = line.contains("==") || line.contains("!=");
                assert!(!(compares && line.contains("expose()")), "{}:{number}: {line}", file.display());
            }
        }
    }
}
