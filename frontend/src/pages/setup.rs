//! `/setup?link=…`: the one-time link of a new installation becomes its first administrator.

use super::{Answer, EXPIRED, html, see_other};
use crate::api::{ApiError, WAIT_SECONDS};
use crate::app::Gate;
use crate::csrf::{self, Form, ProtectedForm};
use crate::site::Frame;
use crate::words;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;
use shared::command::ClaimSetup;
use shared::error::{Code, FieldError, Refusal};
use shared::secret::Secret;

/// Bytes of a link; longer ones are not ours.
const MOST_BYTES: usize = 512;

/// What the address says.
#[derive(Deserialize)]
pub(crate) struct Ask {
    #[serde(default)]
    link: Secret,
}

/// The form as it is sent.
#[derive(Deserialize)]
pub(crate) struct Setup {
    #[serde(default)]
    link: Secret,
    #[serde(default)]
    username: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: Secret,
}

/// What a form may show again: everything but the password.
#[derive(Default)]
pub(crate) struct Kept {
    link: Secret,
    username: String,
    email: String,
}

impl Form for Setup {
    type Kept = Kept;

    fn kept(self) -> Kept {
        Kept { link: self.link, username: self.username, email: self.email }
    }
}

impl Setup {
    /// The command, or what is wrong with the fields.
    fn command(&self) -> Result<ClaimSetup, Refusal> {
        let mut errors = Vec::new();
        let mut note = |refusal: Refusal| errors.extend(refusal.facts.map(|facts| facts.errors).unwrap_or_default());
        let username =
            self.username.trim().parse().map_err(|e: shared::id::Malformed| note(e.in_field("username"))).ok();
        let email = match self.email.trim() {
            "" => None,
            email => email.parse().map_err(|e: shared::id::Malformed| note(e.in_field("email"))).ok(),
        };
        match username {
            Some(username) if errors.is_empty() => {
                Ok(ClaimSetup { link: self.link.clone(), username, password: self.password.clone(), email })
            }
            _ => Err(Refusal::invalid_fields(errors)),
        }
    }
}

/// What is wrong, by field.
#[derive(Default)]
struct Problems {
    form: String,
    username: String,
    email: String,
    password: String,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct Page<'a> {
    frame: &'a Frame,
    csrf: String,
    kept: Kept,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "setup_spent.html")]
struct Spent<'a> {
    frame: &'a Frame,
}

/// `GET /setup`.
pub(crate) async fn show(gate: Data<Gate>, request: HttpRequest, ask: Query<Ask>) -> Answer {
    let link = ask.into_inner().link;
    if link.is_empty() || link.expose().len() > MOST_BYTES {
        return html(StatusCode::NOT_FOUND, &Spent { frame: &gate.site.frame }, None);
    }
    form(&gate, &request, StatusCode::OK, Kept { link, ..Kept::default() }, Problems::default())
}

/// `POST /setup`.
pub(crate) async fn submit(gate: Data<Gate>, request: HttpRequest, sent: ProtectedForm<Setup>) -> Answer {
    let setup = match sent.open() {
        Ok(setup) => setup,
        Err(kept) => {
            let problems = Problems { form: EXPIRED.into(), ..Problems::default() };
            return form(&gate, &request, StatusCode::FORBIDDEN, kept, problems);
        }
    };
    let refusal = match setup.command() {
        Ok(command) => match gate.api.call(&command, None).await {
            Ok(_) => return Ok(see_other(&gate.site.base.at("login?made=1"))),
            Err(ApiError::Refused(refusal)) => refusal,
            Err(away) => return Err(away.into()),
        },
        Err(refusal) => refusal,
    };
    refuse(&gate, &request, setup, refusal)
}

fn refuse(gate: &Gate, request: &HttpRequest, setup: Setup, refusal: Refusal) -> Answer {
    let mut problems = Problems::default();
    let status = match refusal.code {
        // An unknown link is as good as a spent one, and a stranger need not know which it is.
        Code::Gone | Code::NotFound => return html(StatusCode::GONE, &Spent { frame: &gate.site.frame }, None),
        Code::Invalid => {
            sort(&mut problems, refusal.facts.map(|facts| facts.errors).unwrap_or_default());
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Code::Conflict => {
            problems.form = "This name or e-mail address is taken.".into();
            StatusCode::CONFLICT
        }
        Code::Throttled => {
            let seconds = refusal.retry_after().unwrap_or(WAIT_SECONDS);
            problems.form = format!("Too many attempts. Please wait {} and try again.", words::wait(seconds));
            let mut response = form(gate, request, StatusCode::TOO_MANY_REQUESTS, setup.kept(), problems)?;
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            return Ok(response);
        }
        _ => return Err(ApiError::Refused(refusal).into()),
    };
    form(gate, request, status, setup.kept(), problems)
}

/// Each complaint to its field; one about no field of ours stands above the form.
fn sort(problems: &mut Problems, errors: Vec<FieldError>) {
    for error in errors {
        let place = match error.field.as_str() {
            "username" => &mut problems.username,
            "email" => &mut problems.email,
            "password" => &mut problems.password,
            _ => &mut problems.form,
        };
        *place = sentence(&error.detail);
    }
    if [&problems.username, &problems.email, &problems.password].iter().all(|text| text.is_empty())
        && problems.form.is_empty()
    {
        problems.form = "Something in this form is not acceptable.".into();
    }
}

/// A rule as a sentence: with a capital letter and a full stop.
fn sentence(rule: &str) -> String {
    let mut letters = rule.chars();
    let first = letters.next().map(char::to_uppercase);
    let text: String = first.into_iter().flatten().chain(letters).collect();
    if text.ends_with('.') { text } else { text + "." }
}

fn form(gate: &Gate, request: &HttpRequest, status: StatusCode, kept: Kept, problems: Problems) -> Answer {
    let issued = csrf::issue(request, &gate.site)?;
    html(status, &Page { frame: &gate.site.frame, csrf: issued.token, kept, problems }, issued.cookie)
}
