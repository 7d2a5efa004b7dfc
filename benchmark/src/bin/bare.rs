//! What the service is compared with: a bare actix-web handler, JSON in and JSON out.
//!
//! With `--zeromq` also a bare ROUTER, which does the same with messages. It is sent the same signed bytes, ignores the signature, and answers what `/echo` answers, in shape and length.

use actix_web::{App, HttpResponse, HttpServer, web};
use omq_tokio::{Context, Message, Options, Socket, SocketType};
use serde::{Deserialize, Serialize};

/// What comes in.
#[derive(Deserialize)]
struct Note {
    title: String,
    tags: Vec<String>,
    count: u32,
}

/// What goes out: an answer of `/echo`, the same every time.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Echoed {
    consumer: String,
    user: Option<String>,
    token: Option<String>,
    method: String,
    url: String,
    parameters: usize,
    signature_method: String,
    body_hash: Option<String>,
    body_bytes: usize,
}

async fn post(note: web::Json<Note>, echoed: web::Data<Echoed>) -> HttpResponse {
    let note = note.into_inner();
    if note.title.is_empty() || note.tags.len() > 2 || note.count == 0 {
        return HttpResponse::BadRequest().finish();
    }
    HttpResponse::Ok().json(&**echoed)
}

async fn get(echoed: web::Data<Echoed>) -> HttpResponse {
    HttpResponse::Ok().json(&**echoed)
}

/// A ROUTER that answers every message: JSON in and JSON out.
async fn route(router: Socket, echoed: Echoed) {
    while let Ok(message) = router.recv().await {
        let Some(note) = message.part_slice(5).and_then(|body| serde_json::from_slice::<Note>(body).ok()) else {
            continue;
        };
        if note.title.is_empty() || note.tags.len() > 2 || note.count == 0 {
            continue;
        }
        let (to, body) = (message.part_slice(0).unwrap_or_default(), serde_json::to_vec(&echoed).unwrap_or_default());
        let _ = router.try_send(Message::multipart([to.to_vec(), vec![], b"1".to_vec(), b"200".to_vec(), body]));
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let like = std::env::args().nth(1).unwrap_or_else(|| "{}".into());
    let like = serde_json::from_str::<Echoed>(&like)?;
    let echoed = web::Data::new(like.clone());
    let app = move || {
        let echo = web::resource("/echo").route(web::post().to(post)).route(web::get().to(get));
        App::new().app_data(echoed.clone()).service(echo)
    };
    let server = HttpServer::new(app).workers(1).bind(("127.0.0.1", 0))?;
    for address in server.addrs() {
        println!("the bare handler listens on http://{address}");
    }
    if std::env::args().any(|argument| argument == "--zeromq") {
        let context = Context::new();
        let router = context.socket(SocketType::Router, Options::default());
        let bound = router.bind("tcp://127.0.0.1:0").await.map_err(std::io::Error::other)?;
        println!("the bare handler listens on {bound}");
        actix_web::rt::spawn(async move {
            route(router, like).await;
            // Its thread carries the socket as long as it is here.
            drop(context);
        });
    }
    server.run().await
}
