//! The examples of `docs/protocol.md`, run against a real service.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{Answer, Consumer, House, Raw, nonce, now};
use serde_json::Value;
use shared::oauth1::SignBody;
use std::collections::HashMap;

/// A block: its actor (for requests), its first line, headers, and body.
struct Block {
    actor: Option<String>,
    first: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    for piece in page.split("\n```http").skip(1) {
        let (info, rest) = piece.split_once('\n').unwrap();
        let text = rest.split("\n```").next().unwrap();
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        found.push(Block {
            actor: info.trim().strip_prefix("as=").map(str::to_owned),
            first: lines.next().unwrap().to_owned(),
            headers: lines.map(|line| line.split_once(": ").unwrap()).map(|(n, v)| (n.into(), v.into())).collect(),
            body: body.to_owned(),
        });
    }
    found
}

/// Same keys, same values; `…` is any value.
fn fits(wanted: &Value, there: &Value, path: &str) -> Result<(), String> {
    match (wanted, there) {
        (Value::String(text), _) if text == "…" && !there.is_null() => Ok(()),
        (Value::Object(wanted), Value::Object(there)) => {
            for name in wanted.keys().chain(there.keys()) {
                let path = format!("{path}.{name}");
                let (Some(wanted), Some(there)) = (wanted.get(name), there.get(name)) else {
                    return Err(format!("{path} is only on one side"));
                };
                fits(wanted, there, &path)?;
            }
            Ok(())
        }
        (Value::Array(wanted), Value::Array(there)) if wanted.len() == there.len() => {
            wanted.iter().zip(there).enumerate().try_for_each(|(i, (w, t))| fits(w, t, &format!("{path}[{i}]")))
        }
        _ if wanted == there => Ok(()),
        _ => Err(format!("{path}: the page says {wanted}, the service says {there}")),
    }
}

fn send(actor: Option<&Consumer>, url: &str, block: &Block, fill: impl Fn(&str) -> String) -> Answer {
    let (method, path) = block.first.split_once(' ').unwrap();
    let (path, body) = (fill(path), fill(&block.body));
    let signed_body = if body.is_empty() { SignBody::None } else { SignBody::Other(body.as_bytes()) };
    let mut raw = match actor {
        Some(consumer) => consumer.signed_at(method, &path, signed_body, now(), &nonce()),
        None => Raw::new(method, &path),
    };
    raw.headers.extend(block.headers.iter().cloned());
    raw.body = body.into_bytes();
    raw.send(url)
}

#[test]
fn every_example_is_true() {
    let page = include_str!("../../docs/protocol.md");
    let house = House::start();
    let ada = house.user("ada", "correct horse battery");
    let frontend = house.consumer("frontend", &["authenticate"]);
    let ordinary = ["sessions.resolve", "users.me.#", "sessions.me.#", "tokens.me.#"];
    let (blog, blog2) = (house.consumer("blog", &ordinary), house.consumer("blog2", &ordinary));
    let actors = HashMap::from([
        ("frontend", frontend.clone()),
        ("blog", blog.clone()),
        ("blog+ada", house.acting(&blog, &ada)),
        ("blog2", blog2.clone()),
        ("blog2+ada", house.acting(&blog2, &ada)),
        ("shop", house.consumer("shop", &["sessions.#"])),
        ("admin", house.admin()),
    ]);
    let (_, login) = frontend.sign_in("ada", "correct horse battery");
    let sessionid = login.json["sessionid"].as_str().unwrap();
    let visitor = actors["shop"].post("/sessions", serde_json::json!({})).expect(201);
    let visitor = visitor.json["sessionid"].as_str().unwrap();
    let fill = |text: &str| {
        text.replace("BLOG_KEY", blog.key().as_str())
            .replace("BLOG2_KEY", blog2.key().as_str())
            .replace("ADA_ID", &ada.id.to_string())
            .replace("SESSIONID", sessionid)
            .replace("VISITOR", visitor)
            .replace("URL", &house.url)
    };
    let blocks = blocks(page);
    assert!(blocks.len() >= 52 && blocks.len().is_multiple_of(2), "{} blocks", blocks.len());
    for pair in blocks.chunks(2) {
        let (request, wanted) = (&pair[0], &pair[1]);
        let name = request.actor.as_deref().expect("a request says who sends it");
        let actor = (name != "visitor").then(|| actors.get(name).unwrap_or_else(|| panic!("who is {name}?")));
        let answer = send(actor, &house.url, request, fill);
        let what = format!("{} as {name}", request.first);
        assert_eq!(answer.status.to_string(), wanted.first, "{what}: {}", answer.text);
        for (header, value) in &wanted.headers {
            assert_eq!(answer.header(&header.to_lowercase()), Some(value.as_str()), "{what}: {header}");
        }
        let body: Value = serde_json::from_str(&fill(&wanted.body)).unwrap_or_else(|e| panic!("{what}: {e}"));
        fits(&body, &answer.json, "").unwrap_or_else(|difference| panic!("{what}: {difference}"));
    }
}

/// The table of codes on the page is the table of codes in the program.
#[test]
fn every_code_is_on_the_page() {
    let page = include_str!("../../docs/protocol.md");
    for code in shared::error::Code::ALL {
        assert!(page.contains(&format!("`{}`", code.word())), "{}", code.word());
    }
}
