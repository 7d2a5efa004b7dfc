//! Encryption: who does not know the key hears nothing.

use crate::{Client, address, house, house_with};
use data_service::{App, Clock, Curve, CurvePublicKey, Settings, new_curve_key};
use omq_tokio::{CurveKeypair, Options, SocketType};
use serde_json::json;
use std::time::Duration;

fn options(pair: &CurveKeypair, server: &str) -> Options {
    Options::default().curve_client(pair.clone(), omq_tokio::CurvePublicKey::from_z85(server).unwrap())
}

#[test]
fn with_a_key_only_who_knows_it_is_heard() {
    let (public, secret) = new_curve_key();
    let house = house_with(|settings| settings.zeromq.curve = Some(Curve::new(&secret, vec![]).unwrap()));
    let blog = house.consumer("blog", &[]);
    let pair = CurveKeypair::generate();
    let at = house.zeromq[0].as_str();
    let good = Client::with(&house, SocketType::Dealer, options(&pair, &public), at);
    good.ask(&blog, "echo", &json!({})).is("ok");
    let wrong = Client::with(&house, SocketType::Dealer, options(&pair, &new_curve_key().0), at);
    let plain = Client::connect(&house, at);
    for client in [&wrong, &plain] {
        client.send_request("", "echo", b"");
        assert_eq!(client.receive_within(Duration::from_millis(500)), None);
    }
    let blind = Client::with(&house, SocketType::Sub, Options::default(), &house.published[0]);
    house.runtime.block_on(blind.socket.subscribe("")).unwrap();
    let seeing = Client::with(&house, SocketType::Sub, options(&pair, &public), &house.published[0]);
    house.runtime.block_on(seeing.socket.subscribe("")).unwrap();
    crate::events::until_heard(&house, &seeing);
    assert_eq!(blind.receive_within(Duration::from_millis(300)), None);
    good.ask(&blog, "echo", &json!({})).is("ok");
}

#[test]
fn a_list_of_clients_lets_in_nobody_else() {
    let (public, secret) = new_curve_key();
    let known = CurveKeypair::generate();
    let clients = vec![CurvePublicKey::parse(&known.public.to_z85()).unwrap()];
    let house = house_with(|settings| settings.zeromq.curve = Some(Curve::new(&secret, clients).unwrap()));
    let blog = house.consumer("blog", &[]);
    let at = house.zeromq[0].as_str();
    Client::with(&house, SocketType::Req, options(&known, &public), at).ask(&blog, "echo", &json!({})).is("ok");
    let stranger = Client::with(&house, SocketType::Dealer, options(&CurveKeypair::generate(), &public), at);
    stranger.send_request("", "echo", b"");
    assert_eq!(stranger.receive_within(Duration::from_millis(500)), None);
}

#[test]
fn a_network_gets_nothing_in_the_clear_unless_that_is_said() {
    let mut house = house();
    house.stop();
    let start = |change: fn(&mut Settings)| {
        let mut settings = house.settings.clone();
        settings.zeromq.listen = vec![];
        settings.zeromq.publish = vec![];
        change(&mut settings);
        house.runtime.block_on(async {
            let app = App::bind(settings, Clock::system()).await.map_err(|error| error.to_string())?;
            app.run(async {}).await.map_err(|error| error.to_string())
        })
    };
    for open in [
        |settings: &mut Settings| settings.zeromq.listen = vec![address("tcp://*:0", settings)],
        |settings: &mut Settings| settings.zeromq.publish = vec![address("tcp://0.0.0.0:0", settings)],
    ] {
        let words = start(open).unwrap_err();
        assert!(words.contains("zeromq.curve_secret_key") && words.contains("zeromq.allow_plain"), "{words}");
    }
    start(|settings| {
        settings.zeromq.listen = vec![address("tcp://*:0", settings)];
        settings.zeromq.allow_plain = true;
    })
    .unwrap();
    start(|settings| {
        settings.zeromq.listen = vec![address("tcp://*:0", settings)];
        settings.zeromq.curve = Some(Curve::new(&new_curve_key().1, vec![]).unwrap());
    })
    .unwrap();
}
