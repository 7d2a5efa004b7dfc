//! A data service in miniature. It verifies every signature with `shared::oauth1`, refuses nonces it has seen, and
//! does the few commands the frontend knows, from memory. It can be told to be in another mood.

mod memory;

pub use memory::{LINK, Memory};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use shared::error::{Code, Problem, Refusal};
use shared::oauth1::{
    Authorization, BaseUrl, BodyHash, Credentials, Key, Message, Request, Window, base_string, decode_signature,
    is_form,
};
use shared::secret::Secret;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

/// How it answers what is signed well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Well,
    /// 503, with the seconds to wait.
    Away(u32),
    /// 429, with the seconds to wait.
    Throttling(u32),
    /// Something that is not ours, as a broken proxy sends it.
    Garbled,
    /// Refuses by this word.
    Refusing(Code),
}

pub struct House {
    url: String,
    memory: Arc<Mutex<Memory>>,
    handle: ServerHandle,
}

impl House {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let memory = Arc::new(Mutex::new(Memory::new()));
        let data = Data::new(Room { base: BaseUrl::parse(&url).unwrap(), memory: Arc::clone(&memory) });
        let factory = move || App::new().app_data(data.clone()).default_service(web::to(answer));
        let server = HttpServer::new(factory).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, memory, handle }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn consumer(&self) -> Credentials {
        Credentials::new("frontend", "frontend secret")
    }

    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    pub fn mood(&self, mood: Mood) {
        self.memory().mood = mood;
    }

    /// Nobody listens any more.
    pub async fn stop(&self) {
        // A connection that is there already may live on for a moment.
        self.mood(Mood::Away(10));
        self.handle.stop(false).await;
    }
}

struct Room {
    base: BaseUrl,
    memory: Arc<Mutex<Memory>>,
}

#[expect(clippy::disallowed_methods, reason = "the stub has a clock of its own, as the true one has")]
pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

async fn answer(room: Data<Room>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut memory = room.memory.lock().unwrap();
    let token = match verify(&room.base, &mut memory, &request, &body) {
        Ok(token) => token,
        Err(refusal) => {
            memory.refused.push(refusal.clone());
            return problem(&refusal);
        }
    };
    match memory.mood {
        Mood::Away(seconds) => return problem(&Refusal::retry(Code::Unavailable, "away", seconds)),
        Mood::Throttling(seconds) => return problem(&Refusal::retry(Code::Throttled, "slowly", seconds)),
        Mood::Garbled => return HttpResponse::Ok().body("<h1>It works!</h1>"),
        Mood::Refusing(code) => return problem(&Refusal::new(code, "no")),
        Mood::Well => {}
    }
    match memory.run(request.method().as_str(), request.uri(), &body, token.as_deref()) {
        Ok((status, json)) => HttpResponse::build(StatusCode::from_u16(status).unwrap()).body(json),
        Err(refusal) => problem(&refusal),
    }
}

fn problem(refusal: &Refusal) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::from_u16(refusal.code.status()).unwrap());
    response.content_type("application/problem+json").json(Problem::new(refusal, "stub"))
}

/// The steps of the true one, without its pains: who knows a wrong secret is told so.
fn verify(base: &BaseUrl, memory: &mut Memory, http: &HttpRequest, body: &[u8]) -> Result<Option<String>, Refusal> {
    let header = |name: &str| http.headers().get(name).map(|value| value.to_str().unwrap());
    let message = Message {
        method: http.method().as_str(),
        path: http.uri().path(),
        query: http.uri().query(),
        authorization: header("authorization").map_or(Authorization::Absent, |v| Authorization::One(v.as_bytes())),
        content_type: header("content-type"),
        form: body,
    };
    let request = Request::parse(&message)?;
    Window::at(now(), 0).check(request.timestamp)?;
    let invalid = || Refusal::new(Code::SignatureInvalid, "no");
    let token = request.token().map(|token| token.into_owned());
    let token_secret = match &token {
        Some(token) => memory.secret_of(token).ok_or_else(invalid)?,
        None => Secret::default(),
    };
    let consumer_secret = Secret::new("frontend secret");
    let key = Key::new(request.signature_method, &consumer_secret, &token_secret);
    let base_string = base_string(&request, base);
    let signature = decode_signature(&request.signature());
    if request.consumer_key() != "frontend" || !key.verify(base_string.as_bytes(), &signature) {
        return Err(invalid());
    }
    if !memory.nonces.insert(request.nonce().to_string()) {
        return Err(Refusal::new(Code::NonceUsed, "again"));
    }
    BodyHash::Sha256.check(request.body_hash().as_ref(), is_form(message.content_type), body)?;
    match token {
        Some(token) if !memory.is_live(&token) => Err(Refusal::new(Code::TokenRevoked, "over")),
        token => Ok(token),
    }
}
