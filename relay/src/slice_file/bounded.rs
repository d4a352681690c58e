//! Work on the slice files that nobody waits for without a bound: the stream to the coordinator must go on while a disk
//! hangs.

use std::time::Duration;

use super::{SliceFile, SliceFileError};

/// A slice of 10,000 targets has some megabytes, which a disk takes in milliseconds. Much longer, and heartbeats would
/// be late.
const WITHIN: Duration = Duration::from_secs(1);

impl SliceFile {
    /// Does `work` on a thread of its own. What takes too long goes on there; until it is done nothing else is begun.
    ///
    /// # Errors
    /// Those of `work`; where the disk does not answer; where the process ends.
    pub async fn within_bound<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, SliceFileError> + Send + 'static,
    ) -> Result<T, SliceFileError> {
        let stuck = || SliceFileError::Stuck { dir: self.dir.clone(), bound: WITHIN };
        let permit = self.way.clone().try_acquire_owned().map_err(|_| stuck())?;
        let files = self.clone();
        let working = tokio::task::spawn_blocking(move || {
            let _on_the_way = permit;
            work(&files)
        });
        match tokio::time::timeout(WITHIN, working).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) | Err(_) => Err(stuck()),
        }
    }
}
