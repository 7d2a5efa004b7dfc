//! The style sheet and the icon. They are part of the executable, and their names hold a hash of what is in them, so
//! that a browser may keep them for ever.

use super::{Answer, Failure};
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Path;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The style sheet.
pub(crate) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css; charset=utf-8", include_bytes!("../../static/style.css")));

/// The icon.
pub(crate) static MARK: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("mark", "svg", "image/svg+xml", include_bytes!("../../static/mark.svg")));

/// A file that never changes under its name.
pub(crate) struct Asset {
    name: String,
    media: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(stem: &str, ending: &str, media: &'static str, bytes: &'static [u8]) -> Self {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
        let name = format!("{stem}.{}.{ending}", hash.get(..12).unwrap_or_default());
        Self { name, media, bytes }
    }

    /// Its path below the base path.
    pub(crate) fn path(&self) -> String {
        format!("static/{}", self.name)
    }
}

/// `GET /static/{name}`.
pub(crate) async fn serve(name: Path<String>) -> Answer {
    let asset = [&*STYLE, &*MARK].into_iter().find(|asset| asset.name == *name).ok_or(Failure::NotFound)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, asset.media))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.bytes))
}
