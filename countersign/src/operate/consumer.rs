//! `countersign consumer`: the services that talk to the data service.

mod decommission;
mod revoke;

use super::receipt::counted;
use super::table::{facts, table};
use super::{Common, all, receipt, when, within, word};
use crate::failure::Failure;
use crate::output;
use serde_json::json;
use shared::acl::AccessList;
use shared::command::{
    Consumer, ConsumerCreated, CreateConsumer, GetConsumer, GetConsumerImpact, Impact, ListConsumers, RotateConsumer,
};
use shared::id::{ConsumerKey, ServiceName};
use shared::oauth1::{BodyHash, Location, SignatureMethod};
use shared::secret::Secret;
use std::process::ExitCode;

/// Register, list, rotate and revoke the credentials of services
#[derive(clap::Subcommand)]
pub enum Command {
    /// Register a service; its secret is printed this once
    Add(Box<Add>),
    /// List the registered services
    List(Common),
    /// Show one
    Show(One),
    /// Show what revoking it would end
    Impact(One),
    /// Make a second secret; the old one works until the overlap is over
    Rotate(Rotate),
    /// Give it no new tokens; those it has live on
    Drain(One),
    /// Take a drain back
    Undrain(One),
    /// End it and all its tokens, everywhere
    Revoke(revoke::Args),
    /// Remove a revoked one for good, with its secrets and tokens
    Purge(decommission::Purge),
}

/// Which.
#[derive(clap::Args)]
pub struct One {
    /// The consumer's key
    key: ConsumerKey,
    #[command(flatten)]
    common: Common,
}

/// What a new consumer is like.
#[derive(clap::Args)]
pub struct Add {
    /// The service it belongs to, such as blog
    #[arg(long)]
    service: ServiceName,
    /// What people call it [default: the service's name]
    #[arg(long)]
    label: Option<String>,
    /// What it may do, such as users.*.read; may be repeated [default: sign people in and act for them]
    #[arg(long, value_name = "WORD")]
    access: Vec<String>,
    /// How it may sign: HMAC-SHA1, HMAC-SHA256, HMAC-SHA512; may be repeated [default: all three]
    #[arg(long, value_name = "METHOD", value_parser = word::<SignatureMethod>)]
    method: Vec<SignatureMethod>,
    /// Whether bodies must be covered by a hash: required, optional, sha256 [default: required]
    #[arg(long, value_name = "RULE", value_parser = word::<BodyHash>)]
    body_hash: Option<BodyHash>,
    /// Where its OAuth parameters may stand: header, query, body; may be repeated [default: header]
    #[arg(long, value_name = "PLACE", value_parser = word::<Location>)]
    location: Vec<Location>,
    #[command(flatten)]
    common: Common,
}

/// How long two secrets work.
#[derive(clap::Args)]
pub struct Rotate {
    /// How long the old secret still works: 0, 15m, 24h, 7d
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = when::seconds)]
    overlap: i64,
    #[command(flatten)]
    one: One,
}

/// Runs the command.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Add(args) => add(*args),
        Command::List(common) => list(&common),
        Command::Show(one) => show(&one),
        Command::Impact(one) => impact(&one),
        Command::Rotate(args) => rotate(args),
        Command::Drain(one) => decommission::drain(&one),
        Command::Undrain(one) => decommission::undrain(&one),
        Command::Revoke(args) => revoke::run(&args),
        Command::Purge(args) => decommission::purge(&args),
    }
}

fn add(args: Add) -> Result<ExitCode, Failure> {
    fn said<T>(list: Vec<T>) -> Option<Vec<T>> {
        (!list.is_empty()).then_some(list)
    }
    let command = CreateConsumer {
        service: args.service,
        label: args.label,
        access: said(args.access).map(AccessList::new),
        signature_methods: said(args.method),
        body_hash: args.body_hash,
        locations: said(args.location),
    };
    let ConsumerCreated { secret, consumer } =
        args.common.operate(async |operator| Ok(operator.call(command).await?))?;
    let Consumer { key, service, label, .. } = consumer;
    let shown = json!({ "key": key, "secret": secret, "service": service, "label": label });
    let what = format!("{label} is registered, for the service {service}.");
    args.common.print(&shown, || credentials(&what, &key, &secret))?;
    Ok(ExitCode::SUCCESS)
}

/// A secret that is shown this once, and the lines that give it to a shell.
fn credentials(what: &str, key: &ConsumerKey, secret: &Secret) -> String {
    let secret = secret.expose();
    format!(
        "{what} The secret is shown this once:\n\n  key     {key}\n  secret  {secret}\n\nFor `countersign request`, and for \
         libraries that read the environment:\n\n  export COUNTERSIGN_CONSUMER_KEY={key}\n  export \
         COUNTERSIGN_CONSUMER_SECRET={secret}"
    )
}

fn list(common: &Common) -> Result<ExitCode, Failure> {
    let list = common.operate(async |operator| {
        all(async |after| operator.call(ListConsumers { limit: Some(200), after }).await).await
    })?;
    let now = when::now();
    let row = |consumer: &Consumer| {
        let state = match (consumer.revoked_at, consumer.drained_at) {
            (Some(_), _) => "revoked",
            (None, Some(_)) => "drained",
            (None, None) => "live",
        };
        vec![
            consumer.key.to_string(),
            consumer.service.to_string(),
            consumer.label.clone(),
            state.into(),
            consumer.live_tokens.to_string(),
            when::or_never(consumer.last_used_at, now),
        ]
    };
    let head = ["key", "service", "label", "state", "tokens", "last used"];
    common.print(&list, || table(&head, list.iter().map(row).collect(), "No service is registered."))?;
    Ok(ExitCode::SUCCESS)
}

fn show(One { key, common }: &One) -> Result<ExitCode, Failure> {
    let consumer = common.operate(async |operator| Ok(operator.call(GetConsumer { key: key.clone() }).await?))?;
    common.print(&consumer, || described(&consumer))?;
    Ok(ExitCode::SUCCESS)
}

fn described(consumer: &Consumer) -> String {
    let now = when::now();
    let methods: Vec<&str> = consumer.signature_methods.iter().map(|method| method.name()).collect();
    let wire = |value: serde_json::Value| value.to_string().replace(['"', '[', ']'], "").replace(',', ", ");
    let mut lines = vec![
        ("key", consumer.key.to_string()),
        ("service", consumer.service.to_string()),
        ("label", consumer.label.clone()),
        ("access", consumer.access.words().join(" ")),
        ("methods", methods.join(", ")),
        ("body hash", wire(json!(consumer.body_hash))),
        ("locations", wire(json!(consumer.locations))),
        ("tokens", consumer.live_tokens.to_string()),
        ("registered", when::both(consumer.created_at, now)),
        ("last used", consumer.last_used_at.map_or_else(|| "never".into(), |at| when::both(at, now))),
    ];
    lines.extend(consumer.drained_at.map(|at| ("drained", when::both(at, now))));
    lines.extend(consumer.revoked_at.map(|at| ("revoked", when::both(at, now))));
    for secret in &consumer.secrets {
        let until = secret.retires_at.map(|at| format!(", retires {}", when::relative(at, now))).unwrap_or_default();
        let made = when::relative(secret.created_at, now);
        let used = when::or_never(secret.last_used_at, now);
        lines.push(("secret", format!("made {made}, last used {used}{until}")));
    }
    facts(&lines)
}

fn impact(One { key, common }: &One) -> Result<ExitCode, Failure> {
    let impact = common.operate(async |operator| Ok(operator.call(GetConsumerImpact { key: key.clone() }).await?))?;
    common.print(&impact, || foreseen(key, &impact))?;
    Ok(ExitCode::SUCCESS)
}

/// What a revocation would end, in words.
fn foreseen(key: &ConsumerKey, impact: &Impact) -> String {
    format!(
        "Revoking {key} ends {} of {}, from {}. It was last used: {}.",
        counted(impact.tokens, "live token"),
        counted(impact.users, "user"),
        counted(impact.sessions, "live session"),
        when::or_never(impact.last_used_at, when::now()),
    )
}

fn rotate(Rotate { overlap, one: One { key, common } }: Rotate) -> Result<ExitCode, Failure> {
    let command = RotateConsumer { key, overlap_seconds: Some(overlap) };
    let rotated = common.operate(async |operator| Ok(operator.call(command).await?))?;
    if common.json {
        common.print(&rotated, String::new)?;
        return Ok(if rotated.receipt.silent.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let until = when::relative(when::now().plus_seconds(overlap), when::now());
    let what = match overlap {
        0 => "There is a new secret, and the old one has ended.".into(),
        _ => format!("There is a new secret. The old one ends {until}."),
    };
    output::line(credentials(&what, &rotated.key, &rotated.secret));
    output::line("");
    receipt::print(&common, &rotated.receipt, "Rotated")
}
