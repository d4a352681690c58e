//! `scrape-relay targets get`: what is said of a target that moves.

use expect_test::expect_file;
use proto::admin::v1::{State, Target, Transfer};
use scrape_relay::commands::targets::{copies, describe, moving, preferred};

#[test]
fn a_target_that_moves_says_where_how_far_and_why() {
    let at = |stage: &str| Transfer {
        from: "r-0".to_owned(),
        to: "r-1".to_owned(),
        stage: stage.to_owned(),
        reason: "r-0 drains".to_owned(),
        since: None,
    };
    let target = Target {
        name: format!("targets/{:032x}", 7),
        job: "pods".to_owned(),
        url: "http://10.0.0.7/metrics".to_owned(),
        state: State::Up.into(),
        relay: "r-1".to_owned(),
        transfer: Some(at("overlapping")),
        relay_reason: "r-0 drains".to_owned(),
        previous_relay: "r-0".to_owned(),
        preferred_relay: "r-1".to_owned(),
        load: 120,
        cache_permission: "none".to_owned(),
        ..Target::default()
    };
    let mut shown = describe(&target);
    for stage in ["waiting", "muting", "overlapping", "dropping", "handing_over", "new\u{1b}"] {
        shown += &format!("\n{}", moving(&at(stage)).escape_debug());
    }
    shown += &format!("\n{}", preferred(&Target { preferred_relay: "r-2".to_owned(), ..target }));
    for permission in ["keep", "record", "discard", "none", ""] {
        let target = Target { cache_permission: permission.to_owned(), ..Target::default() };
        shown += &format!("\n{permission}: {}", copies(&target));
    }
    expect_file!["../golden/moving.txt"].assert_eq(&format!("{shown}\n"));
}
