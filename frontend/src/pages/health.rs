//! `GET /healthz`: 200 while this process lives. Asks nobody: a data service that is away does not make a frontend
//! sick.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;

/// The page.
pub(crate) async fn show() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::plaintext()).body("ok\n")
}
