//! The pure steps of verifying a request, each by itself: `cargo bench -p bench`.

use counted::Sample;
use divan::{Bencher, black_box, counter::BytesCount};
use shared::oauth1::percent::{self, Plus};
use shared::oauth1::{
    BodyHash, BodyHashAlgorithm, Key, Request, SentHash, SignatureMethod, base_string_into, decode_signature,
};

fn main() {
    divan::main();
}

fn sample(method: SignatureMethod) -> Sample {
    Sample::signed(method).unwrap()
}

#[divan::bench]
fn parse_header(bencher: Bencher) {
    let sample = sample(SignatureMethod::HmacSha1);
    bencher.bench(|| Request::parse(black_box(&sample.message())).map(|request| request.timestamp));
}

#[divan::bench]
fn parse_header_and_query(bencher: Bencher) {
    let sample = sample(SignatureMethod::HmacSha1);
    let mut message = sample.message();
    message.query = Some("page=3&sort=name&filter=a%20b&q=caf%C3%A9&empty=");
    bencher.bench(|| Request::parse(black_box(&message)).map(|request| request.timestamp));
}

#[divan::bench]
fn base_string(bencher: Bencher) {
    let sample = sample(SignatureMethod::HmacSha1);
    let request = Request::parse(&sample.message()).unwrap();
    let mut text = String::with_capacity(1024);
    bencher.bench_local(|| {
        base_string_into(&mut text, black_box(&request), &sample.base);
        text.len()
    });
}

#[divan::bench(args = SignatureMethod::ALL)]
fn new_key(bencher: Bencher, method: SignatureMethod) {
    let sample = sample(method);
    bencher.bench(|| Key::new(method, black_box(&sample.consumer_secret), &sample.token_secret));
}

#[divan::bench(args = SignatureMethod::ALL)]
fn verify_signature(bencher: Bencher, method: SignatureMethod) {
    let sample = sample(method);
    let request = Request::parse(&sample.message()).unwrap();
    let mut text = String::new();
    base_string_into(&mut text, &request, &sample.base);
    let key = Key::new(method, &sample.consumer_secret, &sample.token_secret);
    assert!(key.verify(text.as_bytes(), &decode_signature(&request.signature())));
    bencher.bench(|| key.verify(black_box(text.as_bytes()), &decode_signature(&request.signature())));
}

#[divan::bench(args = [BodyHashAlgorithm::Sha1, BodyHashAlgorithm::Sha256, BodyHashAlgorithm::Sha512])]
fn body_hash_of_1_kib(bencher: Bencher, algorithm: BodyHashAlgorithm) {
    let body = vec![b'x'; 1024];
    let sent = algorithm.hash(&body);
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| BodyHash::Required.check(Some(&SentHash::read(black_box(&sent))), false, &body).is_ok());
}

#[divan::bench(args = ["c_Jz4Zr0mVbUq6yQ2nT8wXkA", "lower%2fcase%7e", "caf%C3%A9"])]
fn percent_canonical(bencher: Bencher, raw: &str) {
    bencher.bench(|| percent::canonical(black_box(raw), Plus::IsPlus).map(|text| text.len()));
}
