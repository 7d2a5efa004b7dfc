//! `countersign token`: for jobs that act for a user without their password.

use super::table::table;
use super::{Common, all, find, json, receipt, when};
use crate::failure::Failure;
use crate::output;
use serde_json::json;
use shared::command::{CreateToken, ListTokens, RevokeToken, Token, TokenCreated};
use shared::id::{ConsumerKey, TokenKey, TokenRef, UserRef};
use std::process::ExitCode;

/// Make, list and end tokens
#[derive(clap::Subcommand)]
pub enum Command {
    /// Make tokens with which a consumer acts for a user; their secrets are printed this once
    Add(Add),
    /// List the live tokens of a user
    List(List),
    /// End a token, everywhere
    Revoke(Revoke),
}

/// What a new token is for.
#[derive(clap::Args)]
pub struct Add {
    /// The name or e-mail address of the user it acts for
    #[arg(long, value_name = "NAME")]
    user: String,
    /// The key of the consumer that may use it
    #[arg(long, value_name = "KEY")]
    consumer: ConsumerKey,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// When it ends by itself: 15m, 24h, 7d [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = when::seconds)]
    expires_in: Option<i64>,
    #[command(flatten)]
    common: Common,
}

/// Whose.
#[derive(clap::Args)]
pub struct List {
    /// The name or e-mail address of the user
    #[arg(long, value_name = "NAME")]
    user: String,
    #[command(flatten)]
    common: Common,
}

/// Which.
#[derive(clap::Args)]
pub struct Revoke {
    /// The token
    token: TokenKey,
    #[command(flatten)]
    common: Common,
}

/// Runs the command.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Add(args) => add(&args),
        Command::List(args) => list(&args),
        Command::Revoke(args) => revoke(args),
    }
}

fn add(args: &Add) -> Result<ExitCode, Failure> {
    args.common.operate(async |operator| {
        let user = find(operator, &args.user).await?;
        let command = CreateToken { user: user.id, consumer: args.consumer.clone(), expires_in: args.expires_in };
        for made in operator.create_tokens(command, usize::try_from(args.count).unwrap_or(usize::MAX)).await? {
            output::line(if args.common.json {
                json(&json!({ "token": made.token, "secret": made.secret }))?
            } else {
                credentials(&made, user.username.as_str())
            });
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn credentials(made: &TokenCreated, user: &str) -> String {
    let TokenCreated { token, secret, consumer, expires_at, .. } = made;
    let secret = secret.expose();
    let until = when::both(*expires_at, when::now());
    format!(
        "With this token {consumer} acts for {user} until {until}. The secret is shown this once:\n\n  export \
         COUNTERSIGN_TOKEN={token}\n  export COUNTERSIGN_TOKEN_SECRET={secret}\n"
    )
}

fn list(List { user, common }: &List) -> Result<ExitCode, Failure> {
    let tokens = common.operate(async |operator| {
        let id = UserRef::Id(find(operator, user).await?.id);
        all(async |after| operator.call(ListTokens { id, limit: Some(200), after }).await).await
    })?;
    let now = when::now();
    let row = |token: &Token| {
        vec![
            token.token.to_string(),
            token.label.clone(),
            token.consumer.to_string(),
            if token.session.is_some() { "session" } else { "job" }.into(),
            when::relative(token.created_at, now),
            when::or_never(token.last_used_at, now),
            when::relative(token.expires_at, now),
        ]
    };
    let head = ["token", "label", "consumer", "for a", "made", "last used", "ends"];
    common.print(&tokens, || table(&head, tokens.iter().map(row).collect(), "No token is alive."))?;
    Ok(ExitCode::SUCCESS)
}

fn revoke(Revoke { token, common }: Revoke) -> Result<ExitCode, Failure> {
    let what = format!("{token} is ended");
    let command = RevokeToken { token: TokenRef::Key(token) };
    let receipt = common.operate(async |operator| Ok(operator.call(command).await?))?;
    receipt::print(&common, &receipt, &what)
}
