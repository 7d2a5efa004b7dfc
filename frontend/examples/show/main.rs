#![allow(
    missing_docs,
    dead_code,
    unused,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]
mod house;
use frontend::{App, Settings};
#[actix_web::main]
async fn main() {
    let h = house::House::start().await;
    {
        let mut m = h.memory();
        m.users.clear();
    }
    let mut s = Settings::new(h.url(), h.consumer());
    s.listen = "127.0.0.1:0".parse().unwrap();
    s.base_path = std::env::var("BASE").unwrap_or("/".into());
    let app = App::bind(s).unwrap();
    std::fs::write(std::env::args().nth(1).unwrap(), app.url()).unwrap();
    let t = std::thread::spawn(|| {
        let mut x = String::new();
        std::io::stdin().read_line(&mut x).ok();
    });
    app.run(async move {
        while !t.is_finished() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await
        }
    })
    .await
    .unwrap();
}
