//! SIGKILL right behind a page's last byte.

use crate::setup::{Setup, spread};

const TARGETS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_last_page_showed_is_what_a_killed_relay_serves_of_dead_targets() {
    let _alone = crate::alone().await;
    let trials = if crate::long() { 50 } else { 5 };
    let mut setup = Setup::start(TARGETS).await;
    let (mut ready, mut late) = (Vec::new(), 0);
    for trial in 0..trials {
        setup.targets.revive();
        let shown = setup.page().await;
        setup.relay.kill();
        setup.kill_targets();
        assert!(shown.iter().all(|seen| seen.up), "{shown:?}");
        ready.push(setup.restart().await);
        let served = setup.page().await;
        let said = setup.remarks().await;
        let same = shown.iter().zip(&served).all(|(shown, served)| shown.body == served.body && !served.up);
        let none = served.iter().all(|seen| seen.body.is_none());
        // After a page that did not wait for its flush any longer nothing is served: the note on disk forbids it, or the
        // coordinator, which had heard of it.
        late += usize::from(none);
        assert!(same || (none && !said.is_empty()), "trial {trial}: {said:?}\n{shown:?}\n{served:?}");
    }
    let (middle, most) = spread(&mut ready);
    println!("{trials} trials: ready after {middle:?}, at most {most:?}; {late} with a late flush, 0 wrong");
    assert!(late * 5 < trials, "most pages wait for their flush");
}
