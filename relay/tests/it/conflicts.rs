//! Who is told that targets do not agree about a family.

use http::Method;
use model::slice::Permission::Keep;

use super::fleet::{ask, assigned, relay_with};
use super::target::FakeTarget;

#[tokio::test]
async fn families_on_which_targets_disagree_can_be_asked_for_and_are_reported() {
    let a = FakeTarget::start("# TYPE x gauge\nx 1\n").await;
    let b = FakeTarget::start("# TYPE x counter\nx 2\n").await;
    let (coordinator, relay) = relay_with(vec![assigned("a", &a, Keep), assigned("b", &b, Keep)], None).await;
    let early = ask(relay.http, Method::GET, "/conflicts", &[]).await;
    assert_eq!(early.status(), 503);
    assert!(relay.page().await.contains("# TYPE x gauge\n"));
    let answer = ask(relay.http, Method::GET, "/conflicts", &[]).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let listing: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!((&listing["page"], &listing["targets"]), (&"text".into(), &2.into()), "{listing}");
    assert_eq!(listing["conflicts"][0]["family"], "x");
    assert_eq!(listing["conflicts"][0]["deviating"][0]["instance"], "b");
    assert_eq!(relay.metric(r#"scraperelay_family_conflicts{kind="type"}"#).await, 1.0);
    let told = "TYPE counter of `x` does not hold: `x` as gauge; `x` is a gauge already \
                (as instance \"a\" of job \"j\" has it)";
    coordinator.hears(|heard| heard.statuses.iter().any(|it| it.conflicts == [told])).await;
    // Once they agree, nothing is said any more.
    b.body("# TYPE x gauge\nx 2\n");
    relay.page().await;
    coordinator.hears(|heard| heard.statuses.last().is_some_and(|it| it.conflicts.is_empty())).await;
    let answer = ask(relay.http, Method::GET, "/conflicts", &[]).await;
    let listing: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(listing["conflicts"], serde_json::json!([]));
    relay.stop().await;
}
