use std::time::Duration;

use model::http_client::{Authorization, BasicAuth, Source};
use model::secret::Secret;
use tempfile::TempDir;

use super::*;
use crate::slice::tests::{complete_slice, slice_of};

fn start(now: SystemTime) -> Start {
    Start {
        now,
        started: BootTime::from_start(Duration::from_secs(100)),
        machine_boot_id: "boot".into(),
        contact_within: Duration::from_secs(4),
    }
}

fn contact(seconds: u64, now: SystemTime, served: &[u128]) -> LastContact {
    let at = BootTime::from_start(Duration::from_secs(seconds));
    LastContact::new("boot".into(), at, now, served.iter().map(|id| TargetId(*id)))
}

fn load(file: &SliceFile, start: &Start, loaded: &Loaded) -> Result<Option<KeptSlice>, SliceFileError> {
    file.judge(&file.read()?, start, loaded)
}

fn now() -> SystemTime {
    from_unix_ms(1_700_000_000_000)
}

#[test]
fn a_slice_comes_back_with_carried_out_permissions_as_keep() {
    let dir = TempDir::new().unwrap();
    let file = SliceFile::new(dir.path(), "relay-0");
    let slice = complete_slice(&[(1, Permission::Discard), (2, Permission::None), (3, Permission::Keep)]);
    file.store(&slice, now()).unwrap();
    let kept = load(&file, &start(now()), &Loaded::default()).unwrap().unwrap();
    let permissions: Vec<_> = kept.slice.targets.values().map(|held| held.permission).collect();
    assert_eq!(permissions, [Permission::Keep, Permission::None, Permission::Keep]);
    assert_eq!(kept.slice.reign, slice.reign);
    assert_eq!(kept.contact, None);
}

#[test]
fn a_drained_relay_without_targets_is_known_as_drained_however_old_its_slice_is() {
    let dir = TempDir::new().unwrap();
    let file = SliceFile::new(dir.path(), "relay-0");
    assert_eq!(file.last_words(&file.read().unwrap()).unwrap(), (false, None));
    for drained in [true, false] {
        let slice = HeldSlice { drained, ..complete_slice(&[]) };
        file.store(&slice, now()).unwrap();
        let read = file.read().unwrap();
        let (said, reign) = file.last_words(&read).unwrap();
        assert_eq!((said, reign), (drained, slice.reign.clone()));
        let kept = load(&file, &start(now()), &Loaded::default()).unwrap().unwrap();
        assert_eq!((kept.slice.targets.len(), kept.slice.drained), (0, drained));
        let later = start(now() + Duration::from_secs(90_000));
        assert!(matches!(load(&file, &later, &Loaded::default()), Err(SliceFileError::TooOld { .. })));
    }
    std::fs::write(dir.path().join("slice"), b"torn").unwrap();
    assert!(file.last_words(&file.read().unwrap()).is_err());
}

#[test]
fn no_file_is_no_slice_and_no_error() {
    let dir = TempDir::new().unwrap();
    assert!(
        load(&SliceFile::new(dir.path(), "relay-0"), &start(now()), &Loaded::default()).unwrap().is_none()
    );
}

#[test]
fn any_altered_byte_makes_it_no_slice() {
    let dir = TempDir::new().unwrap();
    let file = SliceFile::new(dir.path(), "relay-0");
    file.store(&slice_of(3), now()).unwrap();
    let path = dir.path().join("slice");
    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        std::fs::write(&path, &bad).unwrap();
        let error = load(&file, &start(now()), &Loaded::default()).unwrap_err();
        assert!(matches!(error, SliceFileError::Damaged { .. }), "byte {at}: {error}");
    }
}

#[test]
fn another_relays_slice_is_none() {
    let dir = TempDir::new().unwrap();
    SliceFile::new(dir.path(), "relay-0").store(&slice_of(3), now()).unwrap();
    let error = load(&SliceFile::new(dir.path(), "relay-1"), &start(now()), &Loaded::default()).unwrap_err();
    assert!(error.to_string().contains("relay-0"), "{error}");
}

#[test]
fn an_altered_contact_is_none() {
    let dir = TempDir::new().unwrap();
    let file = SliceFile::new(dir.path(), "relay-0");
    file.store(&slice_of(2), now()).unwrap();
    file.store_contact(&contact(97, now(), &[1])).unwrap();
    let path = dir.path().join("contact");
    let good = std::fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x01;
        std::fs::write(&path, &bad).unwrap();
        let kept = load(&file, &start(now()), &Loaded::default()).unwrap().unwrap();
        assert_eq!(kept.contact, None, "byte {at}");
    }
}

#[tokio::test]
async fn a_disk_that_does_not_answer_holds_nobody_up() {
    let dir = TempDir::new().unwrap();
    let file = SliceFile::new(dir.path(), "relay-0");
    let (release, blocked) = std::sync::mpsc::sync_channel::<()>(0);
    let stuck = file.within_bound(move |_| {
        blocked.recv().ok();
        Ok(())
    });
    assert!(matches!(stuck.await, Err(SliceFileError::Stuck { .. })));
    let next = file.within_bound(|_| Ok(())).await;
    assert!(matches!(next, Err(SliceFileError::Stuck { .. })), "one at a time");
    release.send(()).unwrap();
    while file.within_bound(|_| Ok(())).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_slice_is_as_old_as_its_last_contact() {
    let dir = TempDir::new().unwrap();
    let file = SliceFile::new(dir.path(), "relay-0");
    file.store(&slice_of(1), now()).unwrap();
    let later = now() + Duration::from_secs(3601);
    let error = load(&file, &start(later), &Loaded::default()).unwrap_err();
    assert!(matches!(error, SliceFileError::TooOld { age_seconds: 3601, .. }), "{error}");
    file.store_contact(&contact(50, now() + Duration::from_secs(60), &[])).unwrap();
    assert!(load(&file, &start(later), &Loaded::default()).unwrap().is_some());
}

#[test]
fn only_a_contact_just_before_the_start_lets_copies_be_served() {
    let dir = TempDir::new().unwrap();
    let file = SliceFile::new(dir.path(), "relay-0");
    file.store(&slice_of(2), now()).unwrap();
    for (seconds, machine, served) in [(97, "boot", true), (96, "boot", false), (97, "other", false)] {
        file.store_contact(&contact(seconds, now(), &[1])).unwrap();
        let start = Start { machine_boot_id: machine.into(), ..start(now()) };
        let kept = load(&file, &start, &Loaded::default()).unwrap().unwrap();
        let since: Vec<bool> = kept.slice.targets.values().map(|held| held.served_since.is_some()).collect();
        assert_eq!(since, [served, false], "{seconds} {machine}");
        assert_eq!(kept.contact.is_some(), served);
    }
}

#[test]
fn inline_credentials_never_reach_the_disk() {
    let dir = TempDir::new().unwrap();
    let file = SliceFile::new(dir.path(), "relay-0");
    let mut slice = slice_of(1);
    let secret = |text: &str| Some(Source::Inline(Secret::new(text)));
    for job in slice.jobs.values_mut() {
        let mut settings = (**job).clone();
        settings.http.basic_auth = Some(BasicAuth { username: secret("user"), password: secret("hunter2") });
        settings.http.authorization =
            Some(Authorization { kind: "Bearer".into(), credentials: secret("token-abc") });
        settings.http.tls.key = secret("private-key");
        *job = Arc::new(settings);
    }
    file.store(&slice, now()).unwrap();
    let bytes = std::fs::read(dir.path().join("slice")).unwrap();
    for secret in ["hunter2", "token-abc", "private-key"] {
        assert_eq!(memchr::memmem::find(&bytes, secret.as_bytes()), None, "{secret}");
    }
    assert!(load(&file, &start(now()), &Loaded::default()).unwrap().is_some());
}
