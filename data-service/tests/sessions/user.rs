//! The sessions of a person: seen, ended, and ended by what happens to the person.

use super::*;

#[test]
fn a_logout_is_seen_by_every_service_at_once() {
    let house = House::start();
    let (shop, blog) = (house.consumer("shop", SERVICE), house.consumer("blog", SERVICE));
    person(&house, "ada");
    let id = login(&shop, "ada");
    let (at_shop, at_blog) = (resolve(&shop, &id).expect(200), resolve(&blog, &id).expect(200));
    let acting =
        |consumer: &Consumer, found: &Answer| consumer.with_token(&text(found, "token"), &text(found, "secret"));
    let (at_shop, at_blog) = (acting(&shop, &at_shop), acting(&blog, &at_blog));
    at_blog.get("/users/me").expect(200);
    shop.post("/sessions/end", json!({ "sessionid": id })).expect(204);
    resolve(&blog, &id).refused("not_found");
    save(&blog, &id, json!({ "own": { "a": 1 } })).refused("not_found");
    at_blog.get("/users/me").refused("token_revoked");
    at_shop.get("/users/me").refused("token_revoked");
}
