//! `countersign user`: who can sign in.

use super::table::{facts, table};
use super::{Common, all, find, password, receipt, when, within};
use crate::failure::Failure;
use serde_json::json;
use shared::acl::AccessList;
use shared::command::{
    CreateUser, DisableUser, EnableUser, GetAccess, ListTokens, ListUsers, SetAccess, SetPassword, User,
};
use shared::id::{Email, UserRef, Username};
use std::process::ExitCode;

/// Make, list, change and disable users
#[derive(clap::Subcommand)]
pub enum Command {
    /// Make a user
    Add(Add),
    /// List the users
    List(List),
    /// Show a user
    Show(One),
    /// End a user's sessions and tokens, everywhere, and keep them from signing in
    Disable(One),
    /// Let a disabled user sign in again
    Enable(One),
    /// Set a user's password; ends their sessions
    Password(Password),
    /// Show or replace what a user may do
    Access(Access),
}

/// Who.
#[derive(clap::Args)]
pub struct One {
    /// A user name or e-mail address
    name: String,
    #[command(flatten)]
    common: Common,
}

/// What a new user is like.
#[derive(clap::Args)]
pub struct Add {
    /// The name to sign in with
    #[arg(value_name = "NAME")]
    username: Username,
    /// An e-mail address, good for signing in, too
    #[arg(long)]
    email: Option<Email>,
    /// What the person is called
    #[arg(long)]
    name: Option<String>,
    /// May do everything
    #[arg(long)]
    admin: bool,
    #[command(flatten)]
    password: password::Source,
    #[command(flatten)]
    common: Common,
}

/// Which to list.
#[derive(clap::Args)]
pub struct List {
    /// Only those whose name or address begins with this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Whose password.
#[derive(clap::Args)]
pub struct Password {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    password: password::Source,
}

/// Whose access.
#[derive(clap::Args)]
pub struct Access {
    #[command(flatten)]
    one: One,
    /// What they may do from now on, instead of all they could, such as users.*.read; may be repeated
    #[arg(long, value_name = "WORD")]
    set: Vec<String>,
}

/// Runs the command.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Add(args) => add(args),
        Command::List(args) => list(&args),
        Command::Show(one) => show(&one),
        Command::Disable(one) => disable(&one),
        Command::Enable(one) => enable(&one),
        Command::Password(args) => set_password(&args),
        Command::Access(args) => access(args),
    }
}

fn add(args: Add) -> Result<ExitCode, Failure> {
    // Nothing is open while somebody thinks about a password.
    let config = args.common.load()?;
    let password = args.password.read(args.username.as_str())?;
    let command = CreateUser {
        username: args.username,
        email: args.email,
        name: args.name,
        password: Some(password),
        access: args.admin.then(AccessList::administrator),
    };
    let user = within(&config, None, async |operator| Ok(operator.call(command).await?))?;
    let role = if args.admin { "an administrator" } else { "a user" };
    args.common.print(&user, || format!("{} is {role} now.", user.username))?;
    Ok(ExitCode::SUCCESS)
}

fn list(List { search, common }: &List) -> Result<ExitCode, Failure> {
    let users = common.operate(async |operator| {
        let page = |after| ListUsers { limit: Some(200), after, search: search.clone() };
        all(async |after| operator.call(page(after)).await).await
    })?;
    let now = when::now();
    let row = |user: &User| {
        vec![
            user.username.to_string(),
            user.email.as_ref().map(ToString::to_string).unwrap_or_default(),
            user.name.clone().unwrap_or_default(),
            state(user).into(),
            when::relative(user.created_at, now),
        ]
    };
    let head = ["name", "e-mail", "called", "state", "made"];
    common.print(&users, || table(&head, users.iter().map(row).collect(), "No user is there."))?;
    Ok(ExitCode::SUCCESS)
}

fn state(user: &User) -> &'static str {
    if user.disabled_at.is_some() { "disabled" } else { "enabled" }
}

fn show(One { name, common }: &One) -> Result<ExitCode, Failure> {
    let (user, access, tokens) = common.operate(async |operator| {
        let user = find(operator, name).await?;
        let id = UserRef::Id(user.id);
        let access = operator.call(GetAccess { id }).await?.access;
        let tokens = all(async |after| operator.call(ListTokens { id, limit: Some(200), after }).await).await?;
        Ok((user, access, tokens.len()))
    })?;
    let mut value = json!(user);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("access".into(), json!(access));
        fields.insert("live_tokens".into(), json!(tokens));
    }
    common.print(&value, || {
        let now = when::now();
        facts(&[
            ("name", user.username.to_string()),
            ("id", user.id.to_string()),
            ("e-mail", user.email.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("called", user.name.clone().unwrap_or_default()),
            (
                "state",
                user.disabled_at.map_or_else(|| "enabled".into(), |at| format!("disabled {}", when::both(at, now))),
            ),
            ("access", access.words().join(" ")),
            ("tokens", tokens.to_string()),
            ("made", when::both(user.created_at, now)),
        ])
    })?;
    Ok(ExitCode::SUCCESS)
}

fn disable(One { name, common }: &One) -> Result<ExitCode, Failure> {
    let receipt = common.operate(async |operator| {
        let id = UserRef::Id(find(operator, name).await?.id);
        Ok(operator.call(DisableUser { id }).await?)
    })?;
    receipt::print(common, &receipt, &format!("{name} is disabled"))
}

fn enable(One { name, common }: &One) -> Result<ExitCode, Failure> {
    let user = common.operate(async |operator| {
        let id = UserRef::Id(find(operator, name).await?.id);
        Ok(operator.call(EnableUser { id }).await?)
    })?;
    common.print(&user, || format!("{} can sign in again.", user.username))?;
    Ok(ExitCode::SUCCESS)
}

fn set_password(Password { one: One { name, common }, password }: &Password) -> Result<ExitCode, Failure> {
    let config = common.load()?;
    let password = password.read(name)?;
    let user = within(&config, None, async |operator| {
        let user = find(operator, name).await?;
        operator.call(SetPassword { id: UserRef::Id(user.id), password, current_password: None }).await?;
        find(operator, name).await
    })?;
    common.print(&user, || format!("{} has a new password, and is signed out everywhere.", user.username))?;
    Ok(ExitCode::SUCCESS)
}

fn access(Access { one: One { name, common }, set }: Access) -> Result<ExitCode, Failure> {
    let access = common.operate(async |operator| {
        let id = UserRef::Id(find(operator, &name).await?.id);
        if set.is_empty() {
            return Ok(operator.call(GetAccess { id }).await?);
        }
        Ok(operator.call(SetAccess { id, access: AccessList::new(set) }).await?)
    })?;
    common.print(&access, || access.access.words().join("\n"))?;
    Ok(ExitCode::SUCCESS)
}
