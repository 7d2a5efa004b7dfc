//! What can go wrong on any page, and the page that says so.

use super::html;
use crate::api::{ApiError, WAIT_SECONDS};
use crate::app::Gate;
use crate::requests::RequestId;
use crate::site::Frame;
use crate::words;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use shared::error::Code;

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.title())]
pub(crate) enum Failure {
    /// There is no such page.
    NotFound,
    /// The page has other methods, these.
    MethodNotAllowed(&'static str),
    /// A form that holds more than any of ours.
    TooLarge,
    /// A body that is not a form.
    NoForm,
    /// A form that is not one of ours.
    Malformed,
    /// A form that took too long to arrive.
    Slow,
    /// The data service is away for so many seconds. Says nothing about who is logged in.
    Away(u32),
    /// A fault; the log knows more.
    Internal,
}

impl Failure {
    /// Writes the cause to the log and tells the street nothing of it.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a page could not be made");
        Self::Internal
    }

    fn title(&self) -> &'static str {
        match self {
            Self::NotFound => "Page not found",
            Self::MethodNotAllowed(_) => "This page works differently",
            Self::TooLarge => "That was too much",
            Self::NoForm | Self::Malformed => "This form could not be read",
            Self::Slow => "That took too long",
            Self::Away(_) => "Back in a moment",
            Self::Internal => "Something went wrong here",
        }
    }

    fn text(&self) -> String {
        match self {
            Self::NotFound => "There is nothing at this address. The link may be old or mistyped.".into(),
            Self::MethodNotAllowed(_) => {
                "This address cannot be used in that way. Please start from your account.".into()
            }
            Self::TooLarge => "What was sent is larger than any form on this site.".into(),
            Self::NoForm | Self::Malformed => "Please go back, reload the page and try again.".into(),
            Self::Slow => "The form did not arrive in time. Please try again.".into(),
            Self::Away(seconds) => format!(
                "Accounts cannot be reached right now. Nobody has been logged out. Please try again in {}.",
                words::wait(*seconds)
            ),
            Self::Internal => "It is not your fault, and it has been written down. Please try again later.".into(),
        }
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Unavailable { retry_after } => Self::Away(retry_after),
            ApiError::Refused(refusal) if refusal.code == Code::Throttled => {
                Self::Away(refusal.retry_after().unwrap_or(WAIT_SECONDS))
            }
            // Our own consumer is not let in, or something new: a matter for the operator.
            ApiError::Refused(refusal) => Self::internal(format!("the data service refuses: {refusal}")),
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct Page<'a> {
    frame: &'a Frame,
    title: &'static str,
    text: String,
    request_id: String,
}

/// The middleware that makes a page of whatever went wrong, faults of the framework included.
pub(crate) async fn dress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?;
    let Some(error) = response.response().error() else { return Ok(response.map_into_boxed_body()) };
    let failure = error.as_error::<Failure>().cloned();
    let failure = failure.unwrap_or_else(|| of_framework(response.status(), error));
    let (request, _) = response.into_parts();
    let page = page(&failure, &request);
    Ok(ServiceResponse::new(request, page))
}

fn of_framework(status: StatusCode, error: &Error) -> Failure {
    match status {
        StatusCode::NOT_FOUND => Failure::NotFound,
        StatusCode::PAYLOAD_TOO_LARGE => Failure::TooLarge,
        StatusCode::REQUEST_TIMEOUT => Failure::Slow,
        status if status.is_client_error() => Failure::Malformed,
        _ => Failure::internal(error),
    }
}

fn page(failure: &Failure, request: &HttpRequest) -> HttpResponse {
    let status = failure.status_code();
    let bare = || HttpResponse::build(status).finish();
    let Some(gate) = request.app_data::<Data<Gate>>() else { return bare() };
    let request_id = if status.is_server_error() { RequestId::of(request) } else { String::new() };
    let page = Page { frame: &gate.site.frame, title: failure.title(), text: failure.text(), request_id };
    let mut response = html(status, &page, None).unwrap_or_else(|_| bare());
    let (name, value) = match failure {
        Failure::MethodNotAllowed(allow) => (ALLOW, (*allow).to_owned()),
        Failure::Away(seconds) => (RETRY_AFTER, seconds.to_string()),
        _ => return response,
    };
    if let Ok(value) = value.parse() {
        response.headers_mut().insert(name, value);
    }
    response
}
