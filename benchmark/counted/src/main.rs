//! Verifies the same request over and over, for `benchmark/instructions`: the pure path of the guard, without a network, a
//! clock or chance, so that the count of instructions is the same every time.

use counted::{BODY, Result, Sample};
use shared::oauth1::{self, BodyHash, Keyed, Request, SignatureMethod, Window, base_string_into, decode_signature};

/// Parse, time window, base string, key, signature, body hash.
fn verify(sample: &Sample, keyed: &Keyed, text: &mut String) -> Result<bool> {
    let request = Request::parse(&sample.message())?;
    Window::at(1_800_000_001, 0).check(request.timestamp)?;
    let signature = decode_signature(&request.signature());
    base_string_into(text, &request, &sample.base);
    let (consumer_secret, token_secret) = (sample.consumer_secret.expose(), sample.token_secret.expose());
    let fits = match request.signature_method {
        // As the guard has it for each token in memory.
        SignatureMethod::HmacSha1 => keyed.verify(text.as_bytes(), &signature),
        method => oauth1::verify(method, consumer_secret, token_secret, text.as_bytes(), &signature),
    };
    let hash = BodyHash::Required.check(request.body_hash().as_ref(), request.form, BODY.as_bytes())?;
    Ok(fits && hash.is_some())
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let method = arguments.next().and_then(|name| SignatureMethod::from_name(&name)).ok_or("which method?")?;
    let count: usize = arguments.next().ok_or("how often?")?.parse()?;
    let sample = Sample::signed(method)?;
    let keyed = Keyed::new(sample.consumer_secret.expose(), sample.token_secret.expose());
    let mut text = String::with_capacity(1024);
    for _ in 0..count {
        if !verify(std::hint::black_box(&sample), &keyed, &mut text)? {
            return Err("the sample does not verify".into());
        }
    }
    Ok(())
}
